package steps

import (
	"context"
	"fmt"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/snapshot"
)

// SnapshotsName is the repository of snapshots within the state folder.
const SnapshotsName = "snapshots.git"

// SnapshotMessage names the snapshot "before" or "after" an attempt, which finds it again after a crash.
func SnapshotMessage(when string, w engine.WorkflowID, id engine.AttemptID) string {
	return fmt.Sprintf("%s %s %s", when, w, id)
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
	if o.Snapshot, o.Tree = after.ID, after.Tree; err != nil {
		o.SnapshotError = bounded(err.Error(), maxMessage)
	}
}
