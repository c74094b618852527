package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/control"
	"github.com/wrapix/wrapix/store"
)

// stateWatch tells when a process may have begun or ended to work on a project: its socket or its name in the state
// folder changed.
type stateWatch struct {
	inotify *os.File
	stop    func() bool
}

// watchState begins to watch. What happens from then on is told, until ctx ends.
func watchState(ctx context.Context, folder string) (*stateWatch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	w := &stateWatch{inotify: os.NewFile(uintptr(fd), "inotify")}
	// A socket has its mode changed once somebody listens on it. A process that ends in order empties the file with its
	// name right before it gives the store free.
	if _, err := unix.InotifyAddWatch(fd, folder, unix.IN_CREATE|unix.IN_DELETE|unix.IN_ATTRIB|unix.IN_CLOSE_WRITE|unix.IN_MODIFY); err != nil {
		_ = w.inotify.Close()
		return nil, &os.PathError{Op: "inotify_add_watch", Path: folder, Err: err}
	}
	w.stop = context.AfterFunc(ctx, func() { _ = w.inotify.Close() })
	return w, nil
}

// next waits for something to have happened since the last call.
func (w *stateWatch) next() error {
	buf := make([]byte, 16<<10)
	for {
		n, err := w.inotify.Read(buf)
		if err != nil {
			return err
		}
		// The database beside them changes with each event, but the names are all that is looked for: no name of the others
		// holds one of these.
		names := string(buf[:n])
		if strings.Contains(names, control.SocketName) || strings.Contains(names, filepath.Base(store.File)+".holder") {
			return nil
		}
	}
}

func (w *stateWatch) close() {
	if w.stop() {
		_ = w.inotify.Close()
	}
}

// untilUnread returns a context that also ends when nobody reads the pipe any more that is written to. Without it a
// program that waits for something to print would never know.
func untilUnread(parent context.Context, w io.Writer) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	out, ok := w.(*os.File)
	if !ok {
		return ctx, cancel
	}
	end, stop, err := os.Pipe()
	if err != nil {
		return ctx, cancel
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		// A file and a terminal never come to this; of a pipe POLLERR says that it has no reader.
		fds := []unix.PollFd{{Fd: int32(out.Fd())}, {Fd: int32(end.Fd())}}
		for {
			if _, err := unix.Poll(fds, -1); err != unix.EINTR {
				break
			}
		}
		if fds[0].Revents&unix.POLLERR != 0 {
			cancel()
		}
	}()
	return ctx, func() {
		_ = stop.Close()
		<-done
		_ = end.Close()
		cancel()
	}
}
