// Package podman is a [sandbox.Runtime] on rootless Podman, versions 4.3 to 5.x, through its API on a Unix socket. It
// is the only package that imports Podman's bindings.
//
// An [Engine] uses the user's active Podman socket, or else runs a Podman service of its own for as long as the process
// lives, and another one when that is killed. Containers belong to neither: they go on when both are gone.
package podman

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/blang/semver/v4"
	"github.com/containers/podman/v5/pkg/bindings"

	"github.com/wrapix/wrapix/sandbox"
)

// oldest is the first version of Podman that we know to work.
var oldest = semver.MustParse("4.3.0")

// Options of Connect. Zero values work.
type Options struct {
	// Socket is a Podman socket to use instead of the one that Connect would find or make.
	Socket string
	// OwnService leaves an active user socket alone and always starts a service.
	OwnService bool
	// AllowRoot permits to start as root, where a way out of a container is a way to everything.
	AllowRoot bool
	// CacheDir is where the guest program is put for the containers to mount; empty means `wrapix` in the user's
	// cache folder.
	CacheDir string
}

// Engine is a connection to Podman. It is safe for use by several goroutines.
type Engine struct {
	values  context.Context // carries the bindings' connection, never a deadline: see with
	version semver.Version
	link    link
	host    host
	guest   string // host path of the guest program
	hosts   string // host path of the /etc/hosts of every sandbox
}

var _ sandbox.Runtime = (*Engine)(nil)

// Connect connects to the user's Podman, and starts a service where none is active. Close ends that service. The
// errors are *sandbox.Error with a hint where a person can mend the cause.
func Connect(ctx context.Context, opts Options) (*Engine, error) {
	if err := refuseRoot(os.Geteuid(), opts); err != nil {
		return nil, err
	}
	e := &Engine{host: readHost()}
	if err := e.host.subordinateIDs(); err != nil {
		return nil, err
	}
	if err := e.unpack(opts.CacheDir); err != nil {
		return nil, err
	}
	if err := e.connect(ctx, opts); err != nil {
		return nil, err
	}
	if e.version.LT(oldest) {
		e.Close()
		return nil, &sandbox.Error{
			Op:   "connect to Podman",
			Err:  fmt.Errorf("version %s is too old: %s is the first that works", e.version, oldest),
			Hint: "install a newer Podman",
		}
	}
	return e, nil
}

// refuseRoot keeps root from starting, unless it was asked for.
func refuseRoot(uid int, opts Options) error {
	if uid != 0 || opts.AllowRoot {
		return nil
	}
	return &sandbox.Error{
		Op:   "start as root",
		Err:  errors.New("a sandbox of root's is no boundary: what leaves it owns the host"),
		Hint: "run it as an ordinary user",
	}
}

func (e *Engine) connect(ctx context.Context, opts Options) error {
	if opts.Socket != "" {
		e.link.socket, e.link.foreign = opts.Socket, true
		return e.dial(ctx, opts.Socket)
	}
	e.link.ociRuntime, e.link.folder = e.host.ociRuntime, filepath.Dir(e.guest)
	// Podman 4 takes its OCI runtime from the service's command line only, whatever the request says.
	if user := userSocket(); user != "" && !opts.OwnService && e.host.ociRuntime == "" && e.dial(ctx, user) == nil {
		e.link.socket = user
		return nil
	}
	s, err := startService(e.link.ociRuntime, e.link.folder)
	if err != nil {
		return err
	}
	if err := e.dial(ctx, s.socket()); err != nil {
		s.stop()
		return s.explain(err)
	}
	e.link.own = s
	return nil
}

// dial makes the connection that with hands on. The bindings ping once, and the answer tells the version. From then on
// all that they connect to is chosen by the link.
func (e *Engine) dial(ctx context.Context, socket string) error {
	conn, err := bindings.NewConnection(ctx, "unix://"+socket)
	if err != nil {
		return &sandbox.Error{Op: "connect to Podman", Err: err}
	}
	client, err := bindings.GetClient(conn)
	if err != nil {
		return &sandbox.Error{Op: "connect to Podman", Err: err}
	}
	client.Client.Transport.(*http.Transport).DialContext = e.link.dial
	e.values = context.WithoutCancel(conn)
	e.version = *bindings.ServiceVersion(conn)
	return nil
}

// with returns ctx with the connection that the bindings look for.
func (e *Engine) with(ctx context.Context) context.Context {
	return connected{Context: ctx, values: e.values}
}

// connected is the caller's context for cancellation, and the connection's for values.
type connected struct {
	context.Context
	values context.Context
}

func (c connected) Value(key any) any {
	if v := c.values.Value(key); v != nil {
		return v
	}
	return c.Context.Value(key)
}

// Version returns Podman's version.
func (e *Engine) Version() string { return e.version.String() }

// Close ends the service that Connect started. Containers stay.
func (e *Engine) Close() error {
	if e.values != nil {
		if conn, err := bindings.GetClient(e.values); err == nil {
			conn.Client.CloseIdleConnections()
		}
	}
	e.link.close()
	return nil
}

// userSocket returns the path of the socket that systemd offers to users, or "" if there is none.
func userSocket() string {
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		return ""
	}
	path := filepath.Join(dir, "podman", "podman.sock")
	if fi, err := os.Stat(path); err != nil || fi.Mode()&os.ModeSocket == 0 {
		return ""
	}
	return path
}
