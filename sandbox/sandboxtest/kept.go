package sandboxtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/wrapix/wrapix/sandbox"
)

// kept returns a sandbox that is to be kept, with a log.
func (s *suite) kept(t *testing.T, script string) sandbox.Spec {
	t.Helper()
	spec := s.spec(t, script)
	spec.Keep = true
	writeFile(t, spec.Record, "")
	return spec
}

// keep runs a sandbox, and lets go of it when it has printed "ready".
func (s *suite) keep(t *testing.T, spec sandbox.Spec, streams sandbox.Streams) {
	t.Helper()
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	out := newSignalWriter("ready")
	streams.Stdout = out
	go func() {
		<-out.seen
		cancel()
	}()
	_, err := sandbox.RunAttached(ctx, s.rt, spec, streams)
	checkErr(t, "run", err, context.Canceled)
}

// log is what the sandbox has printed.
func (s *suite) log(t *testing.T, spec sandbox.Spec, follow bool) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	if err := sandbox.ReadLog(testContext(t), spec.Record, &out, &errs, follow); err != nil {
		t.Fatal(err)
	}
	return out.String(), errs.String()
}

var keptTests = []test{
	{"AfterItsEnd", func(t *testing.T, s *suite) {
		spec := s.kept(t, "echo out; printf err >&2; exit 3")
		var out bytes.Buffer
		code, err := sandbox.RunAttached(testContext(t), s.rt, spec, sandbox.Streams{Stdout: &out})
		checkErr(t, "run", err, nil)
		check(t, "code", code, 3)
		check(t, "output", out.String(), "out\n")
		c, err := s.rt.Inspect(testContext(t), spec.Name)
		checkErr(t, "inspect", err, nil)
		check(t, "state", c.State, sandbox.StateExited)
		check(t, "code", c.ExitCode, 3)
		stdout, stderr := s.log(t, spec, true)
		check(t, "logged output", stdout, "out\n")
		check(t, "logged errors", stderr, "err")
	}},
	{"GoesOn", func(t *testing.T, s *suite) {
		spec := s.kept(t, "echo ready; while ! test -e /tmp/end; do sleep 0.02; done; echo ended; exit 4")
		s.keep(t, spec, sandbox.Streams{})
		out := newSignalWriter("ended")
		ended := make(chan error, 1)
		go func() { ended <- sandbox.ReadLog(testContext(t), spec.Record, out, io.Discard, true) }()
		code, err := s.rt.Exec(testContext(t), spec.Name, []string{"touch", "/tmp/end"}, nil, sandbox.Streams{})
		checkErr(t, "exec", err, nil)
		check(t, "code", code, 0)
		checkErr(t, "log", <-ended, nil)
		check(t, "log", out.String(), "ready\nended\n")
		code, err = s.rt.Wait(testContext(t), spec.Name)
		checkErr(t, "wait", err, nil)
		check(t, "code", code, 4)
	}},
	{"NotStarted", func(t *testing.T, s *suite) {
		spec := s.kept(t, "true")
		ctx, cancel := context.WithCancel(testContext(t))
		_, err := sandbox.RunAttached(ctx, exchanging{s.rt, cancel}, spec, sandbox.Streams{})
		checkErr(t, "run", err, context.Canceled)
		_, err = s.rt.Inspect(testContext(t), spec.Name)
		checkErr(t, "inspect", err, sandbox.ErrNotFound)
	}},
	{"NoGateway", func(t *testing.T, s *suite) {
		spec := s.kept(t, "true")
		spec.Gateway, spec.HostPorts = t.TempDir(), []int{8000}
		if _, err := sandbox.RunAttached(testContext(t), s.rt, spec, sandbox.Streams{}); err == nil {
			t.Error("it was made")
		}
	}},
	{"Reattach", func(t *testing.T, s *suite) {
		spec := s.kept(t, `stty -echo; echo ready; while read line; do echo "<$line>"; stty size; test "$line" = end && exit 5; done`)
		keys, typing := io.Pipe()
		defer typing.Close()
		s.keep(t, spec, sandbox.Streams{Terminal: true, Stdin: keys})
		for _, again := range []string{"again", "end"} {
			ctx, cancel := context.WithCancel(testContext(t))
			keys, typing := io.Pipe()
			out := newSignalWriter("<" + again + ">\r\n45 123\r\n")
			sizes := make(chan sandbox.Size)
			go func() {
				sizes <- sandbox.Size{Width: 123, Height: 45}
				sizes <- sandbox.Size{Width: 123, Height: 45} // the first has been told by now
				io.WriteString(typing, again+"\n")
				<-out.seen
				if again != "end" {
					cancel()
				}
			}()
			code, err := sandbox.Reattach(ctx, s.rt, spec.Name, sandbox.Streams{Terminal: true, Stdin: keys, Stdout: out, Resize: sizes})
			if again == "end" {
				checkErr(t, "attach", err, nil)
				check(t, "code", code, 5)
			} else {
				checkErr(t, "attach", err, context.Canceled)
			}
			typing.Close()
			cancel()
		}
	}},
	{"Watch", func(t *testing.T, s *suite) {
		// Who only watches does not end the standard input: the command would see that.
		spec := s.kept(t, "echo ready; cat; while ! test -e /tmp/end; do sleep 0.02; done; echo ended")
		input, writing := io.Pipe()
		s.keep(t, spec, sandbox.Streams{Stdin: input})
		writing.Close()
		ctx, cancel := context.WithCancel(testContext(t))
		cancel()
		_, err := sandbox.Reattach(ctx, s.rt, spec.Name, sandbox.Streams{Watch: true})
		checkErr(t, "attach", err, context.Canceled)
		var out bytes.Buffer
		go s.rt.Exec(testContext(t), spec.Name, []string{"touch", "/tmp/end"}, nil, sandbox.Streams{})
		code, err := sandbox.Reattach(testContext(t), s.rt, spec.Name, sandbox.Streams{Watch: true, Stdout: &out})
		checkErr(t, "attach", err, nil)
		check(t, "code", code, 0)
		check(t, "output", out.String(), "ended\n")
	}},
}

var execTests = []test{
	{"AsTheCommand", func(t *testing.T, s *suite) {
		spec := s.withSecrets(t, "echo ready; exec sleep 1000", sandbox.Secret{Name: "TOKEN", Value: []byte(token)})
		spec.Commands[0].Secrets, spec.Record, spec.Keep = []string{"TOKEN"}, "", true
		spec.Env = map[string]string{"MINE": "yes", "OTHER": "no"}
		spec.Limits.Pids, spec.Limits.Files = 50, 100
		s.keep(t, spec, sandbox.Streams{})
		var out, errs bytes.Buffer
		script := `cat; echo err >&2; pwd; id -u; id -g; echo "$MINE $OTHER $HOME $USER"; printf %s "$TOKEN" | sha256sum
			grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status; test -r /proc/1/mem && echo readable; ulimit -u; ulimit -n; exit 6`
		code, err := s.rt.Exec(testContext(t), spec.Name, []string{"sh", "-c", script}, map[string]string{"OTHER": "new"}, sandbox.Streams{
			Stdin: strings.NewReader("in\n"), Stdout: &out, Stderr: &errs,
		})
		checkErr(t, "exec", err, nil)
		check(t, "code", code, 6)
		check(t, "stderr", errs.String(), "err\n")
		none := "0000000000000000\n"
		check(t, "stdout", out.String(), fmt.Sprintf("in\n/workspace\n%d\n%d\nyes new /home/agent agent\n%x  -\n", os.Getuid(), os.Getgid(), sha256.Sum256([]byte(token)))+
			"CapInh:\t"+none+"CapPrm:\t"+none+"CapEff:\t"+none+"CapBnd:\t"+none+"CapAmb:\t"+none+"NoNewPrivs:\t1\nSeccomp:\t2\n82\n100\n")
	}},
	{"HarmsNotTheGuest", func(t *testing.T, s *suite) {
		spec := s.withProbe(t, s.kept(t, "echo ready; exec sleep 1000"))
		s.keep(t, spec, sandbox.Streams{})
		var out bytes.Buffer
		code, err := s.rt.Exec(testContext(t), spec.Name, []string{"/run/probe", "guest"}, nil, sandbox.Streams{Stdout: &out})
		checkErr(t, "exec", err, nil)
		check(t, "code", code, 0)
		noneDone(t, out.String(), "pidfd_open")
		c, err := s.rt.Inspect(testContext(t), spec.Name)
		checkErr(t, "inspect", err, nil)
		check(t, "state", c.State, sandbox.StateRunning)
	}},
	{"Codes", func(t *testing.T, s *suite) {
		spec := s.kept(t, "echo ready; exec sleep 1000")
		s.keep(t, spec, sandbox.Streams{})
		for want, args := range map[int][]string{
			0: {"true"}, 1: {"false"}, 127: {"no-such-program"}, 126: {"/etc"}, 139: {"sh", "-c", "kill -SEGV $$"},
		} {
			code, err := s.rt.Exec(testContext(t), spec.Name, args, nil, sandbox.Streams{})
			checkErr(t, "exec", err, nil)
			check(t, strings.Join(args, " "), code, want)
		}
	}},
	{"Terminal", func(t *testing.T, s *suite) {
		spec := s.kept(t, "echo ready; exec sleep 1000")
		s.keep(t, spec, sandbox.Streams{})
		sizes := make(chan sandbox.Size, 1)
		sizes <- sandbox.Size{Width: 123, Height: 45}
		keys, typing := io.Pipe()
		defer typing.Close()
		out := newSignalWriter("on a")
		go func() {
			<-out.seen
			io.WriteString(typing, "\x10\x11\x03") // keys like others, and an interruption
		}()
		script := `trap 'echo interrupted; exit 7' INT; stty size; test -t 0 && test -t 1 && test -t 2 && echo "on a $TERM"; while :; do sleep 0.02; done`
		code, err := s.rt.Exec(testContext(t), spec.Name, []string{"sh", "-c", script}, map[string]string{"TERM": "xterm"}, sandbox.Streams{
			Terminal: true, Resize: sizes, Stdin: keys, Stdout: out,
		})
		checkErr(t, "exec", err, nil)
		check(t, "code", code, 7)
		contains(t, "output", out.String(), "45 123\r\non a xterm\r\n")
		contains(t, "output", out.String(), "interrupted\r\n")
	}},
	{"Signals", func(t *testing.T, s *suite) {
		spec := s.kept(t, "trap 'echo not for me; exit 9' TERM; echo ready; while :; do sleep 0.02; done")
		s.keep(t, spec, sandbox.Streams{})
		out := newSignalWriter("here")
		signals := make(chan syscall.Signal)
		go func() {
			<-out.seen
			signals <- syscall.SIGTERM
		}()
		code, err := s.rt.Exec(testContext(t), spec.Name, []string{"sh", "-c", "trap 'exit 8' TERM; echo here; while :; do sleep 0.02; done"}, nil,
			sandbox.Streams{Stdout: out, Signals: signals})
		checkErr(t, "exec", err, nil)
		check(t, "code", code, 8)
		stdout, _ := s.log(t, spec, false)
		check(t, "the sandbox's own command", stdout, "ready\n")
	}},
	{"Cancelled", func(t *testing.T, s *suite) {
		spec := s.kept(t, "echo ready; exec sleep 1000")
		s.keep(t, spec, sandbox.Streams{})
		ctx, cancel := context.WithCancel(testContext(t))
		defer cancel()
		out := newSignalWriter("here")
		go func() {
			<-out.seen
			cancel()
		}()
		_, err := s.rt.Exec(ctx, spec.Name, []string{"sh", "-c", "trap '' TERM HUP; echo here; exec sleep 1001"}, nil, sandbox.Streams{Stdout: out})
		checkErr(t, "exec", err, context.Canceled)
		var left bytes.Buffer
		_, err = s.rt.Exec(testContext(t), spec.Name, []string{"sh", "-c", "while ps -o args | grep -q '^sleep 1001'; do sleep 0.02; done; echo gone"}, nil, sandbox.Streams{Stdout: &left})
		checkErr(t, "exec", err, nil)
		check(t, "the command", left.String(), "gone\n")
	}},
	{"EndsWithTheSandbox", func(t *testing.T, s *suite) {
		spec := s.kept(t, "echo ready; while ! test -e /tmp/end; do sleep 0.02; done")
		s.keep(t, spec, sandbox.Streams{})
		code, err := s.rt.Exec(testContext(t), spec.Name, []string{"sh", "-c", "touch /tmp/end; exec sleep 1000"}, nil, sandbox.Streams{})
		checkErr(t, "exec", err, nil)
		check(t, "code", code, 137)
	}},
	{"NotRunning", func(t *testing.T, s *suite) {
		spec := s.kept(t, "true")
		if _, err := sandbox.RunAttached(testContext(t), s.rt, spec, sandbox.Streams{}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.rt.Exec(testContext(t), spec.Name, []string{"true"}, nil, sandbox.Streams{}); err == nil {
			t.Error("a command ran in a sandbox that has ended")
		}
		_, err := s.rt.Exec(testContext(t), spec.Name+"-none", []string{"true"}, nil, sandbox.Streams{})
		checkErr(t, "exec", err, sandbox.ErrNotFound)
	}},
}
