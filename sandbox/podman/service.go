package podman

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/sandbox"
)

// service is a Podman service of our own. It ends with us, even when we are killed.
type service struct {
	process *os.Process
	handle  *os.File // the socket, opened as a path: see startService
	ended   chan struct{}
	stderr  tail
	once    sync.Once
}

// startService starts `podman system service` on a socket that is already listening, handed over as systemd would do.
// Requests can be sent at once and wait in the socket's queue until the service accepts: there is no readiness to poll
// for. The socket's file is removed before anybody else could open it, and we connect through our handle of it, so that
// nothing is left on disk however we end.
//
// It works in a folder of ours: its monitors leave a file `oom` where they are when the kernel ends something of a sandbox,
// and the present folder is the project.
func startService(ociRuntime, folder string) (*service, error) {
	program, err := exec.LookPath("podman")
	if err != nil {
		return nil, &sandbox.Error{Op: "start Podman", Err: err, Hint: "install Podman, for example with: sudo apt-get install podman"}
	}
	dir, err := os.MkdirTemp(os.Getenv("XDG_RUNTIME_DIR"), "wrapix-")
	if err != nil {
		return nil, &sandbox.Error{Op: "make a folder for Podman's socket", Err: err}
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, &sandbox.Error{Op: "make Podman's socket", Err: err}
	}
	defer listener.Close()
	inherited, err := listener.File()
	if err != nil {
		return nil, &sandbox.Error{Op: "make Podman's socket", Err: err}
	}
	defer inherited.Close()
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &sandbox.Error{Op: "open Podman's socket", Err: err}
	}
	s := &service{handle: os.NewFile(uintptr(fd), path), ended: make(chan struct{})}

	// LISTEN_PID must be the service's own pid, which only the child itself can know in time.
	args := []string{"-c", `LISTEN_PID=$$ exec "$0" "$@"`, program}
	if ociRuntime != "" {
		args = append(args, "--runtime", ociRuntime)
	}
	cmd := exec.Command("/bin/sh", append(args, "system", "service", "--time=0")...)
	cmd.Env = append(os.Environ(), "LISTEN_FDS=1", "LISTEN_FDNAMES=podman")
	cmd.Dir = folder
	cmd.ExtraFiles = []*os.File{inherited}
	cmd.Stderr = &s.stderr
	// A process group of its own keeps Ctrl-C at the terminal away: containers have to be stopped in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	started := make(chan error, 1)
	go func() {
		// The kernel sends Pdeathsig when the thread that forked ends, so that thread must live as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait()
		}
		close(s.ended)
	}()
	if err := <-started; err != nil {
		s.handle.Close()
		return nil, &sandbox.Error{Op: "start Podman", Err: err}
	}
	s.process = cmd.Process
	return s, nil
}

func (s *service) socket() string { return fmt.Sprintf("/proc/self/fd/%d", s.handle.Fd()) }

// kill ends the service by force, and waits for it.
func (s *service) kill() {
	select {
	case <-s.ended:
	default:
		syscall.Kill(-s.process.Pid, syscall.SIGKILL)
		<-s.ended
	}
}

// stopPatience is what a service gets to end in order.
const stopPatience = 10 * time.Second

// stop ends the service and waits for it.
func (s *service) stop() {
	s.once.Do(func() {
		// The whole group: the user's first Podman since the boot is two processes, and the outer one may end without
		// having passed the signal on. Monitors of containers have groups of their own.
		select {
		case <-s.ended: // by itself: its number may be somebody else's by now
		default:
			syscall.Kill(-s.process.Pid, syscall.SIGTERM)
			select {
			case <-s.ended:
			case <-time.After(stopPatience):
				s.kill()
			}
		}
		s.handle.Close()
	})
}

// explain adds what the service said to an error that came from talking to it.
func (s *service) explain(err error) error {
	said := strings.TrimSpace(s.stderr.String())
	if said == "" {
		return err
	}
	e := &sandbox.Error{Op: "start Podman", Err: errors.New(said)}
	switch {
	case strings.Contains(said, "newuidmap"):
		e.Hint = "install the programs newuidmap and newgidmap, for example with: sudo apt-get install uidmap"
	case strings.Contains(said, "XDG_RUNTIME_DIR"), strings.Contains(said, "/run/user"):
		e.Hint = "log in anew, or set XDG_RUNTIME_DIR to a folder of your own"
	}
	return e
}

// tail keeps the last 4 KiB of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailSize = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - tailSize; over > 0 {
		t.buf = t.buf[over:]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.ToValidUTF8(t.buf, []byte("?")))
}
