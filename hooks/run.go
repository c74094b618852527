package hooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
)

// closing is how long to wait for the end of a hook's output after the hook itself has ended.
const closing = time.Second

// Run runs the program of a hook and says how it ended; see [engine.Hooks]. It has a session of its own, so it has no
// terminal, and all of its process group ends with it.
func (h *Hooks) Run(ctx context.Context, call engine.HookCall) (engine.HookOutcome, error) {
	outcome := engine.HookOutcome{OnFailure: h.OnFailure}
	args := h.Programs[call.Hook]
	if err := Check(h.Project, args[0]); err != nil {
		outcome.Failed, outcome.ExitCode = args[0]+": "+err.Error(), -1
		return outcome, ctx.Err()
	}
	input, err := h.document(call)
	if err != nil {
		return outcome, err
	}
	limited, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	output := &excerpt{}
	cmd := exec.CommandContext(limited, args[0], args[1:]...)
	cmd.Dir, cmd.Env = "/", h.environment(call)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return killGroup(cmd) }
	cmd.WaitDelay = closing

	began := time.Now()
	err = cmd.Start()
	if err == nil {
		err = cmd.Wait()
		_ = killGroup(cmd) // what it left behind
	}
	outcome.Took = time.Since(began).Round(time.Millisecond)
	outcome.Output = terminal.Clean(output.String())
	if ctx.Err() != nil {
		return outcome, ctx.Err()
	}
	outcome.ExitCode, outcome.Failed = h.verdict(err, limited.Err() != nil)
	if last := lastLine(outcome.Output); outcome.Failed != "" && last != "" {
		outcome.Failed += ": " + last
	}
	return outcome, nil
}

// verdict says how a program ended. One that did not read its input, or left its output open to others, did nothing
// wrong.
func (h *Hooks) verdict(err error, late bool) (code int, failed string) {
	var exit *exec.ExitError
	switch {
	case late:
		return -1, fmt.Sprintf("it took longer than %s and was killed", h.Timeout)
	case errors.As(err, &exit):
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return 128 + int(status.Signal()), fmt.Sprintf("signal %s ended it", status.Signal())
		}
		return exit.ExitCode(), fmt.Sprintf("exit code %d", exit.ExitCode())
	case err == nil, errors.Is(err, exec.ErrWaitDelay), errors.Is(err, syscall.EPIPE):
		return 0, ""
	}
	return -1, "it could not be run: " + err.Error()
}

// killGroup ends all processes of the hook's group. That there are none any more is no error.
func killGroup(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// longestLine bounds what of a hook's last line is told.
const longestLine = 200

func lastLine(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	line := []rune(terminal.Line(lines[len(lines)-1]))
	if len(line) > longestLine {
		return string(line[:longestLine]) + " …"
	}
	return string(line)
}

// half is how many bytes are kept of the beginning of a hook's output, and as many of its end.
const half = 2 << 10

// excerpt keeps the beginning and the end of what is written to it.
type excerpt struct {
	head, tail []byte
	cut        int
}

// Write takes everything.
func (e *excerpt) Write(p []byte) (int, error) {
	n := len(p)
	if free := half - len(e.head); free > 0 {
		free = min(free, len(p))
		e.head, p = append(e.head, p[:free]...), p[free:]
	}
	e.tail = append(e.tail, p...)
	if over := len(e.tail) - half; over > 0 {
		e.cut += over
		e.tail = append(e.tail[:0], e.tail[over:]...)
	}
	return n, nil
}

func (e *excerpt) String() string {
	if e.cut == 0 {
		return string(e.head) + string(e.tail)
	}
	return fmt.Sprintf("%s\n… %d bytes left out …\n%s", e.head, e.cut, e.tail)
}
