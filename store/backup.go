package store

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"

	"github.com/wrapix/wrapix/internal/failpoint"
)

// Backup writes the database as it is at this moment to w. Appends go on meanwhile; one that makes the file much larger
// waits, so w should be a file and not somebody's connection.
func (s *Store) Backup(ctx context.Context, w io.Writer) error {
	to := &stoppable{Writer: w, ctx: ctx}
	err := s.view(func(tx *bolt.Tx) error {
		_, err := tx.WriteTo(to)
		return err
	})
	if to.err != nil {
		err = to.err // bbolt passes some of them on as text only
	}
	if err != nil {
		return fmt.Errorf("copy %s: %w", s.path, err)
	}
	return nil
}

// stoppable is a writer that fails when its context has ended, and remembers its error.
type stoppable struct {
	io.Writer
	ctx context.Context
	err error
}

func (w *stoppable) Write(b []byte) (n int, err error) {
	if w.err = w.ctx.Err(); w.err == nil {
		n, w.err = w.Writer.Write(b)
	}
	return n, w.err
}

// SaveCopy puts a database at path that fill writes, a [Store.Backup] say. It appears there when it was written whole,
// verified, and is safe on the disk; until then, and after an error, what was at path stays. Without replace that is
// nothing, else the error is fs.ErrExist.
func SaveCopy(ctx context.Context, path string, replace bool, fill func(io.Writer) error) (size int64, err error) {
	if _, err := os.Lstat(path); err == nil && !replace {
		return 0, &fs.PathError{Op: "write", Path: path, Err: fs.ErrExist}
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return 0, err
	}
	defer os.Remove(file.Name()) // gone already when all went well
	err = fill(file)
	if err == nil {
		size, err = file.Seek(0, io.SeekEnd)
	}
	if err == nil && size == 0 {
		err = damaged(path, "the copy is empty")
	}
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = verifyCopy(ctx, file.Name())
	}
	if err == nil {
		failpoint.Here("backup-written")
		err = os.Rename(file.Name(), path)
	}
	if err == nil {
		failpoint.Here("backup-named")
		err = syncFolder(filepath.Dir(path))
	}
	return size, err
}

// verifyCopy opens a file that is to become somebody's store, and finds nothing wrong with it.
func verifyCopy(ctx context.Context, path string) error {
	s, err := openFile(path, Options{ReadOnly: true}.withDefaults(), migrations)
	if err != nil {
		return err
	}
	problems, err := s.Verify(ctx)
	if closeErr := s.Close(); err == nil {
		err = closeErr
	}
	if err == nil && len(problems) > 0 {
		err = fmt.Errorf("the copy is not whole: %s: %w", problems[0].Text, ErrDamaged)
	}
	return err
}
