package gateway

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// longestPath is what fits into the address of a Unix socket.
const longestPath = 107

// listen opens a socket in the folder, in the place of one that a process which died left behind, and lets as many
// connections in as there is room for.
func (g *Gateway) listen(name string, room chan struct{}) (*door, error) {
	path := filepath.Join(g.dir, name)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	address := path
	if len(address) > longestPath { // a folder that is open has a short name
		dir, err := os.Open(g.dir)
		if err != nil {
			return nil, err
		}
		defer dir.Close()
		address = fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), name)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: address, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // by a name that may mean another folder then; Close does it
	g.listeners = append(g.listeners, l)
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, err
	}
	return &door{Listener: l, room: room, closed: g.isClosed, admits: isOurs}, nil
}

// maxConnections bounds how many connections the proxy serves at a time, and all ports together; further ones wait.
const maxConnections = 256

// door lets in so many connections at a time, together with the doors that share its room. Whoever was let one in calls
// leave at its end.
type door struct {
	net.Listener
	room   chan struct{}
	closed func() bool         // asked of whoever had to wait for room
	admits func(net.Conn) bool // nil: everybody
}

// Accept implements net.Listener.
func (d *door) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if d.admits == nil || d.admits(c) {
			d.room <- struct{}{} // only now: a door that waits for somebody takes no room from the others
			if d.closed() {
				d.leave()
				c.Close()
				return nil, net.ErrClosed
			}
			return c, nil
		}
		c.Close()
	}
}

func (d *door) leave() { <-d.room }

// isOurs says whether the process at the other end has our user id, which in a sandbox all have.
func isOurs(c net.Conn) bool {
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return false
	}
	ours := false
	err = raw.Control(func(fd uintptr) {
		cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		ours = err == nil && int(cred.Uid) == os.Geteuid()
	})
	return err == nil && ours
}
