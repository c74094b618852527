// Package engine is the durable workflow: what may happen to a spec's tasks, in which order, and what is known about
// it after a crash.
//
// The core is two pure functions. [Decide] says which events a command causes in a given workflow, [Evolve] applies
// events to it. Around them stands the [Runner], the only part that acts: it appends the events of one decision in a
// single transaction of the [Store], performs the one activity they announce through [Steps], and appends how that
// ended. An activity is announced before anything exists of it and released after its outcome is on disk, so whatever
// instant the process dies at, the log says what has to be looked after.
//
// The package promises:
//   - an activity whose outcome was recorded never runs again;
//   - a task is done only when its checks passed in a fresh sandbox, or when it has none and says so;
//   - replaying the events of a workflow gives exactly its projection;
//   - nothing moves after done, failed or cancelled.
//
// It leaves containers, files, Markdown and the desktop to the implementations of its interfaces, and imports none of
// them.
package engine

import (
	"errors"
	"fmt"
)

// Errors that callers decide on; compare with errors.Is.
var (
	// ErrNotFound says that the workflow, task or attempt named does not exist.
	ErrNotFound = errors.New("not found")
	// ErrNotAllowed says that the command does not fit the present state.
	ErrNotAllowed = errors.New("not allowed in this state")
	// ErrEnded says that the workflow is done, failed or cancelled and accepts no command any more.
	ErrEnded = errors.New("workflow has ended")
	// ErrConflict says that the store holds other events than the caller thought.
	ErrConflict = errors.New("workflow was changed by somebody else")
	// ErrLost says that nothing is left of an activity from which its outcome could be told.
	ErrLost = errors.New("no trace of the activity's outcome")
	// ErrUnfinished says that an activity was begun and what became of it could not be seen. It stays open: Recover finds
	// out.
	ErrUnfinished = errors.New("the activity was begun, and its outcome is not known yet")
	// ErrStopped says that the caller's context ended while an activity ran; its attempt is recorded as interrupted.
	ErrStopped = errors.New("stopped on request")
	// ErrUnknownEvent says that an event's type or version is not known to this program.
	ErrUnknownEvent = errors.New("unknown event")
)

// Hint is an error with the way out of it, which a command shows as its "try:" line.
type Hint struct {
	Err error
	Try string // a command or an instruction, without the word "try"
}

// Error returns the text of the error without the way out.
func (h *Hint) Error() string { return h.Err.Error() }

// Unwrap returns the error that the hint belongs to.
func (h *Hint) Unwrap() error { return h.Err }

func hintf(try string, format string, args ...any) error {
	return &Hint{Err: fmt.Errorf(format, args...), Try: try}
}
