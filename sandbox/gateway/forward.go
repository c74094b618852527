package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/wrapix/wrapix/sandbox/frame"
)

// dialTime bounds how long connecting to one address may take.
const dialTime = 10 * time.Second

// serveHostPort joins each connection with the port of the host's loopback.
func (g *Gateway) serveHostPort(d *door, port int) {
	ctx, cancel := context.WithCancel(context.Background())
	g.stops = append(g.stops, cancel)
	g.serving.Go(func() {
		g.each(d, func(c net.Conn) {
			to, err := dialLoopback(ctx, port)
			if err != nil {
				return
			}
			g.join(c, to)
		})
	})
}

// dialLoopback connects to a service of the host that listens on its loopback, whichever of the two that is.
func dialLoopback(ctx context.Context, port int) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTime}
	to, err := d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		to, err = d.DialContext(ctx, "tcp", net.JoinHostPort("::1", strconv.Itoa(port)))
	}
	return to, err
}

// each serves the connections of a door until it is closed, and waits for them.
func (g *Gateway) each(d *door, serve func(net.Conn)) {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		c, err := d.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // too many files are open, say: it passes, and asking again at once would not help it
			time.Sleep(10 * time.Millisecond)
			continue
		}
		all.Go(func() {
			defer d.leave()
			defer g.drop(c)
			if g.hold(c) {
				serve(c)
			}
		})
	}
}

// join passes bytes in both directions until both have ended, and closes the second connection.
func (g *Gateway) join(a, b net.Conn) {
	defer g.drop(b)
	if !g.hold(b) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { pass(a, b) })
	both.Go(func() { pass(b, a) })
	both.Wait()
}

// pass copies one direction. After an error there is no use in the other one either.
func pass(to, from net.Conn) {
	_, err := io.Copy(to, from)
	if half, ok := to.(interface{ CloseWrite() error }); ok && err == nil {
		err = half.CloseWrite()
	}
	if err != nil {
		to.Close()
		from.Close()
	}
}

const (
	// parkedConnections is how many connections of the guest wait at a published port. It keeps four.
	parkedConnections = 16
	// parkTime is how long a connection to a published port waits for the guest.
	parkTime = 5 * time.Second
)

func listenOnLoopback(port int) (net.Listener, error) {
	l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		err = ErrPortTaken
	}
	return l, err
}

// publish joins the connections to a port of the host's loopback with those that the guest keeps for them.
func (g *Gateway) publish(l net.Listener, port int) error {
	g.listeners = append(g.listeners, l)
	// Those of the guest that are in use are counted outside, and few may wait.
	inner, err := g.listen(frame.PublishedSocket(port), make(chan struct{}, maxConnections+parkedConnections))
	if err != nil {
		return err
	}
	parked := make(chan parkedConn, parkedConnections)
	ctx, cancel := context.WithCancel(context.Background())
	g.stops = append(g.stops, cancel)
	g.serving.Go(func() {
		g.each(inner, func(c net.Conn) {
			p := parkedConn{c, make(chan struct{})}
			select {
			case parked <- p:
			default:
				return // more than the guest keeps
			}
			select {
			case <-p.done:
			case <-ctx.Done():
			}
		})
	})
	g.serving.Go(func() {
		g.each(&door{Listener: l, room: g.ports, closed: g.isClosed}, func(c net.Conn) {
			if p := take(ctx, parked); p.Conn != nil {
				g.join(c, p.Conn)
				close(p.done)
			}
		})
	})
	return nil
}

// parkedConn is a connection of the guest that waits to be wanted.
type parkedConn struct {
	net.Conn
	done chan struct{}
}

// take returns a connection that is alive, or none.
func take(ctx context.Context, parked <-chan parkedConn) parkedConn {
	enough := time.NewTimer(parkTime)
	defer enough.Stop()
	for {
		select {
		case p := <-parked:
			if _, err := p.Write([]byte{frame.Wanted}); err == nil {
				return p
			}
			close(p.done)
		case <-enough.C:
			return parkedConn{}
		case <-ctx.Done():
			return parkedConn{}
		}
	}
}
