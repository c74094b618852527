package control

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
)

// listener accepts connections and asks who is on the other end.
type listener struct {
	*net.UnixListener
	max  int
	peer func(*net.UnixConn) (int, error)
	open atomic.Int64
}

// conn is a connection with what speaks against it. A peer that is refused gets an answer that says why, so it goes the
// same way as others, with the same bounds.
type conn struct {
	*net.UnixConn
	refused error
	once    sync.Once
	release func()
}

// Accept returns the next connection. Twice as many as are served may be open, so that those too many can be told; what
// comes above that is closed without a word.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		n := l.open.Add(1)
		if n > int64(2*l.max) {
			l.open.Add(-1)
			_ = c.Close()
			continue
		}
		accepted := &conn{UnixConn: c, release: func() { l.open.Add(-1) }}
		if accepted.refused = checkPeer(c, l.peer); accepted.refused == nil && n > int64(l.max) {
			accepted.refused = fmt.Errorf("%w: more than %d", ErrBusy, l.max)
		}
		return accepted, nil
	}
}

// checkPeer says whether the other end belongs to this process's user.
func checkPeer(c *net.UnixConn, peer func(*net.UnixConn) (int, error)) error {
	uid, err := peer(c)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrForbidden, err)
	}
	if uid != os.Geteuid() {
		return fmt.Errorf("%w: user %d, and this is user %d's", ErrForbidden, uid, os.Geteuid())
	}
	return nil
}

// Close closes the connection and makes room for another.
func (c *conn) Close() error {
	err := c.UnixConn.Close()
	c.once.Do(c.release)
	return err
}

type connKey struct{}

// withConn lets handlers find their connection.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// refusal says why the request's connection is not served, if it is not.
func refusal(ctx context.Context) error {
	if c, ok := ctx.Value(connKey{}).(*conn); ok {
		return c.refused
	}
	return nil
}
