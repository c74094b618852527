package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/sandbox"
)

// The exit codes of our own. A command's code is passed on as it is; those from 125 on are what people know from
// `podman run` and from shells.
const (
	exitFailed      = 1   // a subcommand failed
	exitUsage       = 2   // wrong usage, or a configuration that cannot be read
	exitSandbox     = 125 // the sandbox failed, so nothing is known of the command
	exitInterrupted = 130
)

// codeError ends the program with a code; without an error it says nothing.
type codeError struct {
	code int
	err  error
}

func (e *codeError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *codeError) Unwrap() error { return e.err }

// usageError is a command line that cannot be followed.
type usageError struct{ what, try string }

func (e *usageError) Error() string { return e.what }

// exitCode is the one place that decides about codes.
func exitCode(err error) int {
	var code *codeError
	var usage *usageError
	var problems *config.Problems
	var state *config.StateDirError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage), errors.As(err, &problems), errors.As(err, &state):
		return exitUsage
	case errors.As(err, &code):
		return code.code
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	return exitFailed
}

// report says what went wrong, in one line and one for the way out, and returns the exit code.
func report(w io.Writer, err error) int {
	var code *codeError
	if err == nil || errors.As(err, &code) && code.err == nil {
		return exitCode(err)
	}
	text := strings.TrimSpace(terminal.Clean(err.Error()))
	if errors.Is(err, context.Canceled) {
		text = "interrupted"
	}
	fmt.Fprintln(w, "wrapix: "+text)
	if try := wayOut(err); try != "" {
		fmt.Fprintln(w, "try: "+try)
	}
	return exitCode(err)
}

func wayOut(err error) string {
	var usage *usageError
	if errors.As(err, &usage) {
		return usage.try
	}
	var state *config.StateDirError
	if errors.As(err, &state) {
		return "name a folder outside of the project in RALPH_STATE_DIR, or unset it"
	}
	var failed *sandbox.Error
	if errors.As(err, &failed) {
		return failed.Hint
	}
	return ""
}
