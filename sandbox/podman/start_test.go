package podman

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/containers/podman/v5/pkg/bindings/containers"

	"github.com/wrapix/wrapix/sandbox"
)

// A service that dies after it started a container, and before it said so, is not asked to start it again: by then the
// container may have come to its end, and would run a second time. In the place of the service that dies stands one that
// passes everything on, and cuts the answer off.
func TestStartIsAskedOnce(t *testing.T) {
	owner := ownService(t)
	dir := t.TempDir()
	name := fmt.Sprintf("wrapix-test-start-once-%d", os.Getpid())
	spec := sandbox.Spec{
		Name: name, Image: testImage(t, owner), Record: filepath.Join(dir, "record"), Network: sandbox.NetworkNone,
		Workspace: sandbox.Workspace{Source: dir},
		Commands:  []sandbox.Command{{Name: "sh", Args: []string{"sh", "-c", "echo ran >>ran"}}},
	}
	var starts atomic.Int32
	socket := filepath.Join(dir, "socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go passOn(client, owner.link.own.socket(), func(r *http.Request) (cut bool) {
				if !strings.HasSuffix(r.URL.Path, "/start") {
					return false
				}
				starts.Add(1)
				_, _ = owner.Wait(t.Context(), name) // the container has ended when the answer is missed
				return true
			})
		}
	}()
	e, err := Connect(t.Context(), Options{Socket: socket})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	defer func() {
		if err := owner.Remove(t.Context(), name); err != nil {
			t.Error(err)
		}
	}()
	result, err := sandbox.Run(t.Context(), e, spec, sandbox.Sink{})
	if err != nil || len(result.Exits) != 1 || result.Exits[0].Code != 0 {
		t.Errorf("run: %+v, %v", result, err)
	}
	if ran, err := os.ReadFile(filepath.Join(dir, "ran")); err != nil || string(ran) != "ran\n" || starts.Load() != 1 {
		t.Errorf("it was asked %d times to start, and ran: %q, %v", starts.Load(), ran, err)
	}
}

// A service that dies between the two halves of a start leaves a process that waits, or one that runs of which Podman
// does not know that it does.
func TestStartedByHalves(t *testing.T) {
	e := ownService(t)
	for _, c := range []struct {
		name string
		run  bool
	}{{"waiting", false}, {"running", true}} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			spec := sandbox.Spec{
				Name: fmt.Sprintf("wrapix-test-halves-%s-%d", c.name, os.Getpid()), Image: testImage(t, e), Network: sandbox.NetworkNone,
				Record: filepath.Join(dir, "record"), Workspace: sandbox.Workspace{Source: dir}, TranscriptLimit: sandbox.DefaultTranscriptLimit,
				Commands: []sandbox.Command{{Name: "sh", Args: []string{"sh", "-c", "echo ran; while ! test -e go; do sleep 0.02; done"}}},
			}
			defer func() {
				if err := e.Remove(t.Context(), spec.Name); err != nil {
					t.Error(err)
				}
			}()
			if err := os.WriteFile(spec.Record, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := e.Create(t.Context(), spec); err != nil {
				t.Fatal(err)
			}
			if err := containers.ContainerInit(e.with(t.Context()), spec.Name, nil); err != nil {
				t.Fatal(err)
			}
			if found := monitors(spec.Name); len(found) != 1 {
				t.Fatalf("monitors: %v", found)
			}
			if !c.run {
				if r, err := sandbox.Resume(t.Context(), e, spec, sandbox.Sink{}); !errors.Is(err, sandbox.ErrLost) {
					t.Errorf("resume: %+v, %v", r, err)
				}
				if left := monitors(spec.Name); len(left) > 0 {
					t.Errorf("monitors: %v", left)
				}
				return
			}
			box, err := containers.Inspect(e.with(t.Context()), spec.Name, nil)
			if err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("podman", "unshare", box.OCIRuntime, "start", box.ID).CombinedOutput(); err != nil {
				t.Fatalf("start: %v\n%s", err, out)
			}
			for info, err := os.Stat(spec.Record); err != nil || info.Size() == 0; info, err = os.Stat(spec.Record) {
				runtime.Gosched() // until it has begun
			}
			var out strings.Builder
			result, err := sandbox.Resume(t.Context(), e, spec, sandbox.Sink{Stdout: writing(func(p []byte) (int, error) {
				out.Write(p)
				return len(p), os.WriteFile(filepath.Join(dir, "go"), nil, 0o600)
			})})
			if err != nil || len(result.Exits) != 1 || result.Exits[0].Code != 0 || out.String() != "ran\n" {
				t.Errorf("resume: %+v, %q, %v", result, out.String(), err)
			}
		})
	}
}

type writing func(p []byte) (int, error)

func (w writing) Write(p []byte) (int, error) { return w(p) }

// passOn passes the requests of a connection on to a service, and its answers back, until an answer is to be cut off.
func passOn(client net.Conn, service string, answered func(*http.Request) (cut bool)) {
	defer client.Close()
	upstream, err := net.Dial("unix", service)
	if err != nil {
		return
	}
	defer upstream.Close()
	requests, answers := bufio.NewReader(client), bufio.NewReader(upstream)
	for {
		r, err := http.ReadRequest(requests)
		if err != nil {
			return
		}
		if r.Write(upstream) != nil {
			return
		}
		answer, err := http.ReadResponse(answers, r)
		if err != nil || answered(r) {
			return
		}
		err = answer.Write(client)
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		if err != nil {
			return
		}
	}
}
