package podman

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wrapix/wrapix/sandbox"
)

// killService ends an engine's own service as the kernel does when memory is short, and waits for its end.
func killService(t *testing.T, e *Engine) {
	t.Helper()
	own := e.link.own
	if err := own.process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-own.ended
}

func ownService(t *testing.T) *Engine {
	t.Helper()
	e, err := Connect(t.Context(), Options{OwnService: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// When the service is killed while a sandbox runs, its record is followed to the end, whoever waits for its end learns
// of it, and what comes then is done by another service. It may happen again.
func TestServiceKilled(t *testing.T) {
	e := ownService(t)
	dir := t.TempDir()
	name := fmt.Sprintf("wrapix-test-service-killed-%d", os.Getpid())
	t.Cleanup(func() {
		if err := e.Remove(context.Background(), name); err != nil {
			t.Error(err)
		}
	})
	spec := sandbox.Spec{
		Name: name, Image: testImage(t, e), Record: filepath.Join(dir, "record"), Network: sandbox.NetworkNone,
		Workspace: sandbox.Workspace{Source: dir},
		Commands:  []sandbox.Command{{Name: "sh", Args: []string{"sh", "-c", "echo one; while ! test -e go; do sleep 0.02; done; echo two; exit 4"}}},
	}
	var out string
	first := make(chan struct{}, 1)
	type ended struct {
		result sandbox.Result
		err    error
	}
	done := make(chan ended, 1)
	go func() {
		r, err := sandbox.Run(t.Context(), e, spec, sandbox.Sink{Stdout: writerFunc(func(p []byte) {
			if out += string(p); out == "one\n" {
				first <- struct{}{}
			}
		})})
		done <- ended{r, err}
	}()
	select {
	case <-first:
	case r := <-done:
		t.Fatal(r.err)
	}
	waited := make(chan error, 1)
	go func() {
		_, err := e.Wait(t.Context(), name)
		waited <- err
	}()
	for range 3 {
		killService(t, e)
		if c, err := e.Inspect(t.Context(), name); err != nil || c.State != sandbox.StateRunning {
			t.Fatalf("by another service: %+v, %v", c, err)
		}
	}
	killService(t, e)
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if r := <-done; r.err != nil || out != "one\ntwo\n" || r.result.Exits[0].Code != 4 {
		t.Errorf("run: %q, %+v, %v", out, r.result, r.err)
	}
	if err := <-waited; err != nil {
		t.Errorf("wait: %v", err)
	}
}

// A user's service that is gone is replaced by one of our own, but not one that the caller named.
func TestServiceOfSomebodyElseGone(t *testing.T) {
	owner := ownService(t)
	e, err := Connect(t.Context(), Options{Socket: owner.link.own.socket()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	killService(t, owner)
	if _, err := e.List(t.Context(), nil); err == nil || e.link.own != nil {
		t.Errorf("a service that was named is replaced: %v", err)
	}
	e.link.foreign = false // as if Connect had found it
	if _, err := e.List(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestClosedStaysClosed(t *testing.T) {
	e := ownService(t)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := e.List(t.Context(), nil); err == nil {
		t.Error("it starts another service")
	}
}

// A service that has stopped to answer is replaced too.
func TestServiceThatDoesNotAnswer(t *testing.T) {
	e := ownService(t)
	if _, err := e.List(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	silent := e.link.own
	if err := silent.process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for state := "running"; state != "T"; state = processState(t, silent.process.Pid) {
		runtime.Gosched() // until it has stopped
	}
	e.link.patience = 5 * time.Second
	if _, err := e.List(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if e.link.own == silent {
		t.Error("the service is the same")
	}
}

// processState is the letter that the kernel has for what a process does.
func processState(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	return rest[:1]
}
