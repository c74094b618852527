package steps

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/snapshot"
)

// SnapshotsName is the repository of snapshots within the state folder.
const SnapshotsName = "snapshots.git"

// SnapshotMessage names the snapshot "before" or "after" an attempt, which finds it again after a crash.
func SnapshotMessage(when string, w engine.WorkflowID, id engine.AttemptID) string {
	return fmt.Sprintf("%s %s %s", when, w, id)
}

// SnapshotWorkflow returns the workflow of a snapshot with such a name.
func SnapshotWorkflow(message string) (engine.WorkflowID, bool) {
	words := strings.Fields(message)
	if len(words) != 3 || words[0] != "before" && words[0] != "after" {
		return "", false
	}
	return engine.WorkflowID(words[1]), true
}

func (s *Steps) snapshot(ctx context.Context, when string, w engine.WorkflowID, id engine.AttemptID) (snapshot.Snapshot, error) {
	if s.o.Snapshots == nil {
		return snapshot.Snapshot{}, nil
	}
	taken, err := s.o.Snapshots.Take(ctx, SnapshotMessage(when, w, id))
	if err != nil {
		return taken, fmt.Errorf("record the work tree %s %s: %w", when, id, err)
	}
	return taken, nil
}

// snapshotAfter records the tree that an attempt left. Without it the outcome counts all the same: what has finished does
// not run again.
func (s *Steps) snapshotAfter(ctx context.Context, w engine.WorkflowID, id engine.AttemptID, o *engine.Outcome) {
	after, err := s.snapshot(ctx, "after", w, id)
	o.Head = commit(s.o.Project)
	if o.Snapshot, o.Tree = after.ID, after.Tree; err != nil {
		o.SnapshotError = bounded(err.Error(), maxMessage)
	}
}

// Undo puts the project's files back. See engine.Steps. What cannot be put back is told, and is no error: it would be
// the same every time.
func (s *Steps) Undo(ctx context.Context, u engine.Undoing) (engine.Undone, error) {
	before, changes, err := s.o.Snapshots.Undo(ctx, u.Snapshot)
	undone := engine.Undone{Before: before.ID, Changed: len(changes)}
	var left *snapshot.IncompleteError
	if errors.As(err, &left) {
		undone.Left, err = bounded(left.Error(), maxMessage), nil
	}
	return undone, err
}
