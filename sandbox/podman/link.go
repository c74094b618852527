package podman

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/wrapix/wrapix/sandbox"
)

// link is the way to a Podman service that lives. A service can be killed, by a person, by the kernel for its memory, or
// by an upgrade, while a sandbox runs for hours: that sandbox needs no service, but we need one when it has ended. So
// each new connection goes to a new service of our own where the one before is gone. The bindings send a request that
// met the end of a service again, so mostly nobody notices.
type link struct {
	socket     string // of somebody else's service; empty where it is ours
	foreign    bool   // the caller named the socket, and wants no other
	ociRuntime string
	folder     string        // where services of ours work
	patience   time.Duration // zero means the constant

	mu     sync.Mutex
	own    *service // nil as long as the other is used
	closed bool
}

// errClosed is what those get who use an Engine that was closed.
var errClosed = errors.New("the connection to Podman is closed")

// dial is how the bindings connect. They name the socket of the first connection, which may be gone.
func (l *link) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	for tried := false; ; tried = true {
		own, path, err := l.current()
		if err != nil {
			return nil, err
		}
		conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
		if err == nil || tried || l.foreign || !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, fs.ErrNotExist) {
			return conn, err
		}
		if own != nil { // it is dead, or about to be: nobody else has the socket
			select {
			case <-own.ended:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		if err := l.replace(own); err != nil {
			return nil, err
		}
	}
}

// current is the service to connect to; nil stands for the one of somebody else.
func (l *link) current() (own *service, path string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return nil, "", &sandbox.Error{Op: "connect to Podman", Err: errClosed}
	case l.own == nil:
		return nil, l.socket, nil
	}
	return l.own, l.own.socket(), nil
}

// replace starts another service, unless somebody did so already.
func (l *link) replace(gone *service) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.own != gone {
		return nil
	}
	next, err := startService(l.ociRuntime, l.folder)
	if err != nil {
		return err
	}
	if gone != nil {
		gone.stop()
	}
	l.own = next
	return nil
}

// close ends the service that is ours. It may be called again.
func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.own != nil {
		l.own.stop()
	}
}

// wholeTries bounds how often an answer is asked for that the end of a service cuts short.
const wholeTries = 5

// patience is how long a service may think about a question that it answers in milliseconds, or after the ten seconds in
// which it stops a container. One whose storage was wiped under it answers never.
const patience = 2 * time.Minute

// whole asks again where the service was killed in the middle of its answer, which the bindings take for an answer, or
// more often than they try. A service of our own that does not answer is killed. What is asked must change nothing.
func whole[T any](ctx context.Context, l *link, ask func(context.Context) (T, error)) (answer T, err error) {
	for try := 0; try < wholeTries; try++ {
		asking, cancel := context.WithTimeout(ctx, cmp.Or(l.patience, patience))
		answer, err = ask(asking)
		late := asking.Err() != nil && ctx.Err() == nil
		cancel()
		switch {
		case late && err != nil:
			err = fmt.Errorf("wait for Podman's answer: %w", err)
			if try > 0 || !l.kill() {
				return answer, err
			}
		case !cutShort(err):
			return answer, err
		}
	}
	return answer, err
}

// kill ends the service that is ours, at once; the next connection is to another. It tells if there was one.
func (l *link) kill() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.own == nil {
		return false
	}
	l.own.kill()
	return true
}
