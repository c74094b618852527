package sandboxtest

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/wrapix/wrapix/sandbox"
)

// attach runs the script with streams and returns its exit code.
func (s *suite) attach(t *testing.T, spec sandbox.Spec, streams sandbox.Streams) int {
	t.Helper()
	spec.Record = ""
	code, err := sandbox.RunAttached(testContext(t), s.rt, spec, streams)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.rt.Inspect(testContext(t), spec.Name); err == nil {
		t.Error("the container is still there")
	}
	return code
}

var attachedTests = []test{
	{"Streams", func(t *testing.T, s *suite) {
		var stdout, stderr bytes.Buffer
		code := s.attach(t, s.spec(t, "cat; echo err >&2; exit 3"), sandbox.Streams{Stdin: strings.NewReader("a\nb\x00\xff\x10\x11"), Stdout: &stdout, Stderr: &stderr})
		check(t, "code", code, 3)
		check(t, "stdout", stdout.String(), "a\nb\x00\xff\x10\x11")
		check(t, "stderr", stderr.String(), "err\n")
	}},
	{"NoStreams", func(t *testing.T, s *suite) {
		check(t, "code", s.attach(t, s.spec(t, "cat; echo dropped"), sandbox.Streams{}), 0)
	}},
	{"Much", func(t *testing.T, s *suite) {
		var stdout bytes.Buffer
		s.attach(t, s.spec(t, "dd if=/dev/zero bs=1M count=8 2>/dev/null"), sandbox.Streams{Stdout: &stdout})
		check(t, "bytes", stdout.Len(), 8<<20)
	}},
	{"Quick", func(t *testing.T, s *suite) {
		// No output may be lost, however soon the command ends.
		for range 5 {
			var stdout bytes.Buffer
			check(t, "code", s.attach(t, s.spec(t, "echo x; exit 1"), sandbox.Streams{Stdout: &stdout}), 1)
			check(t, "stdout", stdout.String(), "x\n")
		}
	}},
	{"Signalled", func(t *testing.T, s *suite) {
		check(t, "code", s.attach(t, s.spec(t, "kill -SEGV $$"), sandbox.Streams{}), 139)
	}},
	{"NotFound", func(t *testing.T, s *suite) {
		var stderr bytes.Buffer
		spec := s.spec(t, "")
		spec.Commands[0].Args = []string{"no-such-program"}
		check(t, "code", s.attach(t, spec, sandbox.Streams{Stderr: &stderr}), 127)
		contains(t, "stderr", stderr.String(), "no-such-program")
	}},
	{"Forwarded", func(t *testing.T, s *suite) {
		spec := s.spec(t, `trap 'echo interrupted; exit 8' INT; echo ready; while :; do sleep 0.02; done`)
		out := newSignalWriter("ready\n")
		sent := make(chan error, 1)
		go func() {
			<-out.seen
			sent <- s.rt.Signal(testContext(t), spec.Name, "SIGINT")
		}()
		check(t, "code", s.attach(t, spec, sandbox.Streams{Stdout: out}), 8)
		checkErr(t, "signal", <-sent, nil)
		check(t, "stdout", out.String(), "ready\ninterrupted\n")
	}},
	{"Cancelled", func(t *testing.T, s *suite) {
		ctx, cancel := context.WithCancel(testContext(t))
		defer cancel()
		spec := s.spec(t, "echo ready; sleep 1000")
		spec.Record = ""
		out := newSignalWriter("ready\n")
		go func() {
			<-out.seen
			cancel()
		}()
		_, err := sandbox.RunAttached(ctx, s.rt, spec, sandbox.Streams{Stdout: out})
		checkErr(t, "run", err, context.Canceled)
		_, err = s.rt.Inspect(testContext(t), spec.Name)
		checkErr(t, "inspect", err, sandbox.ErrNotFound)
	}},
	{"Terminal", func(t *testing.T, s *suite) {
		var out bytes.Buffer
		resize := make(chan sandbox.Size, 1)
		resize <- sandbox.Size{Width: 123, Height: 45}
		spec := s.spec(t, `tty; while test "$(stty size)" != "45 123"; do sleep 0.02; done; stty size; echo err >&2; exit 7`)
		code := s.attach(t, spec, sandbox.Streams{Stdout: &out, Terminal: true, Resize: resize})
		check(t, "code", code, 7)
		contains(t, "output", out.String(), "/dev/pts/0\r\n")
		contains(t, "output", out.String(), "45 123\r\nerr\r\n")
	}},
	{"TerminalKeys", func(t *testing.T, s *suite) {
		// Ctrl-P Ctrl-Q are keys like others, and Ctrl-C is a signal for the command.
		out := newSignalWriter("ready")
		keys, typing := io.Pipe()
		go func() {
			<-out.seen
			io.WriteString(typing, "\x10\x11\x03")
		}()
		defer typing.Close()
		code := s.attach(t, s.spec(t, `trap 'exit 9' INT; echo ready; while :; do sleep 0.02; done`), sandbox.Streams{Stdin: keys, Stdout: out, Terminal: true})
		check(t, "code", code, 9)
	}},
}
