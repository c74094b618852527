package sandboxtest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/wrapix/wrapix/sandbox"
)

// exchanging does something between the creation and the start.
type exchanging struct {
	sandbox.Runtime
	do func()
}

func (e exchanging) Start(ctx context.Context, name string) error {
	e.do()
	return e.Runtime.Start(ctx, name)
}

// noneDone fails the test for every attempt of the probe that succeeded.
func noneDone(t *testing.T, stdout string, allowed ...string) {
	t.Helper()
	lines := 0
attempts:
	for line := range strings.Lines(stdout) {
		lines++
		for _, a := range allowed {
			if strings.HasPrefix(line, a+":") {
				continue attempts
			}
		}
		if strings.HasSuffix(line, ": DONE\n") {
			t.Error(strings.TrimSpace(line))
		}
	}
	if lines == 0 {
		t.Error("the probe said nothing")
	}
}

var hardeningTests = []test{
	{"Status", func(t *testing.T, s *suite) {
		o := s.sh(t, "cat /proc/self/status; id -u; id -g")
		for _, want := range []string{
			"CapInh:\t0000000000000000\n", "CapPrm:\t0000000000000000\n", "CapEff:\t0000000000000000\n", "CapBnd:\t0000000000000000\n",
			"CapAmb:\t0000000000000000\n", "NoNewPrivs:\t1\n", "Seccomp:\t2\n", fmt.Sprintf("\n%d\n%d\n", os.Getuid(), os.Getgid()),
		} {
			contains(t, "status", o.stdout, want)
		}
	}},
	{"SetUserID", func(t *testing.T, s *suite) {
		check(t, "user", s.sh(t, "ls -l /bin/busybox-suid | grep -o ^-rws; /bin/busybox-suid id -u").stdout, fmt.Sprintf("-rws\n%d\n", os.Getuid()))
	}},
	{"Kernel", func(t *testing.T, s *suite) {
		noneDone(t, s.want0(t, s.withProbe(t, s.spec(t, "/run/probe kernel"))).stdout)
	}},
	{"RootReadOnly", func(t *testing.T, s *suite) {
		o := s.sh(t, `for d in $(find / -xdev -type d 2>/dev/null); do if touch $d/.x 2>/dev/null; then echo $d; fi; done | grep -vxE '(/var)?/tmp|/workspace|/home/agent'; `+
			refuse("echo x > /etc/passwd", "echo x > /etc/hosts", "echo x > /etc/resolv.conf", "echo x > /proc/sys/kernel/hostname",
				"echo x > /sys/fs/cgroup/cgroup.procs", "echo x > /run/wrapix/guest", "rm /run/wrapix/guest", "mv /run/wrapix /run/w2", "rm /bin/sh"))
		check(t, "writable", o.stdout, "")
	}},
	{"WritablePlaces", func(t *testing.T, s *suite) {
		o := s.sh(t, `for d in /tmp /var/tmp /dev/shm /run/out $HOME /workspace; do echo x > $d/x && printf '%s ' $d; done`)
		check(t, "writable", o.stdout, "/tmp /var/tmp /dev/shm /run/out "+sandbox.HomeDir+" /workspace ")
	}},
	{"MemoryOfPlacesBounded", func(t *testing.T, s *suite) {
		o := s.sh(t, `for d in /tmp /var/tmp /dev/shm /run/out $HOME /workspace; do grep " $d tmpfs " /proc/mounts; done`)
		if n := strings.Count(o.stdout, ",size="); n != 6 {
			t.Errorf("%d of 6 are bounded:\n%s", n, o.stdout)
		}
	}},
	{"NothingOfTheHost", func(t *testing.T, s *suite) {
		// Every mount is the image, a file system of the kernel's own, or a file that we know.
		o := s.sh(t, `while read -r a b c d e f rest; do echo "$e ${rest##*- }"; done < /proc/self/mountinfo; find / -xdev -type s; find /run /tmp /var/tmp /dev -type s; ls -d /proc/[0-9]* | wc -l`)
		lines := strings.Split(strings.TrimSpace(o.stdout), "\n")
		known := map[string]bool{"/": true}
		for _, p := range []string{"/run/wrapix/guest", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/passwd", "/etc/group", "/run/.containerenv", "/run/secrets", "/etc/mtab"} {
			known[p] = true
		}
		for _, line := range lines[:len(lines)-1] {
			f := strings.Fields(line)
			switch {
			case len(f) < 2:
				t.Errorf("a socket: %s", line)
			case known[f[0]]:
			case f[1] == "tmpfs", f[1] == "proc", f[1] == "sysfs", f[1] == "devpts", f[1] == "mqueue", f[1] == "devtmpfs", f[1] == "cgroup", f[1] == "cgroup2":
			default:
				t.Errorf("a mount that is not ours: %s", line)
			}
		}
		if n := lines[len(lines)-1]; n != "4" && n != "3" {
			t.Errorf("%s processes are visible", n)
		}
	}},
}
