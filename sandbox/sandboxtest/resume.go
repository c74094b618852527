package sandboxtest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/wrapix/wrapix/sandbox"
)

// resume opens another connection, as another process would, and resumes.
func (s *suite) resume(t *testing.T, spec sandbox.Spec) (sandbox.Result, string, error) {
	t.Helper()
	rt := s.Open(t)
	defer rt.Close()
	var out bytes.Buffer
	r, err := sandbox.Resume(testContext(t), rt, spec, sandbox.Sink{Stdout: &out})
	return r, out.String(), err
}

var resumeTests = []test{
	{"Running", func(t *testing.T, s *suite) {
		ws := t.TempDir()
		spec := s.spec(t, `echo one; while ! test -e go; do sleep 0.02; done; echo two; exit 4`)
		spec.Workspace = sandbox.Workspace{Source: ws}
		ctx, cut := context.WithCancel(testContext(t))
		r := s.start(t, ctx, spec, "one\n")
		cut()
		<-r.done
		checkErr(t, "the follower that was cut", r.err, context.Canceled)
		c, err := s.rt.Inspect(testContext(t), spec.Name)
		checkErr(t, "inspect", err, nil)
		check(t, "state", c.State, sandbox.StateRunning)
		rt := s.Open(t)
		defer rt.Close()
		out := newSignalWriter("one\n")
		go func() {
			<-out.seen
			os.WriteFile(ws+"/go", nil, 0o644)
		}()
		result, err := sandbox.Resume(testContext(t), rt, spec, sandbox.Sink{Stdout: out})
		checkErr(t, "resume", err, nil)
		check(t, "output", out.String(), "one\ntwo\n")
		check(t, "ended", result.Ended, sandbox.EndedExited)
		check(t, "code", result.Exits[0].Code, 4)
	}},
	{"Ended", func(t *testing.T, s *suite) {
		spec := s.spec(t, "echo out; exit 4")
		first := s.do(t, spec)
		if _, err := s.rt.Wait(testContext(t), spec.Name); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			result, out, err := s.resume(t, spec)
			checkErr(t, "resume", err, nil)
			check(t, "output", out, "out\n")
			check(t, "code", result.Exits[0].Code, 4)
			check(t, "finished", result.Finished.Equal(first.Finished), true)
		}
	}},
	{"Gone", func(t *testing.T, s *suite) {
		spec := s.spec(t, "echo out; exit 4")
		s.do(t, spec)
		checkErr(t, "remove", s.rt.Remove(testContext(t), spec.Name), nil)
		result, out, err := s.resume(t, spec)
		checkErr(t, "resume", err, nil)
		check(t, "output", out, "out\n")
		check(t, "code", result.Exits[0].Code, 4)
	}},
	{"NeverStarted", func(t *testing.T, s *suite) {
		spec := s.spec(t, "true")
		writeFile(t, spec.Record, "")
		checkErr(t, "create", s.rt.Create(testContext(t), spec), nil)
		_, _, err := s.resume(t, spec)
		checkErr(t, "resume", err, sandbox.ErrLost)
	}},
	{"NeverCreated", func(t *testing.T, s *suite) {
		_, _, err := s.resume(t, s.spec(t, "true"))
		checkErr(t, "resume", err, sandbox.ErrLost)
	}},
	{"Killed", func(t *testing.T, s *suite) {
		spec := s.spec(t, "echo ready; sleep 1000")
		r := s.start(t, testContext(t), spec, "ready\n")
		checkErr(t, "stop", s.rt.Stop(testContext(t), spec.Name, 0), nil)
		<-r.done
		_, out, err := s.resume(t, spec)
		checkErr(t, "resume", err, sandbox.ErrLost)
		if errors.Is(err, sandbox.ErrDamaged) {
			t.Errorf("a killed sandbox counts as one that could not be heard: %v", err)
		}
		check(t, "output", out, "ready\n")
	}},
	{"NotKept", func(t *testing.T, s *suite) {
		// What a full disk can leave: the sandbox reported, and the monitor could not write it down.
		spec := s.spec(t, "seq 1 5000; exit 3")
		s.do(t, spec)
		_, err := s.rt.Wait(testContext(t), spec.Name)
		checkErr(t, "wait", err, nil)
		whole := readFile(t, spec.Record)
		lines := strings.SplitAfter(whole, "\n")
		for _, kept := range []string{"", whole[:len(whole)/2], whole[:len(whole)-1], strings.Join(lines[:len(lines)-2], "")} {
			writeFile(t, spec.Record, kept)
			_, _, err := s.resume(t, spec)
			checkErr(t, "resume", err, sandbox.ErrDamaged)
		}
	}},
	{"Torn", func(t *testing.T, s *suite) {
		// What a power cut can leave: the record without its end.
		spec := s.spec(t, "seq 1 5000")
		s.do(t, spec)
		checkErr(t, "remove", s.rt.Remove(testContext(t), spec.Name), nil)
		whole := readFile(t, spec.Record)
		for _, n := range []int{0, 1, 100, len(whole) / 2, len(whole) - 1} {
			writeFile(t, spec.Record, whole[:n])
			_, _, err := s.resume(t, spec)
			checkErr(t, "resume", err, sandbox.ErrLost)
		}
	}},
	{"Damaged", func(t *testing.T, s *suite) {
		spec := s.spec(t, "seq 1 5000")
		s.do(t, spec)
		checkErr(t, "remove", s.rt.Remove(testContext(t), spec.Name), nil)
		whole := []byte(readFile(t, spec.Record))
		i := bytes.Index(whole, []byte("4321"))
		whole[i] = '5'
		writeFile(t, spec.Record, string(whole))
		_, _, err := s.resume(t, spec)
		checkErr(t, "resume", err, sandbox.ErrDamaged)
	}},
}
