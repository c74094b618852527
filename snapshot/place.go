package snapshot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// place is a folder in which paths are opened one part at a time and never through a symbolic link: nothing outside of
// it can be read or written, whatever its content becomes meanwhile. It keeps the folder used last open.
type place struct {
	root   int
	folder string
	fd     int // of folder; root's own when folder is ""
}

// stat is what is compared to tell that a file did not change.
type stat struct {
	size, mtime, ctime int64 // times in nanoseconds
	inode              uint64
}

func openPlace(dir string) (*place, error) {
	fd, err := retry(func() (int, error) {
		return unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	return &place{root: fd, fd: fd}, nil
}

func (p *place) close() {
	p.leave()
	_ = unix.Close(p.root) // nothing was written through it
}

func (p *place) leave() {
	if p.fd != p.root {
		_ = unix.Close(p.fd)
	}
	p.fd, p.folder = p.root, ""
}

// parent returns the open folder of the path and the path's last part. With make, missing folders are made.
func (p *place) parent(path string, make bool) (int, string, error) {
	folder, name := "", path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		folder, name = path[:i], path[i+1:]
	}
	if folder == p.folder {
		return p.fd, name, nil
	}
	p.leave()
	if folder == "" {
		return p.root, name, nil
	}
	fd := p.root
	for part := range strings.SplitSeq(folder, "/") {
		next, err := openFolder(fd, part)
		if make && errors.Is(err, unix.ENOENT) {
			if err = unix.Mkdirat(fd, part, 0o777); err == nil || errors.Is(err, unix.EEXIST) {
				next, err = openFolder(fd, part)
			}
		}
		if fd != p.root {
			_ = unix.Close(fd)
		}
		if err != nil {
			return -1, "", err
		}
		fd = next
	}
	p.fd, p.folder = fd, folder
	return fd, name, nil
}

func openFolder(at int, name string) (int, error) {
	return retry(func() (int, error) {
		return unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	})
}

// openFile opens for reading what must be a regular file. It does not wait for the other end of a pipe.
func openFile(at int, name string) (*os.File, unix.Stat_t, error) {
	var st unix.Stat_t
	fd, err := retry(func() (int, error) {
		return unix.Openat(at, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, st, err
	}
	if err = unix.Fstat(fd, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = errNotRegular
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, st, err
	}
	return os.NewFile(uintptr(fd), name), st, nil
}

var errNotRegular = errors.New("not a regular file")

func lstat(at int, name string) (unix.Stat_t, error) {
	var st unix.Stat_t
	_, err := retry(func() (int, error) { return 0, unix.Fstatat(at, name, &st, unix.AT_SYMLINK_NOFOLLOW) })
	return st, err
}

func readLink(at int, name string) ([]byte, error) {
	buf := make([]byte, unix.PathMax)
	n, err := retry(func() (int, error) { return unix.Readlinkat(at, name, buf) })
	if err != nil {
		return nil, err
	}
	return buf[:n], nil
}

// retry repeats a call that a signal interrupted.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

func statOf(st *unix.Stat_t) stat {
	return stat{size: st.Size, mtime: st.Mtim.Nano(), ctime: st.Ctim.Nano(), inode: st.Ino}
}

// syncFolders makes the names in the folders survive a power cut. Git syncs what it writes, but not the folders.
func syncFolders(dirs ...string) error {
	for _, dir := range dirs {
		f, err := os.Open(dir)
		if err != nil {
			return err
		}
		err = f.Sync()
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return fmt.Errorf("sync %s: %w", dir, err)
		}
	}
	return nil
}

// inside tells whether path is dir or lies below it; both must be resolved.
func inside(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
