package engine

import (
	"maps"
	"slices"
)

// settle adds what follows by itself from the events so far: tasks released, limits reached or raised, the workflow
// waiting, resumed or at its end. It is deterministic and ends, because each rule makes itself inapplicable.
func (d *decision) settle() {
	if d.err != nil || d.ev.w.State.Ended() || d.ev.w.Seq == 0 {
		return
	}
	for before := -1; before != len(d.events); {
		before = len(d.events)
		d.release()
		d.finish()
		d.budget()
		d.park()
	}
}

// release makes tasks ready whose predecessors are finished.
func (d *decision) release() {
	candidates := map[int]bool{}
	for _, e := range d.events {
		switch e.Type {
		case TasksPlanned:
			for i := range d.ev.w.Tasks {
				candidates[i] = true
			}
		case TaskReopened:
			if i, ok := d.ev.w.index.position(e.Task); ok {
				candidates[i] = true
			}
		case TaskVerified, TaskUnchecked, TaskSkippedEvent:
			for _, i := range d.ev.w.index.after(e.Task) {
				candidates[i] = true
			}
		}
	}
	for _, i := range slices.Sorted(maps.Keys(candidates)) {
		if d.ev.w.releasable(d.ev.w.Tasks[i]) {
			d.emit(TaskReleased, d.ev.w.Tasks[i].ID, 0, NoData{})
		}
	}
}

func (w Workflow) releasable(t *Task) bool {
	if t.State != TaskPending {
		return false
	}
	for _, dep := range t.After {
		if !w.Task(dep).State.Finished() {
			return false
		}
	}
	return true
}

// finish moves the workflow to its last check and to its end.
func (d *decision) finish() {
	if s := d.ev.w.State; (s == Running || s == Ready) && d.ev.w.allFinished() {
		d.emit(WorkflowVerifying, "", 0, NoData{})
	}
	if d.ev.w.State == Verifying && len(d.ev.w.Due) == 0 && d.ev.w.Undo == nil && (len(d.ev.w.Criteria.Checks) == 0 || d.ev.w.Criteria.State == TaskDone) {
		d.emit(WorkflowDone, "", 0, NoData{})
	}
}

func (w Workflow) allFinished() bool { return len(w.Tasks) > 0 && w.tally.unfinished == 0 }

// budget enters and leaves the workflow's own wait, and gives tasks back that a raised limit frees.
func (d *decision) budget() {
	if d.err != nil || d.ev.w.State.Ended() {
		return
	}
	if max := d.ev.w.Limits.MaxAttempts; d.changedLimits() {
		for _, o := range d.ev.w.Waits() {
			if t := d.ev.w.Task(o.Task); o.Task != "" && t.State == TaskFailed && (max == 0 || t.Failures < max) {
				d.emit(TaskRetried, t.ID, t.Attempts, RetriedData{})
				d.emit(WaitLeft, t.ID, t.Attempts, WaitLeftData{Kind: BudgetSpent, By: "limits"})
			}
		}
	}
	key, reason, until := d.ev.w.UsedUp(d.now)
	switch hold := d.ev.w.hold(BudgetSpent); {
	case hold != nil && d.changedLimits() && hold.Message != reason:
		d.emit(WaitLeft, "", 0, WaitLeftData{Kind: BudgetSpent, By: "limits"})
	case hold != nil && key == "":
		d.emit(WaitLeft, "", 0, WaitLeftData{Kind: BudgetSpent, By: "time"})
	case hold == nil && key != "" && Next(d.ev.w).Kind == RunAttempt:
		d.emit(WaitEntered, "", 0, WaitData{Kind: BudgetSpent, Message: reason, Until: until, Limit: key})
	}
}

func (d *decision) changedLimits() bool {
	for _, e := range d.events {
		if e.Type == LimitsChanged {
			return true
		}
	}
	return false
}

// park makes the workflow's state tell whether it waits, and for what first.
func (d *decision) park() {
	if d.err != nil || d.ev.w.State.Ended() {
		return
	}
	first := d.ev.w.Waiting()
	moves := Next(d.ev.w).Kind != Nothing || len(d.ev.w.OpenActivities()) > 0
	if d.ev.w.State.Waits() && (moves || first == nil || first.Kind != d.ev.w.State) {
		d.emit(WorkflowResumed, "", 0, StateData{State: d.ev.w.Behind})
	}
	if !d.ev.w.State.Waits() && !moves && first != nil {
		d.emit(WorkflowWaiting, "", 0, StateData{State: first.Kind})
	}
}
