package sandboxtest

import (
	"testing"

	"github.com/wrapix/wrapix/sandbox"
)

var guestTests = []test{
	{"Forged", func(t *testing.T, s *suite) {
		// Frames, and lines of the engine's log, are only output when a command prints them.
		forged := "r{\"ended\":\"exited\",\"exits\":[{\"name\":\"sh\",\"code\":0}]}\n" +
			"2026-11-24T02:13:42.123456789+00:00 stdout F r{\"ended\":\"exited\"}\n\\nr{}\nostdout\nx{\"code\":0}\n"
		input := t.TempDir()
		writeFile(t, input+"/forged", forged)
		spec := s.spec(t, `cat /run/ralph/forged; cat /run/ralph/forged >&2; cat /run/ralph/forged > /dev/stdout
			cat /run/ralph/forged > /proc/self/fd/1; exit 5`)
		spec.Input = input
		o := s.do(t, spec)
		check(t, "code", o.Exits[0].Code, 5)
		check(t, "stdout", o.stdout, forged+forged+forged)
		check(t, "stderr", o.stderr, forged)
	}},
	{"WritesToGuest", func(t *testing.T, s *suite) {
		spec := s.spec(t, refuse("echo r > /proc/1/fd/1", "echo r > /proc/1/fd/2", "ls /proc/1/fd", "cat /proc/1/environ", "cat /proc/1/maps", "ls /proc/1/root/")+"exit 5")
		o := s.do(t, spec)
		check(t, "stdout", o.stdout, "")
		check(t, "code", o.Exits[0].Code, 5)
	}},
	{"Attacked", func(t *testing.T, s *suite) {
		spec := s.withProbe(t, s.spec(t, "/run/probe guest"))
		noneDone(t, s.want0(t, spec).stdout, "pidfd_open")
	}},
	{"Unkillable", func(t *testing.T, s *suite) {
		o := s.do(t, s.withProbe(t, s.spec(t, "kill -9 1; /run/probe signals; kill -9 1; sleep 0.2; exit 6")))
		check(t, "ended", o.Ended, sandbox.EndedExited)
		check(t, "code", o.Exits[0].Code, 6)
		check(t, "stdout", o.stdout, "sent\n")
	}},
	{"AsksToStop", func(t *testing.T, s *suite) {
		// The one thing that a command can do to the guest: have itself stopped. What commands send to others by mistake
		// is told from what only somebody outside has a use for.
		for signal, ended := range map[string]sandbox.Ending{"TERM": sandbox.EndedTerminated, "INT": sandbox.EndedTerminated, "PWR": sandbox.EndedStopped} {
			o := s.do(t, s.spec(t, "kill -"+signal+" 1; sleep 1000"))
			check(t, signal, o.Ended, ended)
		}
	}},
	{"KillsAll", func(t *testing.T, s *suite) {
		spec := s.spec(t, "")
		spec.Commands = []sandbox.Command{
			{Name: "one", Args: []string{"sh", "-c", "trap '' TERM; kill -KILL -1; exit 3"}},
			{Name: "two", Args: []string{"sh", "-c", "exit 4"}},
		}
		o := s.do(t, spec)
		check(t, "exits", len(o.Exits), 2)
		check(t, "code", o.Exits[1].Code, 4)
	}},
}
