package key

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// SocketName is the agent's socket in its folder.
const SocketName = "agent.sock"

// Bounds of what a sandbox can take from the host through the socket.
const (
	maxConnections = 16
	maxMessage     = 16 << 10 // a login's data have some hundred bytes, with an RSA host key some thousand
	idleTime       = 2 * time.Minute
	acceptPause    = 50 * time.Millisecond
)

// Agent is an ssh-agent on the host for one sandbox or one loop. It has one key, and signs with it only logins of one
// user to one server: the client must first prove to which server it is connected (OpenSSH 8.9 and later do). It cannot be given
// keys, locked or asked for anything else, so whoever reaches its socket can use the key as it is meant and no other way.
type Agent struct {
	policy   policy
	refused  func(reason string)
	listener *net.UnixListener
	folder   *os.File
	done     sync.WaitGroup

	mu     sync.Mutex
	signer ssh.Signer
	conns  map[net.Conn]bool // nil once it is closed
	told   map[string]bool   // reasons that refused was told of
}

// listenAgent makes the socket in the folder and answers on it until Close. A socket that is there is one that a
// process before us left: the caller makes sure that it is alone. The folder stays as it is, so that sandboxes which
// have it mounted reach the new socket. Refused is told once of each reason; it may be nil.
func listenAgent(ctx context.Context, folder string, k Key, signer ssh.Signer, refused func(string)) (*Agent, error) {
	dir, err := os.Open(folder)
	if err != nil {
		return nil, fmt.Errorf("make the deploy key's socket: %w", err)
	}
	a := &Agent{
		policy: policy{user: k.Remote.User, host: k.Host}, refused: refused, folder: dir, signer: signer,
		conns: map[net.Conn]bool{}, told: map[string]bool{},
	}
	if a.listener, err = listenIn(ctx, dir); err != nil {
		dir.Close()
		return nil, fmt.Errorf("make the deploy key's socket: %w", err)
	}
	a.done.Add(1)
	go a.accept()
	return a, nil
}

// listenIn reaches the folder through its open file: the address of a socket holds about a hundred bytes only.
func listenIn(ctx context.Context, dir *os.File) (*net.UnixListener, error) {
	if err := unix.Unlinkat(int(dir.Fd()), SocketName, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return nil, err
	}
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) { _ = unix.Fchmod(int(fd), 0o600) }) // the mode that its name will have
	}}
	l, err := config.Listen(ctx, "unix", filepath.Join(fmt.Sprintf("/proc/self/fd/%d", dir.Fd()), SocketName))
	if err != nil {
		return nil, err
	}
	ul := l.(*net.UnixListener)
	ul.SetUnlinkOnClose(false) // Close knows the name in the folder
	return ul, nil
}

// use exchanges the key, for connections that come from now on.
func (a *Agent) use(signer ssh.Signer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.signer = signer
}

// Close removes the socket and ends all conversations.
func (a *Agent) Close() error {
	a.mu.Lock()
	for conn := range a.conns {
		conn.Close()
	}
	a.conns = nil
	a.mu.Unlock()
	err := a.listener.Close()
	a.done.Wait()
	if errUnlink := unix.Unlinkat(int(a.folder.Fd()), SocketName, 0); !errors.Is(errUnlink, unix.ENOENT) {
		err = errors.Join(err, errUnlink)
	}
	return errors.Join(err, a.folder.Close())
}

func (a *Agent) accept() {
	defer a.done.Done()
	for {
		conn, err := a.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of files, say, which asking again at once does not mend
			time.Sleep(acceptPause)
			continue
		}
		a.mu.Lock()
		if a.conns == nil || len(a.conns) >= maxConnections {
			a.mu.Unlock()
			conn.Close()
			continue
		}
		a.conns[conn] = true
		s := &session{policy: a.policy, signer: a.signer}
		a.done.Add(1)
		a.mu.Unlock()
		go func() {
			defer a.done.Done()
			a.serve(conn, s)
			conn.Close()
			a.mu.Lock()
			delete(a.conns, conn)
			a.mu.Unlock()
		}()
	}
}

// serve answers one client until it goes, is silent for long, or says what is no message.
func (a *Agent) serve(conn net.Conn, s *session) {
	head := make([]byte, 4)
	for {
		if conn.SetDeadline(time.Now().Add(idleTime)) != nil {
			return
		}
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		n := binary.BigEndian.Uint32(head)
		if n == 0 || n > maxMessage {
			return
		}
		message := make([]byte, n)
		if _, err := io.ReadFull(conn, message); err != nil {
			return
		}
		answer, err := s.answer(message)
		if err != nil {
			a.tell(err.Error())
		}
		if _, err := conn.Write(appendString(nil, answer)); err != nil {
			return
		}
	}
}

// tell passes a reason on, once: a client could ask for the same for ever.
func (a *Agent) tell(reason string) {
	a.mu.Lock()
	known := a.told[reason]
	a.told[reason] = true
	a.mu.Unlock()
	if !known && a.refused != nil {
		a.refused(reason)
	}
}
