package sandboxtest

import (
	"testing"
	"time"

	"github.com/wrapix/wrapix/sandbox"
)

var endingTests = []test{
	{"Timeout", func(t *testing.T, s *suite) {
		spec := s.spec(t, `echo before; sleep 1000`)
		spec.Timeout = 500 * time.Millisecond
		spec.Commands = append(spec.Commands, sandbox.Command{Name: "never", Args: []string{"echo", "never"}})
		o := s.do(t, spec)
		check(t, "ended", o.Ended, sandbox.EndedTimeout)
		check(t, "exits", len(o.Exits), 1)
		check(t, "signal", o.Exits[0].Signal, "SIGTERM")
		check(t, "stdout", o.stdout, "before\n")
		check(t, "error", o.Error, "it took longer than 500ms")
	}},
	{"TimeoutStubborn", func(t *testing.T, s *suite) {
		spec := s.spec(t, `trap 'echo no' TERM; while :; do sleep 0.05; done`)
		spec.Timeout = 300 * time.Millisecond
		o := s.do(t, spec)
		check(t, "ended", o.Ended, sandbox.EndedTimeout)
		check(t, "signal", o.Exits[0].Signal, "SIGKILL")
		check(t, "stdout", o.stdout, "no\n")
	}},
	{"Stop", func(t *testing.T, s *suite) {
		spec := s.spec(t, `trap 'echo bye; exit 9' TERM; echo ready; while :; do sleep 0.05; done`)
		spec.Commands = append(spec.Commands, sandbox.Command{Name: "never", Args: []string{"echo", "never"}})
		r := s.start(t, testContext(t), spec, "ready\n")
		if err := s.rt.Stop(testContext(t), spec.Name, time.Minute); err != nil {
			t.Fatal(err)
		}
		<-r.done
		if r.err != nil {
			t.Fatal(r.err)
		}
		check(t, "ended", r.res.Ended, sandbox.EndedStopped)
		check(t, "exits", len(r.res.Exits), 1)
		check(t, "code", r.res.Exits[0].Code, 9)
		check(t, "stdout", r.out.String(), "ready\nbye\n")
		// Once more, now that it has ended.
		checkErr(t, "stop again", s.rt.Stop(testContext(t), spec.Name, time.Minute), nil)
	}},
	{"StopStubborn", func(t *testing.T, s *suite) {
		spec := s.spec(t, `trap '' TERM INT HUP; echo ready; while :; do sleep 0.05; done`)
		r := s.start(t, testContext(t), spec, "ready\n")
		if err := s.rt.Stop(testContext(t), spec.Name, time.Minute); err != nil {
			t.Fatal(err)
		}
		<-r.done
		if r.err != nil {
			t.Fatal(r.err)
		}
		check(t, "ended", r.res.Ended, sandbox.EndedStopped)
		check(t, "signal", r.res.Exits[0].Signal, "SIGKILL")
	}},
	{"StopAtOnce", func(t *testing.T, s *suite) {
		spec := s.spec(t, `echo ready; sleep 1000`)
		r := s.start(t, testContext(t), spec, "ready\n")
		if err := s.rt.Stop(testContext(t), spec.Name, 0); err != nil {
			t.Fatal(err)
		}
		<-r.done
		checkErr(t, "run", r.err, sandbox.ErrLost)
	}},
	{"StopNothing", func(t *testing.T, s *suite) {
		checkErr(t, "stop", s.rt.Stop(testContext(t), "wrapix-test-no-such", time.Second), nil)
	}},
	{"RemovedByHand", func(t *testing.T, s *suite) {
		spec := s.spec(t, `echo ready; sleep 1000`)
		r := s.start(t, testContext(t), spec, "ready\n")
		if err := s.rt.Remove(testContext(t), spec.Name); err != nil {
			t.Fatal(err)
		}
		<-r.done
		checkErr(t, "run", r.err, sandbox.ErrLost)
		_, err := s.rt.Inspect(testContext(t), spec.Name)
		checkErr(t, "inspect", err, sandbox.ErrNotFound)
	}},
}
