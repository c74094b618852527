package sandbox

import (
	"encoding/binary"
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// watch tells when a file has grown, and when a writer has closed it.
type watch struct {
	inotify *os.File
	buf     [4096]byte
	once    sync.Once
}

func watchFile(path string) (*watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	if _, err := unix.InotifyAddWatch(fd, path, unix.IN_MODIFY|unix.IN_CLOSE_WRITE); err != nil {
		unix.Close(fd)
		return nil, &os.PathError{Op: "inotify_add_watch", Path: path, Err: err}
	}
	return &watch{inotify: os.NewFile(uintptr(fd), "inotify")}, nil
}

// next waits for something to have happened since the last call, and tells if a writer has closed the file.
func (w *watch) next() (closed bool, err error) {
	n, err := w.inotify.Read(w.buf[:])
	if err != nil {
		return false, err
	}
	for b := w.buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
		mask := binary.NativeEndian.Uint32(b[4:])
		if mask&unix.IN_IGNORED != 0 {
			return false, errors.New("the file was removed")
		}
		if mask&unix.IN_CLOSE_WRITE != 0 {
			closed = true
		}
		b = b[min(len(b), unix.SizeofInotifyEvent+int(binary.NativeEndian.Uint32(b[12:]))):]
	}
	return closed, nil
}

// abandoned tells if nobody has the file open for writing. It is false where the file system cannot tell. Linux grants a
// read lease only then; f must be open for reading only, and is left without the lease.
func abandoned(f *os.File) bool {
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK); err != nil {
		return false
	}
	unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK)
	return true
}

// close makes a call of next that waits, and all later ones, return an error.
func (w *watch) close() { w.once.Do(func() { w.inotify.Close() }) }
