package sandboxtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wrapix/wrapix/sandbox"
)

const absent = "wrapix-test-no-such"

var lifeTests = []test{
	{"States", func(t *testing.T, s *suite) {
		ctx := testContext(t)
		spec := s.spec(t, "echo ready; while ! test -e go; do sleep 0.02; done")
		ws := t.TempDir()
		spec.Workspace = sandbox.Workspace{Source: ws}
		spec.Labels["wrapix.task"] = "T 1/=ü"
		spec, done := spec, make(chan struct{})
		var states []sandbox.State
		rt := exchanging{s.rt, func() {
			c, err := s.rt.Inspect(ctx, spec.Name)
			checkErr(t, "inspect", err, nil)
			states = append(states, c.State)
		}}
		out := newSignalWriter("ready\n")
		go func() {
			defer close(done)
			if _, err := sandbox.Run(ctx, rt, spec, sandbox.Sink{Stdout: out}); err != nil {
				t.Error(err)
			}
		}()
		select {
		case <-out.seen:
		case <-done:
			t.Fatal("ended early")
		}
		c, err := s.rt.Inspect(ctx, spec.Name)
		checkErr(t, "inspect", err, nil)
		check(t, "label", c.Labels["wrapix.task"], "T 1/=ü")
		check(t, "name", c.Name, spec.Name)
		states = append(states, c.State)
		writeFile(t, ws+"/go", "")
		<-done
		code, err := s.rt.Wait(ctx, spec.Name)
		checkErr(t, "wait", err, nil)
		check(t, "code", code, 0)
		c, err = s.rt.Inspect(ctx, spec.Name)
		checkErr(t, "inspect", err, nil)
		states = append(states, c.State)
		if got := states; len(got) != 3 || got[0] != sandbox.StateCreated || got[1] != sandbox.StateRunning || got[2] != sandbox.StateExited {
			t.Errorf("states: %v", got)
		}
	}},
	{"NameTaken", func(t *testing.T, s *suite) {
		spec := s.spec(t, "true")
		s.want0(t, spec)
		checkErr(t, "create again", s.rt.Create(testContext(t), spec), sandbox.ErrExists)
	}},
	{"NameTakenByDiscard", func(t *testing.T, s *suite) {
		spec := s.spec(t, "cat file")
		spec.Workspace = sandbox.Workspace{Source: project(t), Access: sandbox.Discard}
		ctx := testContext(t)
		checkErr(t, "create", s.rt.Create(ctx, spec), nil)
		checkErr(t, "create again", s.rt.Create(ctx, spec), sandbox.ErrExists)
		checkErr(t, "start", s.rt.Start(ctx, spec.Name), nil)
		code, err := s.rt.Wait(ctx, spec.Name)
		checkErr(t, "wait", err, nil)
		check(t, "code", code, 0)
	}},
	{"Absent", func(t *testing.T, s *suite) {
		ctx := testContext(t)
		_, err := s.rt.Inspect(ctx, absent)
		checkErr(t, "inspect", err, sandbox.ErrNotFound)
		checkErr(t, "start", s.rt.Start(ctx, absent), sandbox.ErrNotFound)
		_, err = s.rt.Wait(ctx, absent)
		checkErr(t, "wait", err, sandbox.ErrNotFound)
		checkErr(t, "signal", s.rt.Signal(ctx, absent, "SIGINT"), sandbox.ErrNotFound)
		_, err = s.rt.Attach(ctx, absent, sandbox.Streams{})
		checkErr(t, "attach", err, sandbox.ErrNotFound)
		checkErr(t, "remove", s.rt.Remove(ctx, absent), nil)
	}},
	{"NoImage", func(t *testing.T, s *suite) {
		spec := s.spec(t, "true")
		spec.Image = "localhost/wrapix-test-no-such-image"
		checkErr(t, "create", s.rt.Create(testContext(t), spec), sandbox.ErrNoImage)
	}},
	{"RemoveTwice", func(t *testing.T, s *suite) {
		spec := s.spec(t, "true")
		s.want0(t, spec)
		checkErr(t, "remove", s.rt.Remove(testContext(t), spec.Name), nil)
		checkErr(t, "remove again", s.rt.Remove(testContext(t), spec.Name), nil)
		_, err := s.rt.Inspect(testContext(t), spec.Name)
		checkErr(t, "inspect", err, sandbox.ErrNotFound)
	}},
	{"RemoveKeepsRecord", func(t *testing.T, s *suite) {
		spec := s.spec(t, "echo kept")
		s.want0(t, spec)
		checkErr(t, "remove", s.rt.Remove(testContext(t), spec.Name), nil)
		contains(t, "record", readFile(t, spec.Record), "kept")
	}},
	{"List", func(t *testing.T, s *suite) {
		ctx := testContext(t)
		one, two := s.spec(t, "true"), s.spec(t, "exit 3")
		one.Labels["wrapix.task"], two.Labels["wrapix.task"] = "T1", "T2"
		checkErr(t, "create", s.rt.Create(ctx, one), nil)
		s.do(t, two)
		if _, err := s.rt.Wait(ctx, two.Name); err != nil {
			t.Fatal(err)
		}
		all, err := s.rt.List(ctx, map[string]string{"wrapix.test": s.run})
		checkErr(t, "list", err, nil)
		check(t, "all", len(all), 2)
		some, err := s.rt.List(ctx, map[string]string{"wrapix.test": s.run, "wrapix.task": "T1"})
		checkErr(t, "list", err, nil)
		if len(some) != 1 || some[0].Name != one.Name || some[0].State != sandbox.StateCreated || some[0].Labels["wrapix.task"] != "T1" || some[0].ID == "" || time.Since(some[0].Created) > time.Hour {
			t.Errorf("T1: %+v", some)
		}
		none, err := s.rt.List(ctx, map[string]string{"wrapix.test": s.run, "wrapix.task": "T3"})
		checkErr(t, "list", err, nil)
		check(t, "none", len(none), 0)
	}},
	{"WaitBeforeStart", func(t *testing.T, s *suite) {
		ctx := testContext(t)
		spec := s.spec(t, "exit 0")
		checkErr(t, "create", s.rt.Create(ctx, spec), nil)
		type ended struct {
			code int
			err  error
		}
		waiting := make(chan ended, 1)
		go func() {
			code, err := s.rt.Wait(ctx, spec.Name)
			waiting <- ended{code, err}
		}()
		checkErr(t, "start", s.rt.Start(ctx, spec.Name), nil)
		check(t, "wait", <-waiting, ended{})
	}},
	{"RecordTaken", func(t *testing.T, s *suite) {
		spec := s.spec(t, "true")
		writeFile(t, spec.Record, "of another attempt")
		_, err := sandbox.Run(testContext(t), s.rt, spec, sandbox.Sink{})
		checkErr(t, "run", err, os.ErrExist)
		check(t, "record", readFile(t, spec.Record), "of another attempt")
	}},
	{"StartUnanswered", func(t *testing.T, s *suite) {
		// The engine died while it was asked to start the sandbox, and had done so.
		spec := s.spec(t, "echo out; exit 3")
		var out bytes.Buffer
		r, err := sandbox.Run(testContext(t), unanswering{s.rt, true}, spec, sandbox.Sink{Stdout: &out})
		checkErr(t, "run", err, nil)
		check(t, "output", out.String(), "out\n")
		check(t, "code", r.Exits[0].Code, 3)
		// It died before that.
		spec = s.spec(t, "echo out >out")
		ws := t.TempDir()
		spec.Workspace = sandbox.Workspace{Source: ws}
		_, err = sandbox.Run(testContext(t), unanswering{s.rt, false}, spec, sandbox.Sink{})
		checkErr(t, "run", err, io.ErrUnexpectedEOF)
		_, err = s.rt.Inspect(testContext(t), spec.Name)
		checkErr(t, "inspect", err, sandbox.ErrNotFound)
		if _, err := os.Stat(ws + "/out"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("it ran: %v", err)
		}
	}},
	{"TooLong", func(t *testing.T, s *suite) {
		if err := s.rt.Create(testContext(t), s.spec(t, strings.Repeat("x", 200<<10))); err == nil {
			t.Error("a command of 200 KB was taken")
		}
		long := strings.Repeat("x", 100<<10)
		check(t, "stdout", s.sh(t, "echo "+long+" | wc -c").stdout, "102401\n")
	}},
	{"Invalid", func(t *testing.T, s *suite) {
		for _, change := range []func(*sandbox.Spec){
			func(s *sandbox.Spec) { s.Name = "" },
			func(s *sandbox.Spec) { s.Image = "" },
			func(s *sandbox.Spec) { s.Commands = nil },
			func(s *sandbox.Spec) { s.Commands[0].Args = nil },
			func(s *sandbox.Spec) { s.Record = "relative" },
			func(s *sandbox.Spec) { s.Workspace.Source = "relative" },
			func(s *sandbox.Spec) { s.Workspace.Access = "rx" },
			func(s *sandbox.Spec) { s.Network = "host" },
			func(s *sandbox.Spec) { s.Mounts = []sandbox.Mount{{Source: "/tmp"}} },
		} {
			spec := s.spec(t, "true")
			change(&spec)
			if _, err := sandbox.Run(testContext(t), s.rt, spec, sandbox.Sink{}); err == nil {
				t.Errorf("taken: %+v", spec)
			}
		}
	}},
	{"SinkFails", func(t *testing.T, s *suite) {
		failed := errors.New("disk full")
		_, err := sandbox.Run(testContext(t), s.rt, s.spec(t, "echo x"), sandbox.Sink{Stdout: failing{failed}})
		checkErr(t, "run", err, failed)
	}},
	{"AtOnce", func(t *testing.T, s *suite) {
		var wg sync.WaitGroup
		for range 4 {
			spec := s.spec(t, "seq 1000 | wc -l")
			wg.Go(func() {
				o := s.do(t, spec)
				check(t, "stdout", o.stdout, "1000\n")
			})
		}
		wg.Wait()
	}},
}

// unanswering fails to start a sandbox, after it did or before.
type unanswering struct {
	sandbox.Runtime
	started bool
}

func (u unanswering) Start(ctx context.Context, name string) error {
	if u.started {
		if err := u.Runtime.Start(ctx, name); err != nil {
			return err
		}
		if _, err := u.Runtime.Wait(ctx, name); err != nil {
			return err
		}
	}
	return io.ErrUnexpectedEOF
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
