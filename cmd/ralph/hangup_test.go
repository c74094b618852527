package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tty is a terminal with a program on it. Closing it hangs up, as a terminal's window does.
type tty struct {
	*exec.Cmd
	master *os.File
	seen   string
}

func onTerminal(t *testing.T, dir, state string, args ...string) *tty {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	master := os.NewFile(uintptr(fd), "/dev/ptmx")
	t.Cleanup(func() { master.Close() })
	if err := master.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	cmd := exec.Command("ralph", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "TERM=xterm", "RALPH_STATE_DIR="+state)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return &tty{Cmd: cmd, master: master}
}

// until reads on until the terminal shows the text.
func (s *tty) until(t *testing.T, text string) {
	t.Helper()
	buf := make([]byte, 4096)
	for !strings.Contains(s.seen, text) {
		n, err := s.master.Read(buf)
		if err != nil {
			t.Fatalf("the terminal shows %q, not %q: %v", s.seen, text, err)
		}
		s.seen += string(buf[:n])
	}
}

// patient is a project whose agent waits for somebody to write to its pipe.
func patient(t *testing.T) (dir, state string) {
	t.Helper()
	dir, state = t.TempDir(), filepath.Join(t.TempDir(), "state")
	for name, text := range map[string]string{
		"wrapix.toml": fmt.Sprintf("agent.command = [\"./agent.sh\"]\nsandbox.image = %q\nsandbox.network = \"none\"\nnotify.enabled = false\n", testImage),
		"agent.sh":    "#!/bin/sh\ntrap 'exit 1' TERM\necho $RALPH_ATTEMPT >> witness\necho it thinks\nread line < more\necho RALPH_COMPLETE\n",
		"spec.md":     "# Slow\n\n## Tasks\n\n- [ ] **T1** Slow\n  - Check: `true`\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "more"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { killLoops(state) })
	approveImage(t, dir, state)
	return dir, state
}

func ralphIn(t *testing.T, dir, state string, args ...string) string {
	t.Helper()
	cmd := exec.Command("ralph", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "RALPH_STATE_DIR="+state)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ralph %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// A terminal that is closed stops nothing: neither while the loop goes on without it, nor when it is shown there again.
func TestClosedTerminalLeavesADetachedLoop(t *testing.T) {
	dir, state := patient(t)
	s := onTerminal(t, dir, state, "loop", "--detach", "spec.md")
	s.until(t, "ralph attach")
	if err := s.Wait(); err != nil {
		t.Fatal(err, s.seen)
	}
	s.master.Close()

	s = onTerminal(t, dir, state, "attach")
	s.until(t, "| it thinks") // the display of a loop, with what the agent prints
	s.master.Close()
	if err := s.Wait(); s.ProcessState.ExitCode() != exitInterrupted {
		t.Errorf("attach ended with %v on a closed terminal", err)
	}

	s = onTerminal(t, dir, state, "attach")
	s.until(t, "| it thinks")
	if err := os.WriteFile(filepath.Join(dir, "more"), []byte("go on\n"), 0); err != nil {
		t.Fatal(err)
	}
	s.until(t, "spec-1: ")
	if err := s.Wait(); err != nil {
		t.Errorf("attach ended with %v: %q", err, s.seen)
	}
	if text := ralphIn(t, dir, state, "history"); strings.Contains(text, "interrupted") {
		t.Errorf("something was interrupted:\n%s", text)
	}
	if witness, err := os.ReadFile(filepath.Join(dir, "witness")); err != nil || string(witness) != "1\n" {
		t.Errorf("the agent ran as %q: %v", witness, err)
	}
}

// A loop on the terminal itself is stopped in order, as by Ctrl-C.
func TestClosedTerminalStopsAPlainLoop(t *testing.T) {
	dir, state := patient(t)
	s := onTerminal(t, dir, state, "loop", "spec.md")
	s.until(t, "| it thinks")
	s.master.Close()
	_ = s.Wait()
	if code := s.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("it ended with %s", s.ProcessState)
	}
	var history struct{ Events []struct{ Type string } }
	if err := json.Unmarshal([]byte(ralphIn(t, dir, state, "history", "--json")), &history); err != nil {
		t.Fatal(err)
	}
	if last := history.Events[len(history.Events)-1].Type; last != "attempt.interrupted" {
		t.Errorf("the last event is %s", last)
	}
}

// Whoever starts a loop under nohup wants the hangup ignored.
func TestNohup(t *testing.T) {
	dir, state := patient(t)
	if err := syscall.Mkfifo(filepath.Join(dir, "begun"), 0o600); err != nil {
		t.Fatal(err)
	}
	agent := "#!/bin/sh\necho up > begun\nread line < more\necho RALPH_COMPLETE\n"
	if err := os.WriteFile(filepath.Join(dir, "agent.sh"), []byte(agent), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("nohup", "ralph", "loop", "spec.md")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "RALPH_STATE_DIR="+state)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(filepath.Join(dir, "begun")); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "more"), []byte("go on\n"), 0); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// However much is printed, the log takes a bounded room, and its end is there.
func TestLogIsBounded(t *testing.T) {
	dir := t.TempDir()
	// In a process of its own, because the log becomes its standard output.
	if os.Getenv("RALPH_TEST_LOG") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestLogIsBounded$")
		cmd.Env = append(os.Environ(), "RALPH_TEST_LOG="+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		var size int64
		for _, name := range []string{logName, logName + ".1"} {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if size += info.Size(); info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %s", name, info.Mode())
			}
		}
		if size > 2*1000+100 { // what the runtime prints is not counted
			t.Errorf("%d bytes", size)
		}
		text, err := os.ReadFile(filepath.Join(dir, logName))
		if err != nil || !strings.Contains(string(text), "line 9999\nby the runtime\n") {
			t.Errorf("the log ends with %q: %v", text, err)
		}
		return
	}
	l := &loopLog{limit: 1000}
	if err := l.open(filepath.Join(os.Getenv("RALPH_TEST_LOG"), logName)); err != nil {
		t.Fatal(err)
	}
	out := logStream{l, os.Stdout}
	for i := range 10000 {
		fmt.Fprintf(out, "line %d\n", i)
	}
	fmt.Fprintln(os.Stderr, "by the runtime")
	fmt.Fprint(logStream{l, os.Stderr}, strings.Repeat("x", 100))
}
