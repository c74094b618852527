//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/service"
)

// TestBoot pulls the plug while an attempt runs, and boots the real unit: a systemd of the user, in a home and a runtime
// folder of its own, starts what `ralph service install` wrote, which takes the work up. Then it shuts down in order.
//
// A systemd wants a cgroup that it may write, and does not start where no other one runs. Where that is not so, `make
// test` started as root makes it so, and anybody else leaves the unit to systemd-analyze.
func TestBoot(t *testing.T) {
	if err := systemdCanRun(); err != nil {
		t.Skipf("NO SYSTEMD CAN BE STARTED HERE (%v): the unit was not booted (make test does so, started as root)", err)
	}
	m := newMachine(t)
	m.write("p/wrapix.toml", fmt.Sprintf("agent.command = [\"./agent.sh\"]\nsandbox.image = %q\nsandbox.network = \"none\"\nnotify.enabled = false\n", m.image))
	m.write("p/agent.sh", `#!/bin/sh
echo $RALPH_WORKFLOW $RALPH_TASK/$RALPH_ATTEMPT >> witness
trap 'exit 1' TERM
case $RALPH_WORKFLOW$RALPH_ATTEMPT in slow-11|slow-2*) echo up > started; read line < more ;; esac
echo RALPH_COMPLETE
`)
	m.write("p/slow.md", "# Slow\n## Tasks\n- [ ] **T1** Slow\n  - Check: `true`\n")
	for _, fifo := range []string{"started", "more"} {
		if err := syscall.Mkfifo(filepath.Join(m.project, fifo), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m.run("trust", "image")
	m.run("ralph", "start", "slow.md")
	m.run("ralph", "service", "install", "--with", "systemd")

	loop := m.command("ralph", "loop")
	if err := loop.Start(); err != nil {
		t.Fatal(err)
	}
	m.await("started")
	_ = loop.Process.Kill()
	_ = loop.Wait()
	m.pullThePlug()

	m.boot()
	m.run("systemctl", "--user", "start", "--wait", "ralph-resume.service") // it runs already, so this only waits
	if out := m.run("ralph", "status"); !strings.Contains(out, "slow-1  done") {
		t.Error(out)
	}
	if out := m.run("ralph", "service", "status"); !strings.Contains(out, "installed: systemd, ") || !strings.Contains(out, "now: inactive, dead") {
		t.Error(out)
	}

	m.runsHostile()

	// A shutdown stops it in order, and records that.
	m.run("ralph", "start", "slow.md")
	m.run("systemctl", "--user", "start", "ralph-resume.service")
	m.await("started")
	m.shutDown()
	if out := m.run("ralph", "history"); !strings.Contains(out, "T1/1 interrupted: stopped on request") {
		t.Error(out)
	}
	if out := m.run("podman", "ps", "--all", "--quiet"); out != "" {
		t.Errorf("containers are left: %s", out)
	}
	var last resumedDocument
	text, err := os.ReadFile(filepath.Join(m.home, ".local/state/ralph", lastRunName))
	if err == nil {
		err = json.Unmarshal(text, &last)
	}
	if err != nil || last.ExitCode != exitInterrupted {
		t.Errorf("%+v, %v", last, err)
	}
	const want = "slow-1 T1/1\nslow-1 T1/2\nslow-2 T1/1\n"
	if witness, err := os.ReadFile(filepath.Join(m.project, "witness")); err != nil || string(witness) != want {
		t.Errorf("%q, %v", witness, err)
	}
}

// runsHostile has systemd start a program whose path, arguments and variables have all that a unit gives a meaning to.
func (m *machine) runsHostile() {
	const hostile = `/a=b %u%%h $HOME ${X} "d" 's' \n\x41 ;&|<x> # ü`
	program := filepath.Join(m.home, hostile, "ra lph")
	m.write(filepath.Join(hostile, "ra lph"), "#!/bin/sh\nprintf '%s\\0' \"$@\" \"$HOSTILE\" > \"$0.out\"\n")
	s, err := service.New(service.Systemd, service.Options{
		Program: program, Arguments: []string{hostile, "", "%n"}, Home: m.home,
		Environment: []service.Variable{{Name: "HOSTILE", Value: hostile}, {Name: "PATH", Value: "/usr/bin:/bin"}},
	})
	if err != nil {
		m.t.Fatal(err)
	}
	m.write(".config/systemd/user/hostile.service", s.Text())
	m.run("systemctl", "--user", "daemon-reload")
	m.run("systemctl", "--user", "start", "--wait", "hostile.service")
	want := hostile + "\x00\x00%n\x00" + hostile + "\x00"
	if got, err := os.ReadFile(program + ".out"); err != nil || string(got) != want {
		m.t.Errorf("the program got %q, not %q (%v)", got, want, err)
	}
}

// systemdCanRun says why no systemd of this user can be started, if so.
func systemdCanRun() error {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return err // sd_booted(3), which it asks too
	}
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			for _, root := range []string{"/sys/fs/cgroup/unified", "/sys/fs/cgroup"} {
				if procs := filepath.Join(root, path, "cgroup.procs"); unix.Access(procs, unix.W_OK) == nil {
					return nil
				}
			}
		}
	}
	return errors.New("the cgroup belongs to somebody else")
}

// machine is what a user has of a machine that boots: a home that stays, and a runtime folder that does not.
type machine struct {
	t                          *testing.T
	dir, home, runtime, notify string
	project, image             string
	systemd                    *exec.Cmd
}

func newMachine(t *testing.T) *machine {
	dir, err := os.MkdirTemp("", "boot-") // short, because sockets lie there
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{
		t: t, dir: dir, home: filepath.Join(dir, "home"), runtime: filepath.Join(dir, "run"),
		notify: filepath.Join(dir, "notify"), project: filepath.Join(dir, "home", "p"),
	}
	m.write("p/.git/HEAD", "ref: refs/heads/main\n")
	if err := os.Mkdir(m.runtime, 0o700); err != nil {
		t.Fatal(err)
	}
	if real, err := user.Current(); err == nil { // which storage works on this host
		storage := os.DirFS(filepath.Join(real.HomeDir, ".config", "containers"))
		if err := os.CopyFS(filepath.Join(m.home, ".config", "containers"), storage); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	t.Setenv("HOME", m.home)
	t.Setenv("XDG_RUNTIME_DIR", m.runtime)
	for _, name := range []string{"XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "RALPH_STATE_DIR", "DBUS_SESSION_BUS_ADDRESS"} {
		t.Setenv(name, "")
		_ = os.Unsetenv(name)
	}
	t.Cleanup(m.remove)
	if m.image, err = importImage(context.Background()); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *machine) write(name, text string) {
	path := filepath.Join(m.home, name)
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(text), 0o755)
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = m.project
	return cmd
}

func (m *machine) run(name string, args ...string) string {
	m.t.Helper()
	var stderr strings.Builder
	cmd := m.command(name, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		m.t.Fatalf("%s %v: %v\n%s%s", name, args, err, out, stderr.String())
	}
	return string(out)
}

// await returns when something writes to the named pipe.
func (m *machine) await(fifo string) {
	if _, err := os.ReadFile(filepath.Join(m.project, fifo)); err != nil {
		m.t.Fatal(err)
	}
}

// pullThePlug ends all that runs in containers, monitors first so that none of them notes it, and empties what does not
// outlive a boot.
func (m *machine) pullThePlug() {
	for _, id := range strings.Fields(m.run("podman", "ps", "--quiet")) {
		for _, pid := range strings.Fields(m.run("podman", "inspect", "--format", "{{.State.ConmonPid}} {{.State.Pid}}", id)) {
			kill(m.t, pid)
		}
	}
	m.run("podman", "unshare", "rm", "-rf", filepath.Join(m.runtime, "containers")) // some of it is another user's
	m.endPause()
	if err := os.RemoveAll(m.runtime); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Mkdir(m.runtime, 0o700); err != nil {
		m.t.Fatal(err)
	}
}

// endPause ends the process that keeps Podman's namespaces.
func (m *machine) endPause() {
	if pid, err := os.ReadFile(filepath.Join(m.runtime, "libpod", "tmp", "pause.pid")); err == nil {
		kill(m.t, strings.TrimSpace(string(pid)))
	}
}

func kill(t *testing.T, pid string) {
	n, err := strconv.Atoi(pid)
	if err == nil && n > 1 {
		err = syscall.Kill(n, syscall.SIGKILL)
	}
	if err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Fatalf("kill %s: %v", pid, err)
	}
}

// boot starts the user's systemd and returns when it has reached its default target. It gets no more of an environment
// than a boot gives it.
func (m *machine) boot() {
	told, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.notify, Net: "unixgram"})
	if err != nil {
		m.t.Fatal(err)
	}
	defer told.Close()
	var log strings.Builder
	m.systemd = exec.Command("systemd", "--user", "--unit=default.target", "--log-target=console", "--log-level=notice")
	for _, dir := range []string{"/usr/lib/systemd", "/lib/systemd"} { // it is in no PATH everywhere
		if _, err := os.Stat(filepath.Join(dir, "systemd")); err == nil {
			m.systemd.Path, m.systemd.Err = filepath.Join(dir, "systemd"), nil
		}
	}
	m.systemd.Env = []string{
		"HOME=" + m.home, "XDG_RUNTIME_DIR=" + m.runtime, "PATH=/usr/bin:/bin", "USER=" + os.Getenv("USER"), "NOTIFY_SOCKET=" + m.notify,
	}
	m.systemd.Stderr = &log
	if err := m.systemd.Start(); err != nil {
		m.t.Fatal(err)
	}
	text := make([]byte, 4096)
	_ = told.SetReadDeadline(time.Now().Add(time.Minute))
	for said := ""; !strings.Contains("\n"+said, "\nREADY=1\n"); {
		n, err := told.Read(text)
		if err != nil {
			m.t.Fatalf("%v; systemd says: %s", err, log.String())
		}
		said = string(text[:n]) + "\n"
	}
}

// shutDown has the user's systemd stop everything and end, as at the end of a machine's life.
func (m *machine) shutDown() {
	m.run("systemctl", "--user", "exit")
	if err := m.systemd.Wait(); err != nil {
		m.t.Error(err)
	}
	m.systemd = nil
}

func (m *machine) remove() {
	if m.systemd != nil {
		_ = m.systemd.Process.Kill()
		_ = m.systemd.Wait()
	}
	_ = m.command("podman", "rm", "--all", "--force", "--time", "0").Run()
	_ = m.command("podman", "unshare", "rm", "-rf", filepath.Join(m.home, ".local", "share", "containers")).Run()
	m.endPause()
	if err := os.RemoveAll(m.dir); err != nil {
		m.t.Error(err)
	}
}
