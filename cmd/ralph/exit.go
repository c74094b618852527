package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/specs"
	"github.com/wrapix/wrapix/steps"
	"github.com/wrapix/wrapix/store"
)

// The exit codes, which are a contract.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitHeld        = 75
	exitNothingLeft = 100
	exitStuck       = 101
	exitBudget      = 102
	exitInterrupted = 130
)

// exitError is an end that is no error to be printed: the command has said already what there is to say.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// exitWith returns the error that ends the program with the code.
func exitWith(code int) error {
	if code == exitDone {
		return nil
	}
	return exitError(code)
}

// usageError is a command line that cannot be meant.
type usageError struct {
	err error
	try string
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(try, format string, args ...any) error {
	return &usageError{err: fmt.Errorf(format, args...), try: try}
}

// specError is a spec that no workflow can start from. Its diagnostics are printed before it.
type specError struct {
	path        string
	diagnostics []specs.Diagnostic
}

func (e *specError) Error() string {
	n := 0
	for _, d := range e.diagnostics {
		if d.Severity == specs.Error {
			n++
		}
	}
	return fmt.Sprintf("read the spec: %s has %s", e.path, count(n, "error"))
}

// codeOf says with which code an error ends the program.
func codeOf(err error) int {
	var (
		exit     exitError
		usage    *usageError
		spec     *specError
		problems *config.Problems
		state    *config.StateDirError
		plan     *engine.PlanError
	)
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &exit):
		return int(exit)
	case errors.Is(err, engine.ErrStopped), errors.Is(err, context.Canceled), errors.Is(err, errLoopGone):
		return exitInterrupted
	case errors.Is(err, store.ErrHeld):
		return exitHeld
	case errors.As(err, &usage), errors.As(err, &spec), errors.As(err, &problems), errors.As(err, &state), errors.As(err, &plan),
		errors.Is(err, errNoConfig), errors.Is(err, steps.ErrNoSpec), errors.Is(err, errNoWorkflow),
		errors.Is(err, engine.ErrNotFound), errors.Is(err, engine.ErrNotAllowed), errors.Is(err, engine.ErrEnded):
		return exitUsage
	}
	return exitFailed
}

// codeOfState says with which code the end of a run ends the program.
func codeOfState(s engine.WorkflowState) int {
	switch {
	case s == engine.Done:
		return exitDone
	case s == engine.BudgetSpent:
		return exitBudget
	case s.Waits():
		return exitStuck
	}
	return exitFailed
}

// hintOf returns the way out of an error, where we know it.
func hintOf(err error) string {
	var (
		hint    *engine.Hint
		usage   *usageError
		sandbox *sandbox.Error
		state   *config.StateDirError
	)
	switch {
	case errors.As(err, &hint):
		return hint.Try
	case errors.As(err, &usage):
		return usage.try
	case errors.As(err, &sandbox):
		return sandbox.Hint
	case errors.As(err, &state):
		return "name a folder outside of the project in RALPH_STATE_DIR, or unset it"
	case errors.Is(err, errNoConfig):
		return "ralph init"
	case errors.Is(err, errNoWorkflow):
		return "ralph start SPEC.md"
	case errors.Is(err, engine.ErrStopped):
		return "ralph loop"
	}
	return ""
}

// detailsOf returns the lines that say where an error comes from, to be printed before it.
func detailsOf(err error) []string {
	var (
		spec     *specError
		problems *config.Problems
		plan     *engine.PlanError
		lines    []string
	)
	switch {
	case errors.As(err, &spec):
		for _, d := range spec.diagnostics {
			lines = append(lines, d.String())
		}
	case errors.As(err, &problems):
		for _, p := range problems.List {
			lines = append(lines, p.String())
		}
	case errors.As(err, &plan):
		lines = plan.Problems
	}
	return lines
}

// messageOf returns the error as one line: what happened, and why.
func messageOf(err error) string {
	var (
		problems *config.Problems
		plan     *engine.PlanError
		path     *fs.PathError
		room     *noRoomError
	)
	switch {
	case errors.As(err, &room) && errors.Is(err, engine.ErrStopped):
		return fmt.Sprintf("stopped: the state is safe, and what ran will be looked after by the next loop; %v", room)
	case errors.As(err, &problems):
		return fmt.Sprintf("read the configuration: %s has %s", problems.List[0].File, count(len(problems.List), "problem"))
	case errors.As(err, &plan):
		return fmt.Sprintf("take the spec's tasks: they are no plan, for %s", count(len(plan.Problems), "reason"))
	case errors.Is(err, engine.ErrStopped):
		return "stopped: the attempt that ran is recorded as interrupted, and the state is safe"
	case errors.Is(err, context.Canceled) && !errors.As(err, &path):
		return "stopped: the state is safe"
	}
	return err.Error()
}

// conclude prints an error as every command does, and returns its exit code.
func conclude(streams *terminal.Streams, err error) int {
	code := codeOf(err)
	var exit exitError
	if err == nil || errors.As(err, &exit) {
		return code
	}
	var b strings.Builder
	for _, line := range detailsOf(err) {
		b.WriteString(terminal.Line(line) + "\n")
	}
	b.WriteString(streams.Err.Paint(terminal.Red, "ralph:") + " " + terminal.Line(messageOf(err)) + "\n")
	if try := hintOf(err); try != "" {
		b.WriteString(tryLine(streams.Err, try))
	}
	fmt.Fprint(streams.Err, b.String())
	return code
}

// tryLine is the line that says how to go on.
func tryLine(out *terminal.Output, try string) string {
	return out.Paint(terminal.Bold, "try:") + " " + terminal.Line(try) + "\n"
}

// count is a number with its noun.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
