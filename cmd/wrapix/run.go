package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/given"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/image"
	"github.com/wrapix/wrapix/sandbox/podman"
	"github.com/wrapix/wrapix/trust"
)

// hangupGrace is what a command gets to end by itself when the terminal that it ran on is gone.
const hangupGrace = 10 * time.Second

// runOptions are those of the default command.
type runOptions struct {
	dir       string
	command   []string
	profile   string
	changed   func(flag string) bool
	allowRoot bool
	remove    bool // when the command has ended; false keeps the sandbox
	given     givenFlags
	network   networkFlags
	limits    limitFlags
	passed    streamFlags
	streams   streams

	devcontainer bool // count the folder's devcontainer.json, too
}

// run runs the command in a sandbox and returns its exit code as a codeError.
func (o *runOptions) run(ctx context.Context) error {
	dir, err := realPath(o.dir)
	if err != nil {
		return fmt.Errorf("use the folder %s: %s", o.dir, reason(err))
	}
	if err := trust.GuardPath(dir); err != nil {
		return err
	}
	conf, err := loadConfig(dir)
	if err != nil {
		return err
	}
	o.tellOfConfigAbove(dir)
	wanted, err := profiled(conf, o.profiles())
	if err != nil {
		return err
	}
	if err := o.approved(ctx, dir, conf); err != nil {
		return err
	}
	if o.devcontainer {
		if conf, wanted, err = o.fromDevcontainer(ctx, dir, conf, wanted); err != nil {
			return err
		}
	}
	spec, err := o.compose(ctx, dir, conf, wanted)
	if err != nil {
		return err
	}
	if len(o.command) == 0 {
		if err := o.canTalk(conf); err != nil {
			return err
		}
		if wanted, spec, err = withAgent(conf, wanted, spec); err != nil {
			return err
		}
	}
	o.tellOfLimits(spec.Limits)
	if spec.Secrets, err = o.given.secrets(ctx, dir, conf); err != nil {
		return err
	}
	if !o.remove {
		if err := o.keep(&spec, &conf.Sandbox.DeployKey); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	signals := listen(cancel)
	defer signals.stop()
	hadGit := sandbox.HasGit(dir)
	code, err := o.inSandbox(ctx, spec, wanted, conf.Sandbox.DeployKey, signals)
	if !hadGit && sandbox.HasGit(dir) {
		fmt.Fprintln(o.streams.err, "wrapix: "+terminal.Line(sandbox.NewGitWords(dir, "the sandbox")))
	}
	var ended *signalError
	switch {
	case err == nil:
		return &codeError{code: code}
	case errors.As(context.Cause(ctx), &ended):
		return &codeError{code: 128 + int(ended.signal)}
	}
	return &codeError{code: exitSandbox, err: err}
}

// profiles is the profile that the command line names, if it does.
func (o *runOptions) profiles() []string {
	if o.changed("profile") {
		return []string{o.profile}
	}
	return nil
}

// compose says what the sandbox looks like, all but what only one that is started has: its image's name, what its secrets
// are, and its way to a deploy key.
func (o *runOptions) compose(ctx context.Context, dir string, conf config.Config, wanted wanted) (sandbox.Spec, error) {
	// What the configuration says of the sandbox wins over its profile, as the nearer one.
	conf.Sandbox.Env = wanted.profile.EnvWith(conf.Sandbox.Env)
	conf.Sandbox.Mounts = wanted.profile.HostMounts() // those of the configuration are among them
	var err error
	if conf.Sandbox, err = o.network.over(conf.Sandbox); err != nil {
		return sandbox.Spec{}, err
	}
	if conf.Sandbox, err = o.limits.over(conf.Sandbox); err != nil {
		return sandbox.Spec{}, err
	}
	spec := o.spec(dir, conf.Sandbox)
	spec.Volumes = given.Host{Project: dir}.Volumes(wanted.profile.Volumes)
	return o.given.spec(ctx, dir, conf, spec)
}

// inSandbox makes the sandbox, follows it to its end and removes it, on whatever way it goes.
func (o *runOptions) inSandbox(ctx context.Context, spec sandbox.Spec, wanted wanted, deployKey config.DeployKey, signals *signals) (int, error) {
	engine, err := podman.Connect(ctx, podman.Options{AllowRoot: o.allowRoot})
	if err != nil {
		return 0, err
	}
	defer engine.Close()
	spec.Image = wanted.ref()
	held, err := newClaim(spec.Name)
	if err != nil {
		return 0, err
	}
	spec.Labels[labelLock], spec.Gateway = held.path, gatewayDir(held.path)
	endKey, err := o.withKey(ctx, spec.Workspace.Source, deployKey, held, &spec)
	if err != nil {
		held.release()
		return 0, err
	}
	defer endKey()
	if err := openLog(spec); err != nil {
		held.release()
		return 0, err
	}
	ctx, detach := context.WithCancelCause(ctx)
	defer detach(nil)

	out := &pipe{to: o.streams.out}
	var denied denials
	rt := &observed{Runtime: engine, tty: o.passed.terminal(o.streams), signals: signals}
	streams := sandbox.Streams{Stdin: o.passed.input(o.streams, rt.tty), Stdout: out, Stderr: &pipe{to: o.streams.err}, Denied: denied.add}
	if spec.Keep {
		rt.detach = func() { detach(errDetached) }
	}
	if rt.tty != nil {
		spec.Labels[labelTerminal] = "1"
		streams.Stdout = &suspendable{to: out, tty: rt.tty, goOn: func() { _ = engine.Signal(ctx, spec.Name, "SIGCONT") }}
		if spec.Keep && rt.tty.keys != nil {
			streams.Stdin = &detachable{from: streams.Stdin, detach: rt.detach}
		}
		streams.Terminal, streams.Resize = true, rt.tty.resized
		if kind := os.Getenv("TERM"); kind != "" {
			spec.Env["TERM"] = kind
		}
	}
	code, err := sandbox.RunAttached(ctx, rt, spec, streams)
	if errors.Is(err, sandbox.ErrNoImage) { // so looking for it costs nothing when it is there, as it mostly is
		if spec.Image, err = wanted.ensure(ctx, engine, image.Options{Progress: o.streams.err}); err == nil {
			code, err = sandbox.RunAttached(ctx, rt, spec, streams)
		}
	}
	rt.end()
	denied.print(o.streams.err)
	if spec.Keep {
		if code, err = o.kept(ctx, spec.Name, rt.started, code, err); !rt.started {
			err = errors.Join(err, removeKept(spec.Name))
		}
	}
	if rt.left != nil {
		// The command's code says more than ours would. The claim stays, for prune to find the sandbox by.
		report(o.streams.err, &sandbox.Error{Op: "remove the sandbox", Err: rt.left, Hint: "wrapix prune"})
		return code, err
	}
	held.release()
	if out.broken {
		return 128 + int(syscall.SIGPIPE), nil
	}
	return code, err
}

// kept says what becomes of a sandbox that is not removed.
func (o *runOptions) kept(ctx context.Context, name string, started bool, code int, err error) (int, error) {
	switch {
	case started && errors.Is(context.Cause(ctx), errDetached):
		goesOn(o.streams, name)
		return 0, nil
	case started:
		fmt.Fprintf(o.streams.err, "wrapix: %s is kept: wrapix logs %s, wrapix prune\n", name, name)
	}
	return code, err
}

// pipe is an output that nobody may read to its end, as in `wrapix -- yes | head`. Without listen it would end us.
type pipe struct {
	to     io.Writer
	broken bool
}

func (p *pipe) Write(b []byte) (int, error) {
	n, err := p.to.Write(b)
	p.broken = p.broken || errors.Is(err, syscall.EPIPE)
	return n, err
}

// observed is a Runtime that hands the terminal and the signals over at the moment when the command is started, and
// knows whether the sandbox was left behind.
type observed struct {
	sandbox.Runtime
	tty     *tty
	signals *signals
	detach  func() // lets the sandbox go on without us; nil where it cannot
	started bool
	left    error
}

func (r *observed) Start(ctx context.Context, name string) error {
	if err := r.tty.raw(); err != nil {
		return err
	}
	if err := r.Runtime.Start(ctx, name); err != nil {
		return err
	}
	r.started = true
	r.signals.giveTo(func(sig syscall.Signal) {
		if sig == syscall.SIGHUP && r.detach != nil { // the terminal is gone, or who started us
			r.detach()
			return
		}
		// The command may have ended meanwhile, which is no error.
		_ = r.Signal(ctx, name, unix.SignalName(sig))
		if sig == syscall.SIGHUP && r.tty != nil {
			_ = r.Stop(ctx, name, hangupGrace)
		}
	})
	return nil
}

func (r *observed) Remove(ctx context.Context, name string) error {
	r.end()
	r.left = r.Runtime.Remove(ctx, name)
	return nil
}

// end takes the signals and the terminal back. It may be called again.
func (r *observed) end() {
	r.signals.take()
	r.tty.restore()
}

// spec says what the sandbox looks like, all but its image.
func (o *runOptions) spec(dir string, cfg config.Sandbox) sandbox.Spec {
	env := map[string]string{}
	for name, value := range cfg.Env {
		env[name] = value
	}
	return sandbox.Spec{
		Name: sandboxName(dir),
		Labels: map[string]string{
			labelOurs: "1", labelProject: dir, labelCommand: strings.Join(o.command, " "),
		},
		Workspace: sandbox.Workspace{Source: dir, Access: sandbox.ReadWrite},
		Env:       env,
		Network:   sandbox.Network(cfg.Network), Allow: cfg.Allow, HostPorts: cfg.HostPorts, Ports: cfg.Ports,
		Limits:   given.Limits(cfg),
		Commands: []sandbox.Command{{Name: "command", Args: o.command}},
	}
}

// loadConfig reads what the folder's configuration says about sandboxes; a folder without one gets what holds by itself.
func loadConfig(dir string) (config.Config, error) {
	conf, err := config.LoadPart(filepath.Join(dir, config.FileName))
	if errors.Is(err, fs.ErrNotExist) {
		return config.Default(), nil
	}
	return conf, err
}

// tellOfConfigAbove says that a configuration is not about this folder, where somebody could think that it is.
func (o *runOptions) tellOfConfigAbove(dir string) {
	root, err := config.FindProject(dir)
	if err != nil || root == dir {
		return
	}
	if above := filepath.Join(root, config.FileName); isFile(above) {
		fmt.Fprintf(o.streams.err, "wrapix: %s is not about this folder, and does not count here\n", terminal.Line(above))
	}
}

func isFile(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular()
}

// namePrefix begins the name of every sandbox of wrapix.
const namePrefix = "wrapix-"

// sandboxName returns a name that nobody has, and that says which folder it is about.
func sandboxName(dir string) string {
	var b [6]byte
	rand.Read(b[:]) // never fails
	base := strings.Map(func(r rune) rune {
		if slices.Contains([]rune("-_."), r) || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, filepath.Base(dir))
	return namePrefix + base[:min(len(base), 40)] + "-" + hex.EncodeToString(b[:])
}

func realPath(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(dir)
}

// reason is an error of the file system without what we say ourselves.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}
