package podman

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/containers/podman/v5/libpod/define"
	"github.com/containers/podman/v5/pkg/bindings/containers"
	"github.com/containers/podman/v5/pkg/domain/entities"
	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/frame"
)

// Signal implements sandbox.Runtime.
func (e *Engine) Signal(ctx context.Context, name, signal string) error {
	if unix.SignalNum(signal) == 0 {
		return fmt.Errorf("signal sandbox %s: unknown signal %q", name, signal)
	}
	err := containers.Kill(e.with(ctx), name, new(containers.KillOptions).WithSignal(signal))
	if err == nil {
		return nil
	}
	// Podman refuses to signal what does not run; by now it may have ended.
	if c, errInspect := e.Inspect(ctx, name); errInspect != nil {
		return fmt.Errorf("signal sandbox %s: %w", name, errInspect)
	} else if c.State != sandbox.StateRunning {
		return nil
	}
	return fmt.Errorf("signal sandbox %s: %w", name, translate(err))
}

// Stop implements sandbox.Runtime.
func (e *Engine) Stop(ctx context.Context, name string, grace time.Duration) error {
	err := e.stop(ctx, name, grace)
	if errors.Is(err, sandbox.ErrNotFound) {
		return nil
	}
	return err
}

func (e *Engine) stop(ctx context.Context, name string, grace time.Duration) error {
	c, err := e.Inspect(ctx, name)
	if err != nil || c.State != sandbox.StateRunning {
		return err
	}
	if grace > 0 {
		if err := e.Signal(ctx, name, unix.SignalName(frame.StopSignal)); err != nil {
			return err
		}
		waiting, cancel := context.WithTimeout(ctx, grace)
		_, err := e.Wait(waiting, name)
		cancel()
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
	if err := e.Signal(ctx, name, unix.SignalName(syscall.SIGKILL)); err != nil {
		return err
	}
	_, err = e.Wait(ctx, name)
	return err
}

// removeTries bounds how often Remove meets a container that ends at that very moment, and removeWait how long it then
// waits for the end.
const (
	removeTries = 5
	removeWait  = time.Second
)

// Remove implements sandbox.Runtime.
func (e *Engine) Remove(ctx context.Context, name string) error {
	err := e.remove(ctx, name)
	for try := 1; err != nil && endsNow(err) && try < removeTries; try++ {
		// Mostly Podman has noticed the end by failing. Else it is about to.
		if try > 1 {
			waiting, cancel := context.WithTimeout(ctx, removeWait)
			e.wait(waiting, name) // whatever comes of it, only another removal tells
			cancel()
		}
		err = e.remove(ctx, name)
	}
	if err != nil {
		return fmt.Errorf("remove sandbox %s: %w", name, e.withErrno(ctx, err))
	}
	left := func(owner string, _ time.Time) bool { return owner == name }
	if _, err := e.leftSecrets(ctx, left); err != nil {
		return fmt.Errorf("remove sandbox %s: %w", name, err)
	}
	if err := removeTree(e.copyPath(name)); err != nil {
		return fmt.Errorf("remove the workspace copy of sandbox %s: %w", name, err)
	}
	return nil
}

// endsNow tells if Podman failed because what it wanted to kill had ended, or, in version 5, had lost its monitor.
func endsNow(err error) bool {
	return strings.Contains(err.Error(), "state improper") || strings.Contains(err.Error(), "conmon exited prematurely")
}

func (e *Engine) remove(ctx context.Context, name string) error {
	opts := new(containers.RemoveOptions).WithForce(true).WithIgnore(true).WithVolumes(true).WithTimeout(0)
	reports, err := containers.Remove(e.with(ctx), name, opts)
	for _, r := range reports {
		err = errors.Join(err, r.Err)
	}
	if err = translate(err); errors.Is(err, sandbox.ErrNotFound) {
		return nil
	}
	return err
}

// List implements sandbox.Runtime.
func (e *Engine) List(ctx context.Context, labels map[string]string) ([]sandbox.Container, error) {
	var filter []string
	for k, v := range labels {
		filter = append(filter, k+"="+v)
	}
	opts := new(containers.ListOptions).WithAll(true)
	if len(filter) > 0 {
		opts = opts.WithFilters(map[string][]string{"label": filter})
	}
	list, err := whole(ctx, &e.link, func(ctx context.Context) ([]entities.ListContainer, error) {
		return containers.List(e.with(ctx), opts)
	})
	if err != nil {
		return nil, fmt.Errorf("list sandboxes: %w", err)
	}
	var out []sandbox.Container
	for _, c := range list {
		name := c.ID
		if len(c.Names) > 0 {
			name = c.Names[0]
		}
		out = append(out, sandbox.Container{
			Name: name, ID: c.ID, Image: c.Image, Labels: c.Labels,
			State: state(c.State), ExitCode: int(c.ExitCode), Created: c.Created,
		})
	}
	return out, nil
}

// Inspect implements sandbox.Runtime.
func (e *Engine) Inspect(ctx context.Context, name string) (sandbox.Container, error) {
	c, err := whole(ctx, &e.link, func(ctx context.Context) (*define.InspectContainerData, error) {
		return containers.Inspect(e.with(ctx), name, nil)
	})
	if err != nil {
		return sandbox.Container{}, fmt.Errorf("inspect sandbox %s: %w", name, translate(err))
	}
	// Podman also takes the start of an id for a name.
	if c.Name != name && c.ID != name {
		return sandbox.Container{}, fmt.Errorf("inspect sandbox %s: %w", name, sandbox.ErrNotFound)
	}
	code := int(c.State.ExitCode)
	if c.State.FinishedAt.IsZero() && state(c.State.Status) == sandbox.StateExited {
		code = -1
	}
	return sandbox.Container{
		Name: c.Name, ID: c.ID, Image: c.ImageName, Labels: c.Config.Labels,
		State: state(c.State.Status), ExitCode: code, Created: c.Created,
	}, nil
}

// state translates Podman's states.
func state(s string) sandbox.State {
	switch s {
	case "running", "paused", "stopping":
		return sandbox.StateRunning
	case "created", "configured", "initialized":
		return sandbox.StateCreated
	}
	return sandbox.StateExited
}
