package podman

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/containers/podman/v5/pkg/bindings/containers"

	"github.com/wrapix/wrapix/sandbox"
)

// When the engine's monitor is killed, nobody could know what the commands still do: the guest ends them, and who
// follows learns that the sandbox is lost.
func TestMonitorKilled(t *testing.T) {
	e := connect(t)
	dir := t.TempDir()
	name := fmt.Sprintf("wrapix-test-monitor-%d", os.Getpid())
	t.Cleanup(func() {
		if err := e.Remove(context.Background(), name); err != nil {
			t.Error(err)
		}
	})
	spec := sandbox.Spec{
		Name: name, Image: testImage(t, e), Record: filepath.Join(dir, "record"), Network: sandbox.NetworkNone,
		Workspace: sandbox.Workspace{Source: dir},
		Commands:  []sandbox.Command{{Name: "sh", Args: []string{"sh", "-c", "echo once; sleep 1000"}}},
	}
	first := make(chan struct{}, 1)
	done := make(chan error, 1)
	go func() {
		_, err := sandbox.Run(t.Context(), e, spec, sandbox.Sink{Stdout: writerFunc(func(p []byte) {
			select {
			case first <- struct{}{}:
			default:
			}
		})})
		done <- err
	}()
	select {
	case <-first:
	case err := <-done:
		t.Fatal(err)
	}
	c, err := containers.Inspect(e.with(t.Context()), name, nil)
	if err != nil {
		t.Fatal(err)
	}
	gone := watchProcess(t, c.State.Pid)
	if err := syscall.Kill(c.State.ConmonPid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, sandbox.ErrLost) {
		t.Errorf("run: %v", err)
	}
	gone()
	if _, err := sandbox.Resume(t.Context(), e, spec, sandbox.Sink{}); !errors.Is(err, sandbox.ErrLost) {
		t.Errorf("resume: %v", err)
	}
}

type writerFunc func(p []byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

// A socket that is there already is used, and left alone.
func TestSocketOfSomebodyElse(t *testing.T) {
	owner := connect(t)
	if owner.link.own == nil {
		t.Skip("a user socket is active")
	}
	e, err := Connect(t.Context(), Options{Socket: owner.link.own.socket()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.List(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if _, err := owner.List(t.Context(), nil); err != nil {
		t.Errorf("its owner, afterwards: %v", err)
	}
}
