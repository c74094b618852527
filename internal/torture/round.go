package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The exit codes of `ralph loop` that matter here.
const (
	exitDone  = 0
	exitStuck = 101
)

// Bounds, so that what hangs is a problem and not a night: for one round, and for loops that end by themselves before
// the workflow does, as after a fault of the host.
const (
	longestRound = 5 * time.Minute
	mostLoops    = 60
)

// round is one workflow under its plan.
type round struct {
	*torture
	account
	plan    plan
	dir     string
	disk    string // the small one that the state is on, if any
	project *project
	loop    *process // nil while none runs
	loops   int
	met     map[kind]int
}

// process is a loop that runs.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// run returns what is wrong.
func (r *round) run(ctx context.Context) (problems []string) {
	fail := func(err error) []string { return []string{err.Error()} }
	var err error
	if r.dir, err = os.MkdirTemp("", fmt.Sprintf("torture-%d-", r.plan.Round)); err != nil {
		return fail(err)
	}
	state := filepath.Join(r.dir, "state")
	if r.plan.fills() {
		select {
		case r.disk = <-r.disks:
		case <-ctx.Done():
			return fail(ctx.Err())
		}
		defer func() { r.disks <- r.disk }()
		if state, err = os.MkdirTemp(r.disk, fmt.Sprintf("state-%d-", r.plan.Round)); err != nil {
			return fail(err)
		}
		defer func() {
			if len(problems) > 0 {
				_ = os.CopyFS(filepath.Join(r.dir, "state"), os.DirFS(state))
			}
			_ = os.RemoveAll(state)
		}()
	}
	ctx, cancel := context.WithTimeoutCause(ctx, longestRound, fmt.Errorf("the round took longer than %s", longestRound))
	defer cancel()
	fail = func(err error) []string {
		if cause := context.Cause(ctx); cause != nil {
			err = fmt.Errorf("%w (%w)", cause, err)
		}
		return []string{err.Error()}
	}
	defer r.stop()
	if r.project, err = newProject(ctx, r.ralph, filepath.Join(r.dir, "project"), state); err != nil {
		return fail(err)
	}
	if err := r.suffer(ctx); err != nil {
		return fail(err)
	}
	problems, err = r.verify(ctx)
	if err != nil {
		return fail(err)
	}
	if len(problems) == 0 {
		_ = os.RemoveAll(r.dir)
	}
	return problems
}

// suffer goes through the plan, and then lets the loop come to its end.
func (r *round) suffer(ctx context.Context) error {
	for _, f := range r.plan.Faults {
		done, err := r.suffers(ctx, f)
		if err != nil || done {
			return err
		}
	}
	r.tell("left alone")
	for {
		done, err := r.live(ctx, "", time.Hour)
		if err != nil || done {
			return err
		}
	}
}

// live sees to it that a loop runs, attends to what it waits for, and returns when it has lived for so long, or died. The
// workflow can be done by then.
func (r *round) live(ctx context.Context, failpoint string, long time.Duration) (done bool, err error) {
	timer := time.NewTimer(long)
	defer timer.Stop()
	for {
		if r.loop == nil {
			if r.loops++; r.loops > mostLoops {
				return false, fmt.Errorf("the workflow does not get done with %d loops", mostLoops)
			}
			if err := r.begin(failpoint); err != nil {
				return false, err
			}
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-timer.C:
			return false, nil
		case <-r.loop.done:
		}
		state := r.loop.cmd.ProcessState
		r.loop = nil
		switch code := state.ExitCode(); {
		case code == exitDone:
			return true, nil
		case code == exitStuck:
			if err := r.attend(ctx); err != nil {
				return false, err
			}
		case died(state):
			r.tell("the loop died: %s", state)
			return false, nil
		default: // it has said why, and what to do: to begin again is what a person, or a service, does
			r.tell("the loop ended: %s", state)
			r.ended++
		}
	}
}

// died says whether a process met its failpoint.
func died(state *os.ProcessState) bool {
	status := state.Sys().(syscall.WaitStatus)
	return status.Signaled() && status.Signal() == syscall.SIGKILL || state.ExitCode() == exitPanic
}

// exitPanic is what Go's runtime ends with, and also what `ralph loop` ends with on wrong usage, which does not happen.
const exitPanic = 2

func (r *round) begin(failpoint string) error {
	log, err := os.OpenFile(filepath.Join(r.dir, "loop.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := r.project.command(context.Background(), "loop", "-w", r.project.workflow)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(cmd.Env, "RALPH_FAILPOINT="+failpoint)
	if err := cmd.Start(); err != nil {
		return err
	}
	r.loop = &process{cmd: cmd, done: make(chan struct{})}
	go func(p *process) {
		defer close(p.done)
		_ = p.cmd.Wait() // what it ended with is in its state
	}(r.loop)
	return nil
}

// stop kills the loop, if one runs.
func (r *round) stop() {
	if r.loop != nil {
		_ = r.loop.cmd.Process.Kill()
		<-r.loop.done
		r.loop = nil
	}
}

// attend does what a person would: answer what is asked, and try again what is blocked.
func (r *round) attend(ctx context.Context) error {
	var s status
	if err := r.project.read(ctx, &s, "status"); err != nil {
		return err
	}
	var errs []error
	helped := false
	for _, w := range s.Workflows {
		for _, task := range w.Tasks {
			args := []string{"retry", "-w", r.project.workflow, task.ID}
			switch task.State {
			case "awaiting_answer":
				args = []string{"answer", "-w", r.project.workflow, task.ID, "That way"}
			case "blocked", "failed":
			default:
				continue
			}
			r.tell("%s", strings.Join(args, " "))
			_, err := r.project.run(ctx, args...)
			errs = append(errs, err)
			helped = true
		}
	}
	if !helped {
		return fmt.Errorf("the loop waits for a person, and no task does: %+v", s)
	}
	return errors.Join(errs...)
}

// tell says what happens, where that is wanted.
func (r *round) tell(format string, args ...any) {
	if r.verbose {
		fmt.Printf("  %s round %d: %s\n", time.Now().Format("15:04:05.000"), r.plan.Round, fmt.Sprintf(format, args...))
	}
}
