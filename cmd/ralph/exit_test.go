package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/specs"
	"github.com/wrapix/wrapix/steps"
	"github.com/wrapix/wrapix/store"
)

func TestReport(t *testing.T) {
	wrap := func(err error) error { return fmt.Errorf("do it: %w", err) }
	tests := []struct {
		err  error
		code int
		text string
	}{
		{nil, 0, ""},
		{exitWith(exitDone), 0, ""},
		{exitWith(exitStuck), 101, ""},
		{errors.New("broken"), 1, "ralph: broken\n"},
		{errors.New("two\nlines \x1b[31mred"), 1, "ralph: two lines red\n"},
		{usagef("ralph --help", "no"), 2, "ralph: no\ntry: ralph --help\n"},
		{wrap(engine.ErrNotFound), 2, "ralph: do it: not found\n"},
		{wrap(engine.ErrNotAllowed), 2, "ralph: do it: not allowed in this state\n"},
		{wrap(engine.ErrEnded), 2, "ralph: do it: workflow has ended\n"},
		{wrap(steps.ErrNoSpec), 2, "ralph: do it: there is no such spec\n"},
		{errNoWorkflow, 2, "ralph: no workflow was started here\ntry: ralph start SPEC.md\n"},
		{wrap(errNoConfig), 2, "ralph: do it: there is no wrapix.toml\ntry: ralph init\n"},
		{&config.StateDirError{Dir: "/x", Reason: "why"}, 2, "ralph: state folder /x: why\ntry: name a folder outside of the project in RALPH_STATE_DIR, or unset it\n"},
		{&config.Problems{List: []config.Problem{{File: "f", Line: 1, Column: 2, Text: "a"}, {File: "f", Line: 3, Column: 4, Key: "k", Text: "b"}}}, 2, "f:1:2: a\nf:3:4: k: b\nralph: read the configuration: f has 2 problems\n"},
		{&specError{path: "s.md", diagnostics: []specs.Diagnostic{{File: "s.md", Line: 1, Column: 1, Severity: specs.Error, Text: "bad"}}}, 2, "s.md:1:1: error: bad\nralph: read the spec: s.md has 1 error\n"},
		{wrap(&engine.PlanError{Problems: []string{"a", "b"}}), 2, "a\nb\nralph: take the spec's tasks: they are no plan, for 2 reasons\n"},
		{wrap(&engine.Hint{Err: &store.HeldError{Path: "/x"}, Try: "wait"}), 75, "ralph: do it: /x is held by another process\ntry: wait\n"},
		{wrap(&sandbox.Error{Op: "start Podman", Err: fs.ErrNotExist, Hint: "install it"}), 1, "ralph: do it: start Podman: file does not exist\ntry: install it\n"},
		{wrap(engine.ErrStopped), 130, "ralph: stopped: the attempt that ran is recorded as interrupted, and the state is safe\ntry: ralph loop\n"},
		{wrap(context.Canceled), 130, "ralph: stopped: the state is safe\n"},
	}
	for _, tt := range tests {
		var stderr strings.Builder
		streams := &terminal.Streams{Out: terminal.NewOutput(&strings.Builder{}), Err: terminal.NewOutput(&stderr)}
		if code := conclude(streams, tt.err); code != tt.code || stderr.String() != tt.text {
			t.Errorf("%v: exit code %d, not %d\n%swant:\n%s", tt.err, code, tt.code, stderr.String(), tt.text)
		}
	}
}

func TestCodeOfState(t *testing.T) {
	for state, want := range map[engine.WorkflowState]int{
		engine.Done: 0, engine.Failed: 1, engine.Cancelled: 1, engine.Running: 1, engine.AwaitingAnswer: 101, engine.Blocked: 101,
		engine.AwaitingApproval: 101, engine.RateLimited: 101, engine.Paused: 101, engine.BudgetSpent: 102,
	} {
		if got := codeOfState(state); got != want {
			t.Errorf("%s: %d, not %d", state, got, want)
		}
	}
}
