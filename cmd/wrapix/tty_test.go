package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/sandbox"
)

// screen is a terminal, with a wrapix on it.
type screen struct {
	*exec.Cmd
	master, slave *os.File
	fd            int // of master, whose Fd would make it blocking
	seen, ahead   string
}

func newScreen(t *testing.T, width, height uint16) *screen {
	t.Helper()
	// Not blocking, so that a read can be given up.
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	master := os.NewFile(uintptr(fd), "/dev/ptmx")
	if err := master.SetReadDeadline(time.Now().Add(patience)); err != nil {
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
	s := &screen{master: master, slave: slave, fd: fd}
	t.Cleanup(func() {
		slave.Close()
		master.Close()
	})
	s.resize(t, width, height)
	return s
}

// on makes the terminal that of a command which is to be started.
func (s *screen) on(cmd *exec.Cmd) *exec.Cmd {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.slave, s.slave, s.slave
	cmd.Env = append(os.Environ(), "TERM=xterm")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	return cmd
}

func startOnScreen(t *testing.T, width, height uint16, args ...string) *screen {
	t.Helper()
	s := newScreen(t, width, height)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	s.Cmd = s.on(exec.CommandContext(ctx, "wrapix", args...))
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = s.Wait()
	})
	return s
}

func (s *screen) resize(t *testing.T, width, height uint16) {
	t.Helper()
	size := &unix.Winsize{Col: width, Row: height}
	if err := unix.IoctlSetWinsize(s.fd, unix.TIOCSWINSZ, size); err != nil {
		t.Fatal(err)
	}
}

func (s *screen) typed(t *testing.T, keys string) {
	t.Helper()
	if _, err := s.master.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// until reads on until the screen has shown the text, after what earlier calls waited for.
func (s *screen) until(t *testing.T, text string) {
	t.Helper()
	buf := make([]byte, 4096)
	for {
		if before, after, ok := strings.Cut(s.ahead, text); ok {
			s.seen, s.ahead = s.seen+before+text, after
			return
		}
		n, err := s.master.Read(buf)
		if err != nil {
			t.Fatalf("the screen shows %q, not %q: %v", s.seen+s.ahead, text, err)
		}
		s.ahead += string(buf[:n])
	}
}

func (s *screen) modes(t *testing.T) unix.Termios {
	t.Helper()
	modes, err := unix.IoctlGetTermios(int(s.slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *modes
}

func (s *screen) code() int {
	_ = s.Wait()
	return s.ProcessState.ExitCode()
}

func TestTerminal(t *testing.T) {
	s := startOnScreen(t, 91, 31, project(t), "--", "sh", "-c", `
		test -t 0 && test -t 1 && test -t 2 && echo "on a $TERM of $(stty size)"
		read line
		echo "read $line"
		trap 'echo "now $(stty size)"' WINCH
		trap 'echo interrupted; exit 9' INT
		sleep 1000 &
		echo waiting
		while :; do wait; done`)
	before := s.modes(t)
	s.until(t, "on a xterm of 31 91")
	if raw := s.modes(t); raw.Lflag&unix.ECHO != 0 {
		t.Error("our own terminal still echoes")
	}
	s.typed(t, "keys\r")
	s.until(t, "read keys")
	s.until(t, "waiting")
	s.resize(t, 100, 40)
	s.until(t, "now 40 100")
	s.typed(t, "\x03")
	s.until(t, "interrupted")
	if code := s.code(); code != 9 {
		t.Errorf("exit code %d: %q", code, s.seen+s.ahead)
	}
	if after := s.modes(t); after != before {
		t.Errorf("the terminal was left as %+v, it was %+v", after, before)
	}
	nothingLeft(t)
}

// Whatever ends us, the terminal is as it was.
func TestTerminalIsRestored(t *testing.T) {
	for name, end := range map[string]func(*screen) error{
		"SIGTERM": func(s *screen) error { return s.Process.Signal(syscall.SIGTERM) },
		"SIGHUP":  func(s *screen) error { return s.Process.Signal(syscall.SIGHUP) },
		"killed from elsewhere": func(*screen) error {
			out, err := exec.Command("podman", "rm", "--force", "--all", "--time", "0").CombinedOutput()
			if err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := startOnScreen(t, 80, 24, project(t), "--", "sh", "-c", "echo ready; exec sleep 1000")
			before := s.modes(t)
			s.until(t, "ready")
			if err := end(s); err != nil {
				t.Fatal(err)
			}
			if code := s.code(); code == 0 {
				t.Error("exit code 0")
			}
			if after := s.modes(t); after != before {
				t.Errorf("the terminal was left as %+v, it was %+v", after, before)
			}
			nothingLeft(t)
		})
	}
}

// The terminal goes away, and the command does not care: it is ended all the same.
func TestHangup(t *testing.T) {
	s := startOnScreen(t, 80, 24, project(t), "--", "sh", "-c", "trap '' HUP; echo ready; exec sleep 1000")
	s.until(t, "ready")
	began := time.Now()
	if err := s.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if code := s.code(); code != 128+15 || time.Since(began) > hangupGrace {
		t.Errorf("exit code %d after %s", code, time.Since(began))
	}
	nothingLeft(t)
}

// Started with "&" by a shell: the terminal is not touched, or we would be stopped.
func TestInTheBackground(t *testing.T) {
	s := newScreen(t, 80, 24)
	shell := s.on(exec.Command("sh", "-c",
		`set -m; wrapix "$0" -- sh -c 'test -t 0 || test -t 1 || echo no terminal; cat' & wait $!; echo "code $?"`, project(t)))
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	s.until(t, "no terminal")
	s.until(t, "code 0")
	if err := shell.Wait(); err != nil {
		t.Error(err)
	}
}

// In a pipe there is no terminal, whatever standard input is.
func TestNoTerminalInAPipe(t *testing.T) {
	p := start(t, project(t), "--", "sh", "-c", "test -t 0 || test -t 1 || echo none")
	p.line(t, "none")
	if code := p.code(t); code != 0 { // and so nothing is left for the tests after it
		t.Errorf("exit code %d", code)
	}
}

// On a terminal a person is asked for what nobody has approved, and what they say holds.
func TestAsksForApproval(t *testing.T) {
	dir := project(t)
	f, err := os.OpenFile(dir+"/wrapix.toml", os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(f, "host_ports = [11434]")
	f.Close()
	no := startOnScreen(t, 200, 24, dir, "--", "echo", "it runs")
	no.until(t, "new: sandbox.host_ports: let sandboxes use what listens on port 11434")
	no.until(t, "May it? [y/N] ")
	no.typed(t, "n\n")
	no.until(t, "nothing was approved")
	if _ = no.Wait(); no.ProcessState.ExitCode() != exitUsage || strings.Contains(no.seen, "it runs") {
		t.Errorf("refused: exit code %d, %q", no.ProcessState.ExitCode(), no.seen)
	}
	yes := startOnScreen(t, 200, 24, dir, "--", "echo", "it runs")
	yes.until(t, "May it? [y/N] ")
	yes.typed(t, "y\n")
	yes.until(t, "it runs")
	if err := yes.Wait(); err != nil {
		t.Error(err)
	}
	again := startOnScreen(t, 200, 24, dir, "--", "echo", "it runs")
	again.until(t, "it runs")
	if err := again.Wait(); err != nil || strings.Contains(again.seen, "May it?") {
		t.Errorf("%v, %q", err, again.seen)
	}
}

// A person lets go of a terminal, comes back to it in another size, and works beside it; the work goes on.
func TestAttachAndDetach(t *testing.T) {
	dir := keepInProject(t)
	s := startOnScreen(t, 80, 24, dir, "--rm=false", "--", "sh", "-c", `
		trap 'echo interrupted; exit 9' INT
		echo ready
		read line
		echo "<$line>"
		while :; do
			size=$(stty size)
			test "$size" = "$last" || echo "now $size"
			last=$size
			sleep 0.05
		done`)
	before := s.modes(t)
	s.until(t, "ready")
	s.typed(t, "one\r")
	s.until(t, "<one>")
	s.typed(t, "\x10\x11")
	s.until(t, "goes on")
	if code := s.code(); code != 0 {
		t.Errorf("detached: code %d", code)
	}
	if after := s.modes(t); after != before {
		t.Errorf("the terminal was left as %+v, it was %+v", after, before)
	}
	name := only(t, dir).Name

	beside := startOnScreen(t, 70, 20, "exec", name, "--", "sh", "-c", `test -t 0 && echo "on a $TERM of $(stty size)"; read line; echo "<$line>"; exit 6`)
	beside.until(t, "on a xterm of 20 70")
	beside.typed(t, "two\r")
	beside.until(t, "<two>")
	if code := beside.code(); code != 6 {
		t.Errorf("exec: code %d: %q", code, beside.seen+beside.ahead)
	}

	// Closed in the hard way, the work goes on as well.
	killed := startOnScreen(t, 90, 30, "attach", name)
	killed.until(t, "now 30 90")
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait()

	again := startOnScreen(t, 100, 40, "attach", name)
	again.until(t, "now 40 100")
	again.resize(t, 101, 41)
	again.until(t, "now 41 101")
	again.typed(t, "\x03")
	again.until(t, "interrupted")
	if code := again.code(); code != 9 {
		t.Errorf("attach: code %d: %q", code, again.seen+again.ahead)
	}
}

// The flags of podman run, on a terminal.
func TestStreamFlags(t *testing.T) {
	dir := project(t)
	for _, tt := range []struct {
		name  string
		args  []string
		words []string
	}{
		{"nothing said", nil, []string{"in 0", "out 0", "31 91", "<typed>"}},
		{"-it", []string{"-it"}, []string{"in 0", "out 0", "31 91", "<typed>"}},
		{"-t=false", []string{"-t=false"}, []string{"in 1", "out 1", "<typed>"}},
		{"-i=false", []string{"-i=false"}, []string{"in 1", "out 1", "<>"}},
		{"--tty --interactive=false", []string{"--tty", "--interactive=false"}, []string{"in 0", "out 0", "31 91", "<>"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := append([]string{dir}, tt.args...)
			s := startOnScreen(t, 91, 31, append(args, "--", "sh", "-c",
				`test -t 0; echo "in $?"; test -t 1; echo "out $?"; stty size; echo ready; read line; echo "<$line>"; exit 5`)...)
			for _, text := range tt.words {
				if text == "<typed>" {
					s.until(t, "ready")
					s.typed(t, "typed\r")
				}
				s.until(t, text)
			}
			if code := s.code(); code != 5 {
				t.Errorf("exit code %d: %q", code, s.seen+s.ahead)
			}
		})
	}
	nothingLeft(t)
}

// The flags of podman run, without a terminal.
func TestStreamFlagsInAPipe(t *testing.T) {
	dir := keepInProject(t)
	kept := start(t, dir, "--rm=false", "--", "sh", "-c", "echo ready; exec sleep 1000")
	kept.line(t, "ready")
	const script = `test -t 0; echo "in $?"; test -t 1; echo "out $?"; stty size; while read line; do echo "<$line>"; done; exit 5`
	for _, tt := range []struct{ flag, want string }{
		{"--interactive", "in 1\nout 1\n<one>\n<two>\n"},
		{"-i=false", "in 1\nout 1\n"},
		{"-t", "in 0\r\nout 0\r\n24 80\r\n<one>\r\n<two>\r\n"},
		{"-ti=false", "in 0\r\nout 0\r\n24 80\r\n"},
	} {
		for name, args := range map[string][]string{
			"wrapix": {dir, tt.flag, "--"}, "exec": {"exec", tt.flag, only(t, dir).Name, "--"},
		} {
			t.Run(name+" "+tt.flag, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				cmd := exec.CommandContext(ctx, "wrapix", append(args, "sh", "-c", script)...)
				cmd.Stdin = strings.NewReader("one\ntwo\n")
				out, _ := cmd.Output()
				// What a terminal echoes comes before, or in between.
				shown := strings.ReplaceAll(string(out), "one\r\ntwo\r\n", "")
				if code := cmd.ProcessState.ExitCode(); code != 5 || shown != tt.want {
					t.Errorf("exit code %d, %q, not %q", code, shown, tt.want)
				}
			})
		}
	}
	cat := start(t, dir, "-t", "--", "cat") // of nothing
	if code := cat.code(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if out, errs, code := wrapixCode(t, "no end", dir, "-t", "--", "cat"); code != 0 || !strings.Contains(out, "no end") {
		t.Errorf("a line without an end: code %d, %q, %q", code, out, errs)
	}
}

// What stops inside stops us as well, so that the shell which started us has its terminal, and goes on with us.
func TestSuspend(t *testing.T) {
	s := newScreen(t, 120, 30)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	s.Cmd = s.on(exec.CommandContext(ctx, "bash", "--norc", "--noprofile", "--noediting", "-i"))
	s.Env = append(s.Env, "PS1=ready> ")
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = s.Wait()
	})
	s.until(t, "ready> ")
	before := s.modes(t)
	s.typed(t, "wrapix "+project(t)+` -- sh -c 'echo it-"stops"; kill -STOP $$; echo it-"goes"-on; read x; echo "read $x"; exit 7'`+"\r")
	s.until(t, "it-stops")
	s.until(t, "Stopped")
	if now := s.modes(t); now.Lflag&unix.ECHO == 0 && before.Lflag&unix.ECHO != 0 {
		t.Error("the shell's terminal does not echo")
	}
	s.typed(t, "echo the-she\"ll\"\r")
	s.until(t, "the-shell")
	s.typed(t, "fg\r")
	s.until(t, "it-goes-on")
	s.typed(t, "keys\r")
	s.until(t, "read keys")
	s.until(t, "ready> ") // what was typed before is gone: we give the terminal back as it was
	s.typed(t, "echo code-$?\r")
	s.until(t, "code-7")
	s.typed(t, "exit\r")
	_ = s.Wait()
	if strings.Contains(s.seen+s.ahead, "7117") {
		t.Errorf("the mark is on the screen: %q", s.seen+s.ahead)
	}
	nothingLeft(t)
}

func TestSuspendable(t *testing.T) {
	text := "one" + sandbox.StoppedMark + "two\x1b]7117;other\x1b\\three" + sandbox.StoppedMark + "\x1b[1mfour\x1b]71"
	for size := 1; size <= len(text); size++ {
		var screen strings.Builder
		w := &suspendable{to: &screen, tty: &tty{}, goOn: func() { screen.WriteString("|") }}
		for rest := text; rest != ""; {
			n := min(size, len(rest))
			if _, err := w.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if got, want := screen.String(), "one|two\x1b]7117;other\x1b\\three|\x1b[1mfour"; got != want {
			t.Fatalf("in pieces of %d: %q, want %q", size, got, want)
		}
	}
}
