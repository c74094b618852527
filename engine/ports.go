package engine

import (
	"context"
	"time"
)

// Store keeps workflows and their events. One process at a time has it open for writing.
type Store interface {
	// Append writes the events and the projection after them in one durable transaction. prev is the projection
	// before; where the store holds another (by its last sequence number) it changes nothing and returns
	// [ErrConflict]. A workflow whose prev.Seq is 0 is new.
	Append(ctx context.Context, prev, next Workflow, events []Event) error
	// Load returns a workflow's projection, or [ErrNotFound].
	Load(ctx context.Context, id WorkflowID) (Workflow, error)
	// List returns the workflows in order of creation, without their tasks and sources.
	List(ctx context.Context) ([]Workflow, error)
	// Events calls yield for each event after the given sequence number, in order, until it returns an error.
	Events(ctx context.Context, id WorkflowID, after uint64, yield func(Event) error) error
}

// Steps performs activities in sandboxes.
type Steps interface {
	// Run performs the activity and returns when its outcome is known and safe on disk. When ctx ends it stops the
	// sandbox and returns ctx's error, with what is known of the time and the cost. [ErrUnfinished] says that it was started, and that Resume has to find out what
	// became of it. Any other error says that the sandbox could not be run at all.
	Run(ctx context.Context, w Workflow, a Activity) (Outcome, error)
	// Resume goes on with an activity that another process began: it follows one that still runs, and reads the
	// outcome of one that ended. [ErrLost] says that there is none, [ErrUnfinished] that it could not be seen this time. It never
	// starts the activity again.
	Resume(ctx context.Context, w Workflow, a Activity) (Outcome, error)
	// Release removes what is left of an activity's sandbox. Its outcome is recorded by then. It may be called again.
	Release(ctx context.Context, id WorkflowID, a Activity) error
	// Undo puts the project's files back to the snapshot, and says what it did. After an error it may be called again.
	Undo(ctx context.Context, u Undoing) (Undone, error)
	// Sweep removes the sandboxes of the workflow that belong to none of the activities.
	Sweep(ctx context.Context, id WorkflowID, keep []Activity) error
}

// Notification tells a person that a workflow waits.
type Notification struct {
	Workflow WorkflowID
	Label    string
	Task     TaskID
	Kind     WorkflowState
	Message  string // from an agent, so hostile: the notifier makes it safe
}

// Notifier tells a person. It neither blocks for long nor fails the workflow.
type Notifier interface {
	Notify(ctx context.Context, n Notification)
}

// Clock is where the time comes from.
type Clock interface {
	Now() time.Time
}
