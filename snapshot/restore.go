package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Restore writes a snapshot into the folder dest, which must be empty or not exist. What fails leaves the part that was
// written.
func (r *Repo) Restore(ctx context.Context, id, dest string) error {
	if err := r.restore(ctx, id, dest); err != nil {
		return fmt.Errorf("restore snapshot %s to %s: %w", id, dest, err)
	}
	return nil
}

func (r *Repo) restore(ctx context.Context, id, dest string) error {
	full, err := r.resolve(ctx, id)
	if err != nil {
		return err
	}
	if err = os.Mkdir(dest, 0o777); errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err != nil {
		return err
	}
	if dest, err = resolve(dest); err != nil {
		return err
	}
	names, err := os.ReadDir(dest)
	if err != nil {
		return err
	}
	if len(names) > 0 {
		return ErrNotEmpty
	}
	files, err := r.files(ctx, full)
	if err != nil {
		return err
	}
	to, err := openPlace(dest)
	if err != nil {
		return err
	}
	defer to.close()
	return r.contents(ctx, oids(files), func(i int, size int64, content io.Reader) error {
		if err := to.write(&files[i], nil, size, content); err != nil {
			return fmt.Errorf("write %q: %w", files[i].path, err)
		}
		return nil
	})
}

func oids(files []entry) []oid {
	all := make([]oid, len(files))
	for i := range files {
		all[i] = files[i].oid
	}
	return all
}

// errInTheWay says that a path holds what no snapshot has: it is left alone.
var errInTheWay = errors.New("something that is in no snapshot is in the way")

// errMeanwhile says that a file is no longer what was recorded a moment ago.
var errMeanwhile = errors.New("it changed meanwhile")

// write makes a file or link of e. What is there must be old, as it was recorded, or nothing when old is nil.
func (p *place) write(e, old *entry, size int64, content io.Reader) error {
	if err := checkPath(e.path); err != nil {
		return err
	}
	at, name, err := p.parent(e.path, true)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return errInTheWay
	}
	if err != nil {
		return err
	}
	permissions := uint32(0)
	if old != nil {
		if permissions, err = p.drop(at, name, old); err != nil {
			return err
		}
	}
	if e.mode == modeLink {
		target, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		return inTheWay(unix.Symlinkat(string(target), at, name))
	}
	fd, err := retry(func() (int, error) {
		return unix.Openat(at, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, creation(e.mode, permissions))
	})
	if err != nil {
		return inTheWay(err)
	}
	f := os.NewFile(uintptr(fd), name)
	n, err := io.Copy(f, content)
	if err == nil && n < size {
		err = io.ErrUnexpectedEOF
	}
	if err == nil && permissions != 0 {
		err = unix.Fchmod(fd, creation(e.mode, permissions))
	}
	return errors.Join(err, f.Close())
}

// creation returns the permissions of a file: those that it had before, with execution for those who may read when it
// is executable and for nobody when not; for a new file what the umask leaves.
func creation(mode, had uint32) uint32 {
	if had == 0 {
		had = 0o666
	}
	had &= 0o666
	if mode == modeExecutable {
		had |= had >> 2 & 0o111
	}
	return had
}

func inTheWay(err error) error {
	if errors.Is(err, unix.EEXIST) {
		return errInTheWay
	}
	return err
}

// drop removes a file that is as it was recorded, and returns its permissions; 0 for a link.
func (p *place) drop(at int, name string, old *entry) (permissions uint32, err error) {
	st, err := lstat(at, name)
	if err != nil {
		return 0, err
	}
	if statOf(&st) != old.stat || gitMode(&st) != old.mode {
		return 0, errMeanwhile
	}
	if old.mode != modeLink {
		permissions = uint32(st.Mode) & 0o777
	}
	return permissions, unix.Unlinkat(at, name, 0)
}

// remove removes a file that is as it was recorded, and then the folders that it leaves empty.
func (p *place) remove(old *entry) error {
	path := old.path
	at, name, err := p.parent(path, false)
	if err != nil {
		return err
	}
	if _, err = p.drop(at, name, old); err != nil {
		return err
	}
	for {
		i := strings.LastIndexByte(path, '/')
		if i < 0 {
			return nil
		}
		path = path[:i]
		if at, name, err = p.parent(path, false); err != nil {
			return err
		}
		if unix.Unlinkat(at, name, unix.AT_REMOVEDIR) != nil {
			return nil // it holds something else
		}
	}
}

// checkPath refuses what no snapshot of ours has: a repository may have come from elsewhere.
func checkPath(path string) error {
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." || isGit(part) {
			return errors.New("not a path that can be in a snapshot")
		}
	}
	return nil
}
