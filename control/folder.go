package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/engine"
)

// folder is an opened state folder. A socket's address holds about a hundred bytes only and state folders can be
// deeper, so the socket is reached through the open folder; then it also cannot be exchanged on the way.
type folder struct {
	path string
	dir  *os.File
}

func openFolder(path string) (*folder, error) {
	dir, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &folder{path: path, dir: dir}, nil
}

func (f *folder) close() { _ = f.dir.Close() }

// checkOwn refuses to serve where others could put a socket of theirs, or reach ours.
func (f *folder) checkOwn() error {
	info, err := f.dir.Stat()
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !info.IsDir() || ok && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s is no folder of this user", f.path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return &engine.Hint{
			Err: fmt.Errorf("the folder %s is open to other users (mode %04o)", f.path, info.Mode().Perm()),
			Try: "chmod 700 " + f.path,
		}
	}
	return nil
}

// address returns a short path to the socket. It is good until release is called.
func (f *folder) address() (path string, release func(), err error) {
	through := "/proc/self/fd/" + strconv.Itoa(int(f.dir.Fd()))
	if info, err := os.Stat(through); err == nil && info.IsDir() {
		return filepath.Join(through, SocketName), func() {}, nil
	}
	return linkedAddress(f.path)
}

// longestAddress is what fits into a socket's address everywhere, with the zero byte behind it.
const longestAddress = 103

// linkedAddress is the way where the kernel shows no open files as paths: the plain path where it is short enough, else
// a symbolic link to the folder that only this user can reach.
func linkedAddress(folder string) (path string, release func(), err error) {
	if folder, err = filepath.Abs(folder); err != nil {
		return "", nil, err
	}
	if path = filepath.Join(folder, SocketName); len(path) <= longestAddress {
		return path, func() {}, nil
	}
	temp, err := os.MkdirTemp("", "ralph-")
	if err != nil {
		return "", nil, fmt.Errorf("make a short way to %s: %w", folder, err)
	}
	release = func() { _ = os.RemoveAll(temp) }
	link := filepath.Join(temp, "s")
	if err := os.Symlink(folder, link); err != nil {
		release()
		return "", nil, fmt.Errorf("make a short way to %s: %w", folder, err)
	}
	return filepath.Join(link, SocketName), release, nil
}

// dial connects to the socket. The error is ErrNobody where nobody listens.
func (f *folder) dial(ctx context.Context) (*net.UnixConn, error) {
	path, release, err := f.address()
	if err != nil {
		return nil, err
	}
	defer release()
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	switch {
	case errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("%w (%s)", ErrNobody, f.path)
	case errors.Is(err, syscall.EAGAIN):
		return nil, fmt.Errorf("connect to the process that runs in %s: %w", f.path, ErrBusy)
	case err != nil:
		return nil, fmt.Errorf("connect to the process that runs in %s: %w", f.path, unwrapOp(err))
	}
	return c.(*net.UnixConn), nil
}

// unwrapOp leaves out the address, which names no path that a person knows.
func unwrapOp(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// listen makes the socket. The caller holds the store's lock, so a socket that nobody listens on is left over from a
// process that died, and is replaced.
func (f *folder) listen(ctx context.Context) (*net.UnixListener, error) {
	path, release, err := f.address()
	if err != nil {
		return nil, err
	}
	defer release()
	l, err := bind(ctx, path)
	if errors.Is(err, syscall.EADDRINUSE) {
		if err := f.removeStale(ctx); err != nil {
			return nil, err
		}
		l, err = bind(ctx, path)
	}
	if err != nil {
		return nil, unwrapOp(err)
	}
	// Where the mode could not be set before the socket had its name, the folder's mode has protected it until now.
	if err := unix.Fchmodat(int(f.dir.Fd()), SocketName, 0o600, 0); err != nil {
		_ = l.Close()
		return nil, err
	}
	return l, nil
}

// bind listens with a socket that has its mode before it has a name, without touching the process's umask.
func bind(ctx context.Context, path string) (*net.UnixListener, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) { _ = unix.Fchmod(int(fd), 0o600) })
	}}
	l, err := config.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	ul := l.(*net.UnixListener)
	ul.SetUnlinkOnClose(false) // its path is through our descriptor; remove knows the name in the folder
	return ul, nil
}

// removeStale removes a socket that nobody listens on.
func (f *folder) removeStale(ctx context.Context) error {
	c, err := f.dial(ctx)
	if err == nil {
		_ = c.Close()
		return fmt.Errorf("%s: %w", f.path, ErrServed)
	}
	if !errors.Is(err, ErrNobody) {
		return fmt.Errorf("%s: %w: %w", f.path, ErrServed, err)
	}
	stat, err := f.stat()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && stat.Mode&unix.S_IFMT != unix.S_IFSOCK {
		err = fmt.Errorf("%s is no socket", filepath.Join(f.path, SocketName))
	}
	if err != nil {
		return err
	}
	return f.remove(stat)
}

func (f *folder) stat() (stat unix.Stat_t, err error) {
	err = unix.Fstatat(int(f.dir.Fd()), SocketName, &stat, unix.AT_SYMLINK_NOFOLLOW)
	return stat, err
}

// remove removes the socket if it is still that one.
func (f *folder) remove(was unix.Stat_t) error {
	now, err := f.stat()
	if err != nil || now.Ino != was.Ino || now.Dev != was.Dev {
		return nil
	}
	if err := unix.Unlinkat(int(f.dir.Fd()), SocketName, 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the socket in %s: %w", f.path, err)
	}
	return nil
}
