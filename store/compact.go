package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/internal/failpoint"
)

// Usage says how large the file is, and how much of it nothing uses at present.
func (s *Store) Usage() (size, unused int64, err error) {
	c, err := inspect(s.path, s.file, nil)
	if err != nil {
		return 0, 0, err
	}
	used := int64(0)
	for _, word := range c.seen {
		used += int64(bits.OnesCount64(word))
	}
	size = int64(c.size)
	return size, size - used*int64(c.pageSize), nil
}

// Compact writes the database anew without what nothing uses, puts that in the place of the file, and closes the store.
// It returns by how much the file became smaller. Whatever happens to the process meanwhile, the file at the path is
// whole, the old or the new one; what a killed Compact left beside it, the next one removes.
func (s *Store) Compact(ctx context.Context) (saved int64, err error) {
	saved, err = s.compact(ctx)
	if closeErr := s.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return 0, fmt.Errorf("compact %s: %w", s.path, err)
	}
	return saved, nil
}

func (s *Store) compact(ctx context.Context) (saved int64, err error) {
	if err := removeAll(Leftovers(s.path)); err != nil {
		return 0, err
	}
	// A file that is not whole stays as it is, for somebody to look at.
	problems, err := s.Verify(ctx)
	if err == nil && len(problems) > 0 {
		err = s.damaged("%s", problems[0].Text)
	}
	if err != nil {
		return 0, err
	}
	before, err := s.file.Stat()
	if err != nil {
		return 0, err
	}
	fresh, err := s.rewrite(ctx)
	if err != nil {
		return 0, err
	}
	defer func() {
		if saved <= 0 || err != nil {
			err = errors.Join(err, removeAll([]string{fresh}))
		}
	}()
	if err := verifyCopy(ctx, fresh); err != nil {
		return 0, err
	}
	// Nobody who comes between the two names finds a store without a lock.
	file, err := os.OpenFile(fresh, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	after, err := file.Stat()
	if err != nil || after.Size() >= before.Size() {
		return 0, err
	}
	if err := flock(file, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return 0, err
	}
	if err := file.Sync(); err != nil {
		return 0, err
	}
	failpoint.Here("compact-written")
	if err := os.Rename(fresh, s.path); err != nil {
		return 0, err
	}
	failpoint.Here("compact-named")
	return before.Size() - after.Size(), syncFolder(filepath.Dir(s.path))
}

// rewrite copies every record into a new file beside the old one.
func (s *Store) rewrite(ctx context.Context) (name string, err error) {
	file, err := os.CreateTemp(filepath.Dir(s.path), "."+filepath.Base(s.path)+".new-*") // mode 0600
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, removeAll([]string{file.Name()}))
		}
	}()
	db, err := bolt.Open(file.Name(), 0o600, boltOptions(file, false))
	if err != nil {
		return "", errors.Join(err, file.Close())
	}
	db.NoSync = true // until it is complete
	err = s.guard(func() error { return bolt.Compact(db, s.db, 4<<20) })
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = db.Sync()
	}
	return file.Name(), errors.Join(err, db.Close())
}

// Leftovers returns the files beside a store that a killed process left. They are of no use to anybody.
func Leftovers(path string) []string {
	var all []string
	for _, kind := range []string{".new-*", ".copy-*"} {
		found, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+kind)) // the pattern is right
		all = append(all, found...)
	}
	return all
}

func removeAll(names []string) error {
	var all error
	for _, name := range names {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = errors.Join(all, err)
		}
	}
	return all
}
