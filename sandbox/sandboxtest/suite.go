// Package sandboxtest is the conformance suite of [sandbox.Runtime]. A runtime's tests hand over a factory:
//
//	sandboxtest.Run(t, sandboxtest.Options{
//		Open:  func(t *testing.T) sandbox.Runtime { … },
//		Image: "localhost/wrapix-sandboxtest",
//	})
//
// The image is made from ImageTar. The suite proves what package sandbox promises with real containers, from inside and
// from outside; nothing in it is a mock.
package sandboxtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wrapix/wrapix/sandbox"
)

// Options say what to test.
type Options struct {
	// Open returns a Runtime, connected anew. Whoever opened it closes it.
	Open func(t *testing.T) sandbox.Runtime
	// Image is of ImageTar's content.
	Image string
	// HostHasPids says that Limits.Pids is enforced on this host.
	HostHasPids bool
	// KernelHasMemory says that the kernel holds sandboxes to Limits.MemoryBytes; else they do so themselves.
	KernelHasMemory bool
	// Describe returns all that the engine tells about a container; nil where it tells nothing.
	Describe func(t *testing.T, name string) string
	// SecretsOf lists what the engine's own store has of a sandbox's secrets, and LeaveSecret leaves one there, as a crash
	// does; nil where there is no such store.
	SecretsOf   func(t *testing.T, name string) []string
	LeaveSecret func(t *testing.T, name string)
	// Only names the groups of tests to run; empty means all.
	Only []string
}

// Run runs the suite.
func Run(t *testing.T, opts Options) {
	rt := opts.Open(t)
	t.Cleanup(func() {
		if err := rt.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	// Containers of one suite have a label of their own, so that those of others are left alone.
	s := &suite{Options: opts, rt: rt, run: fmt.Sprintf("%d-%d", os.Getpid(), time.Now().UnixNano()%1e9)}
	t.Cleanup(func() {
		left, err := rt.List(context.Background(), map[string]string{"wrapix.test": s.run})
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %v %v", left, err)
		}
		for _, c := range left {
			rt.Remove(context.Background(), c.Name)
		}
		volumes, err := rt.Volumes(context.Background(), map[string]string{"wrapix.test": s.run})
		if err != nil || len(volumes) > 0 {
			t.Errorf("volumes left behind: %v %v", volumes, err)
		}
		for _, v := range volumes {
			rt.RemoveVolume(context.Background(), v.Name)
		}
	})
	t.Cleanup(func() {
		if s.probe != "" {
			os.RemoveAll(filepath.Dir(s.probe))
		}
	})
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"Commands", commandTests},
		{"Output", outputTests},
		{"Ending", endingTests},
		{"Workspace", workspaceTests},
		{"Mounts", mountTests},
		{"Volumes", volumeTests},
		{"Secrets", secretTests},
		{"Hardening", hardeningTests},
		{"Limits", limitTests},
		{"Guest", guestTests},
		{"Network", networkTests},
		{"Socket", socketTests},
		{"Gateway", gatewayTests},
		{"Life", lifeTests},
		{"Resume", resumeTests},
		{"Attached", attachedTests},
		{"Kept", keptTests},
		{"Exec", execTests},
	} {
		if len(opts.Only) > 0 && !slices.Contains(opts.Only, group.name) {
			continue
		}
		t.Run(group.name, func(t *testing.T) {
			for _, test := range group.tests {
				t.Run(test.name, func(t *testing.T) { test.run(t, s) })
			}
		})
	}
}

type test struct {
	name string
	run  func(t *testing.T, s *suite)
}

type suite struct {
	Options
	rt    sandbox.Runtime
	run   string // label of this run
	count int
	probe string // host path of the built probe, once built
}

// timeout bounds one sandbox: generous, because test hosts are shared.
const timeout = 2 * time.Minute

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	t.Cleanup(cancel)
	return ctx
}

// spec returns a sandbox that runs a shell script, and sees to its removal.
func (s *suite) spec(t *testing.T, script string) sandbox.Spec {
	t.Helper()
	s.count++
	name := fmt.Sprintf("wrapix-test-%s-%d", s.run, s.count)
	t.Cleanup(func() {
		if err := s.rt.Remove(context.Background(), name); err != nil {
			t.Errorf("remove: %v", err)
		}
	})
	return sandbox.Spec{
		Name:     name,
		Labels:   map[string]string{"wrapix.test": s.run},
		Image:    s.Image,
		Network:  sandbox.NetworkNone,
		Commands: []sandbox.Command{{Name: "sh", Args: []string{"sh", "-c", script}}},
		Record:   filepath.Join(t.TempDir(), "record"),
		Grace:    300 * time.Millisecond,
	}
}

// outcome is what came of a sandbox.
type outcome struct {
	sandbox.Result
	stdout, stderr string
}

// do runs the sandbox, and fails the test if there is no result or the result contradicts the output.
func (s *suite) do(t *testing.T, spec sandbox.Spec) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	result, err := sandbox.Run(testContext(t), s.rt, spec, sandbox.Sink{Stdout: &stdout, Stderr: &stderr})
	if err != nil {
		t.Fatalf("run: %v", err)
	}
	if result.Stdout.Cut == 0 {
		check(t, "stdout hash", result.Stdout.SHA256, fmt.Sprintf("%x", sha256.Sum256(stdout.Bytes())))
		check(t, "stdout length", result.Stdout.Bytes, int64(stdout.Len()))
	}
	return outcome{result, stdout.String(), stderr.String()}
}

// sh runs a script with the standard spec, and wants it to exit with 0.
func (s *suite) sh(t *testing.T, script string) outcome {
	t.Helper()
	return s.want0(t, s.spec(t, script))
}

func (s *suite) want0(t *testing.T, spec sandbox.Spec) outcome {
	t.Helper()
	o := s.do(t, spec)
	if o.Ended != sandbox.EndedExited || len(o.Exits) == 0 || o.Exits[len(o.Exits)-1].Code != 0 {
		t.Fatalf("ended %s %s with %+v\nstdout: %s\nstderr: %s", o.Ended, o.Error, o.Exits, o.stdout, o.stderr)
	}
	return o
}

// withProbe mounts the probe, a program that tries what a shell cannot, at /probe.
func (s *suite) withProbe(t *testing.T, spec sandbox.Spec) sandbox.Spec {
	t.Helper()
	if s.probe == "" {
		dir, err := os.MkdirTemp("", "wrapix-probe-")
		if err != nil {
			t.Fatal(err)
		}
		s.probe = filepath.Join(dir, "probe")
		build := exec.Command("go", "build", "-buildvcs=false", "-o", s.probe, "github.com/wrapix/wrapix/sandbox/sandboxtest/probe")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build the probe: %v\n%s", err, out)
		}
	}
	spec.Mounts = append(spec.Mounts, sandbox.Mount{Source: s.probe, Dest: "/run/probe", ReadOnly: true})
	return spec
}

func check[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func checkErr(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

func contains(t *testing.T, what, got, want string) {
	t.Helper()
	if !strings.Contains(got, want) {
		t.Errorf("%s: %q is not in %q", what, want, got)
	}
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// signalWriter tells when a text has come by.
type signalWriter struct {
	// Not embedded: io.Copy would go around Write by the buffer's ReadFrom.
	buf  bytes.Buffer
	text string
	seen chan struct{}
	once bool
}

func newSignalWriter(text string) *signalWriter {
	return &signalWriter{text: text, seen: make(chan struct{})}
}

func (w *signalWriter) Write(p []byte) (int, error) {
	n, err := w.buf.Write(p)
	if !w.once && bytes.Contains(w.buf.Bytes(), []byte(w.text)) {
		w.once = true
		close(w.seen)
	}
	return n, err
}

func (w *signalWriter) String() string { return w.buf.String() }

// running is a sandbox under way.
type running struct {
	out  *signalWriter
	done chan struct{}
	res  sandbox.Result
	err  error
}

// start runs the sandbox in the background, and returns when it has printed the text.
func (s *suite) start(t *testing.T, ctx context.Context, spec sandbox.Spec, text string) *running {
	t.Helper()
	r := &running{out: newSignalWriter(text), done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.res, r.err = sandbox.Run(ctx, s.rt, spec, sandbox.Sink{Stdout: r.out})
	}()
	select {
	case <-r.out.seen:
	case <-r.done:
		t.Fatalf("ended before it printed %q: %+v %v", text, r.res, r.err)
	}
	return r
}
