package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/wrapix/wrapix/sandbox/frame"
)

const (
	// maxForwarded bounds the connections of one port that are under way; further ones wait.
	maxForwarded = 256
	// parked is how many connections wait at the host for one published port.
	parked = 4
	// busyThreads bounds the threads that pass bytes: of the processes that the limit counts, few are set aside for us
	// (ownThreads), and Go ends a program that cannot have one more.
	busyThreads = 4
	// The pauses between two tries to reach a host that does not listen: a loop that takes this sandbox up again may come
	// any time.
	firstPause, longestPause = 50 * time.Millisecond, 2 * time.Second
)

// forward joins ports of the sandbox's loopback with the sockets of the host. It only passes bytes on; what may pass is
// the host's to decide. When it returns, everything that the commands may ask for is there.
func forward(n *frame.Net) error {
	if n == nil {
		return nil
	}
	runtime.GOMAXPROCS(min(runtime.GOMAXPROCS(0), busyThreads))
	in := map[int]string{}
	if n.Proxy {
		in[frame.ProxyPort] = frame.ProxySocket
	}
	for _, port := range n.HostPorts {
		in[port] = frame.HostSocket(port)
	}
	for port, socket := range in {
		if err := forwardPort(port, socket); err != nil {
			return fmt.Errorf("listen on port %d: %w", port, err)
		}
	}
	for _, port := range n.Published {
		for range parked {
			go publish(port)
		}
	}
	return nil
}

// forwardPort listens on both loopbacks, where there are two.
func forwardPort(port int, socket string) error {
	room := make(chan struct{}, maxForwarded)
	for _, host := range []string{"127.0.0.1", "::1"} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if host == "::1" && (errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)) {
			continue
		}
		if err != nil {
			return err
		}
		go accept(l, socket, room)
	}
	return nil
}

func accept(l net.Listener, socket string, room chan struct{}) {
	for {
		room <- struct{}{}
		c, err := l.Accept()
		if err != nil { // too many files, say: nothing else can happen to a listener that nobody closes
			<-room
			time.Sleep(firstPause)
			continue
		}
		go func() {
			defer func() { <-room }()
			host, err := dialHost(socket)
			if err != nil {
				c.Close()
				return
			}
			join(c, host)
		}()
	}
}

func dialHost(socket string) (net.Conn, error) {
	return net.Dial("unix", frame.SocketDir+"/"+socket)
}

// publish keeps one connection at the host, for the next that comes to the published port, and makes a new one as soon
// as that is taken.
func publish(port int) {
	pause := firstPause
	for {
		began := time.Now()
		host, err := dialHost(frame.PublishedSocket(port))
		if err == nil {
			var wanted [1]byte
			if _, err = io.ReadFull(host, wanted[:]); err == nil && wanted[0] == frame.Wanted {
				go serve(host, port)
				pause = firstPause
				continue
			}
			host.Close()
		}
		if time.Since(began) > longestPause { // it was there for a while
			pause = firstPause
		}
		time.Sleep(pause)
		pause = min(2*pause, longestPause)
	}
}

// serve joins a connection from outside with the command that listens on the port, on whichever loopback that is.
func serve(host net.Conn, port int) {
	c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		c, err = net.Dial("tcp", net.JoinHostPort("::1", strconv.Itoa(port)))
	}
	if err != nil {
		host.Close()
		return
	}
	join(c, host)
}

// join passes bytes in both directions until both have ended, and closes both connections.
func join(a, b net.Conn) {
	defer a.Close()
	defer b.Close()
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
