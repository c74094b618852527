package sandboxtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wrapix/wrapix/sandbox"
)

// unharmed wants no process of a sandbox's to be left on the host, and another sandbox to work as ever.
func (s *suite) unharmed(t *testing.T, spec sandbox.Spec, commandLine string) {
	t.Helper()
	if _, err := s.rt.Wait(testContext(t), spec.Name); err != nil { // process 1 ends after its report
		t.Fatal(err)
	}
	check(t, "processes left", strings.Count(hostProcesses(t), commandLine), 0)
	check(t, "another sandbox", s.sh(t, "echo well").stdout, "well\n")
}

var limitTests = []test{
	{"Memory", func(t *testing.T, s *suite) {
		scripts := map[string]string{
			"of a process": `dd if=/dev/zero bs=150M count=1 | sleep 1000`,
			"in files":     `exec 3>/tmp/x; head -c 150m /dev/zero >&3; sleep 1000`,
			"of many":      `for i in 1 2 3 4 5; do (dd if=/dev/zero bs=30M count=1 | sleep 1000) & done; wait`,
		}
		if s.KernelHasMemory { // it kills one process, and sees no more than that
			scripts = map[string]string{
				"of a process": `exec dd if=/dev/zero of=/dev/null bs=150M count=1`,
				"in files":     `dd if=/dev/zero of=/tmp/x bs=1M count=150`,
			}
		}
		for name, script := range scripts {
			spec := s.spec(t, script)
			spec.Limits.MemoryBytes = 64 << 20
			spec.Commands = append(spec.Commands, sandbox.Command{Name: "next", Args: []string{"true"}})
			o := s.do(t, spec)
			check(t, name+": code", o.Exits[0].Code, 137)
			check(t, name+": ended", o.Ended, sandbox.EndedMemory)
			check(t, name+": exits", len(o.Exits), 1)
			if !strings.HasSuffix(o.Error, "and 64 MiB are allowed") {
				t.Errorf("%s: %q", name, o.Error)
			}
		}
		// What processes share counts once.
		spec := s.spec(t, `x=$(head -c 20m /dev/zero | tr '\0' x); for i in 1 2 3 4 5 6 7 8; do (sleep 1; : "$i") & done; wait; echo done`)
		spec.Limits.MemoryBytes = 64 << 20
		o := s.do(t, spec)
		check(t, "ended", o.Ended, sandbox.EndedExited)
		check(t, "stdout", o.stdout, "done\n")
	}},
	{"Pids", func(t *testing.T, s *suite) {
		if !s.HostHasPids {
			t.Skip("this host does not enforce it")
		}
		spec := s.withProbe(t, s.spec(t, "/run/probe bomb"))
		spec.Limits.Pids = 40
		// The bomb's own threads count as well, and the guest's have some room of their own.
		o := s.want0(t, spec)
		var n int
		if _, err := fmt.Sscan(o.stdout, &n); err != nil || n < 10 || n > 40+32 {
			t.Errorf("%q processes with a limit of 40", o.stdout)
		}
	}},
	{"PidsAreNotTheUsers", func(t *testing.T, s *suite) {
		if !s.HostHasPids {
			t.Skip("this host does not enforce it")
		}
		// Two sandboxes of one user do not take each other's processes away.
		one := s.spec(t, "echo ready; for i in $(seq 30); do sleep 1000 & done; echo all; sleep 1000")
		one.Limits.Pids = 40
		r := s.start(t, testContext(t), one, "all\n")
		two := s.spec(t, "for i in $(seq 30); do sleep 1000 & done; echo all")
		two.Limits.Pids = 40
		check(t, "stdout", s.want0(t, two).stdout, "all\n")
		if err := s.rt.Remove(testContext(t), one.Name); err != nil {
			t.Fatal(err)
		}
		<-r.done
	}},
	{"ForkBomb", func(t *testing.T, s *suite) {
		if !s.HostHasPids {
			t.Skip("this host does not enforce it")
		}
		const most = 60
		spec := s.withProbe(t, s.spec(t, "exec /run/probe forks "+s.run))
		spec.Limits.Pids = most
		spec.Timeout = 3 * time.Second
		r := s.start(t, testContext(t), spec, "refused\n")
		bomb := "/run/probe\x00forks\x00" + s.run
		// Each of them has threads, which count as well.
		if n := strings.Count(hostProcesses(t), bomb); n > most+32 {
			t.Errorf("%d processes with a limit of %d", n, most)
		}
		<-r.done
		if r.err != nil {
			t.Fatal(r.err)
		}
		check(t, "ended", r.res.Ended, sandbox.EndedTimeout)
		s.unharmed(t, spec, bomb)
	}},
	{"FilledDisk", func(t *testing.T, s *suite) {
		spec := s.spec(t, `for d in /tmp /var/tmp $HOME; do head -c 40m /dev/zero >$d/x 2>/dev/null && echo "$d holds all"; wc -c <$d/x; done`)
		spec.Limits.TmpBytes, spec.Limits.HomeBytes = 8<<20, 16<<20
		check(t, "stdout", s.want0(t, spec).stdout, "8388608\n8388608\n16777216\n")
		// Who does not look at errors goes on until the time is over.
		spec = s.spec(t, `while :; do head -c 1m /dev/zero >>/tmp/x; done 2>/dev/null`)
		spec.Limits.TmpBytes = 4 << 20
		spec.Timeout = 500 * time.Millisecond
		check(t, "ended", s.do(t, spec).Ended, sandbox.EndedTimeout)
	}},
	{"OpenFiles", func(t *testing.T, s *suite) {
		// Also of what a command starts, and as often as it tries.
		spec := s.withProbe(t, s.spec(t, "/run/probe files; ulimit -n 5000 2>/dev/null; sh -c '/run/probe files'"))
		spec.Limits.Files = 100
		for line := range strings.Lines(s.want0(t, spec).stdout) {
			var n int
			if _, err := fmt.Sscan(line, &n); err != nil || n < 50 || n > 100 {
				t.Errorf("%q open files with a limit of 100", line)
			}
		}
	}},
	{"IgnoresSIGTERM", func(t *testing.T, s *suite) {
		stubborn := "echo stubborn " + s.run
		spec := s.spec(t, `trap '' TERM HUP INT; setsid sh -c "while :; do sleep 0.05; done; `+stubborn+`" & while :; do sleep 0.05; done`)
		spec.Timeout = 300 * time.Millisecond
		o := s.do(t, spec)
		check(t, "ended", o.Ended, sandbox.EndedTimeout)
		check(t, "signal", o.Exits[0].Signal, "SIGKILL")
		s.unharmed(t, spec, stubborn)
	}},
}
