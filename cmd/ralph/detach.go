package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
)

// readyFlag is how this program tells the one that it starts to go on without a terminal, and on which descriptor to
// say so. It is no option for people.
const readyFlag = "ready-fd"

// detached is what a process has that goes on without a terminal.
type detached struct {
	ready *os.File // nil once the starter was told
	log   loopLog
}

// detachedDocument is `ralph loop --detach --json`, and what the process in the background tells its starter.
type detachedDocument struct {
	Schema   int    `json:"schema"`
	Workflow string `json:"workflow"`
	PID      int    `json:"pid"`
	Log      string `json:"log"`
}

// goBackground prepares this process to go on without a terminal. Until it works it still prints where its starter
// does, because what goes wrong by then is the starter's to tell.
func (a *app) goBackground(fd int) {
	syscall.CloseOnExec(fd)
	signal.Ignore(syscall.SIGHUP)
	b := &detached{ready: os.NewFile(uintptr(fd), "ready"), log: loopLog{limit: maxLog}}
	a.detached = b
	a.streams = &terminal.Streams{
		In:  strings.NewReader(""),
		Out: terminal.NewOutput(logStream{&b.log, os.Stdout}),
		Err: terminal.NewOutput(logStream{&b.log, os.Stderr}),
	}
}

// leave lets go of the terminal when there is work to do on the workflow: from here on everything goes to the log, and
// the starter may end. A workflow that only waits for a person is told of by the starter.
func (s *session) leave(w engine.Workflow) error {
	b := s.detached
	if b == nil || s.runner.Leaves(w) {
		return nil
	}
	path := filepath.Join(s.state, logName)
	if b.ready != nil {
		if err := b.log.open(path); err != nil {
			return fmt.Errorf("write the log of the loop: %w", err)
		}
		s.json = false // the log is for people
		d := detachedDocument{schema, string(w.ID), os.Getpid(), path}
		err := json.NewEncoder(b.ready).Encode(d)
		_ = b.ready.Close()
		b.ready = nil
		if err != nil { // the starter is gone: it was told to stop, or killed, before we began
			return fmt.Errorf("tell that the loop works: %w", err)
		}
	}
	s.show.note(fmt.Sprintf("%s ralph (process %d) works on %s", s.now().Local().Format(time.DateTime), os.Getpid(), w.ID))
	return nil
}

// worker is a process in the background that works.
type worker struct {
	detachedDocument
	cmd  *exec.Cmd
	stop func() bool // from now on it is not stopped when the context ends
}

// inBackground starts this program anew, in a session of its own, with arguments that make it work, and returns when
// it does. What it prints by then goes to the command's writers. Where it ends before, the worker is nil and the error
// its exit code. When ctx ends it is told to stop, once: a second time would not let it stop in order.
func inBackground(ctx context.Context, cmd *exec.Cmd) (*worker, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	told, ready, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer told.Close()
	cmd.Path, cmd.Err = program, nil
	cmd.ExtraFiles = []*os.File{ready} // descriptor 3
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	_ = ready.Close()
	if err != nil {
		return nil, fmt.Errorf("start the loop: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	text, err := io.ReadAll(io.LimitReader(told, 64<<10))
	if err == nil && len(text) > 0 {
		w := &worker{cmd: cmd, stop: stop}
		if err = json.Unmarshal(text, &w.detachedDocument); err == nil {
			return w, nil
		}
	}
	defer stop()
	waitErr := ended(cmd.Wait())
	if err != nil {
		return nil, fmt.Errorf("hear from the loop: %w", err)
	}
	return nil, waitErr
}

// wait waits for the end of the work.
func (w *worker) wait() error {
	defer w.stop()
	return ended(w.cmd.Wait())
}

// ended is the end of a process as the end of a command.
func ended(err error) error {
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && !exit.Exited():
		return fmt.Errorf("the loop was ended: %s", exit)
	case errors.As(err, &exit):
		return exitError(exit.ExitCode())
	}
	return err
}

// itself is a command line of this program, for inBackground to start.
func itself(command string, args ...string) *exec.Cmd {
	return &exec.Cmd{Args: append([]string{os.Args[0], command, "--" + readyFlag + "=3"}, args...)}
}

// hand has a process without a terminal do what this loop would.
func (o *loopOptions) hand(ctx context.Context) error {
	cmd := itself("loop", o.passed...)
	cmd.Stdout, cmd.Stderr = o.streams.Out.Writer, o.streams.Err.Writer
	d, err := inBackground(ctx, cmd)
	if err != nil || d == nil {
		return err
	}
	d.stop()
	_ = cmd.Process.Release()
	if o.json {
		return o.printJSON(d.detachedDocument)
	}
	out := o.streams.Out
	fmt.Fprintf(out, "%s: process %d works on it, and goes on without this terminal\n  log: %s\n%s",
		terminal.Line(d.Workflow), d.PID, terminal.Line(d.Log), tryLine(out, "ralph attach"))
	return nil
}

// passedOn are the flags of a command line, but for the one with which it hands its work on, and its arguments.
func passedOn(flags *pflag.FlagSet, handsOn string, args []string) []string {
	var passed []string
	flags.Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if several, ok := f.Value.(pflag.SliceValue); ok {
			values = several.GetSlice()
		}
		for _, value := range values {
			if f.Name != handsOn {
				passed = append(passed, "--"+f.Name+"="+value)
			}
		}
	})
	return append(append(passed, "--"), args...)
}

// complaint is the line with which a program of ours says what is wrong, and the way out that it names.
func complaint(said []byte) (what, try string) {
	for line := range bytes.Lines(said) {
		text := terminal.Line(strings.TrimRight(string(line), "\n"))
		if after, ok := strings.CutPrefix(text, "ralph: "); ok && what == "" {
			what = after
		} else if after, ok := strings.CutPrefix(text, "try: "); ok && what != "" {
			return what, after
		}
	}
	return what, ""
}

func readyFD(flags *pflag.FlagSet, into *int) {
	flags.IntVar(into, readyFlag, 0, "the descriptor on which to say that the work goes on (`FD`)")
	_ = flags.MarkHidden(readyFlag)
}
