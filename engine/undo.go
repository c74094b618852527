package engine

import (
	"fmt"
	"slices"
	"time"
)

// Undo takes back an attempt and all that came after it: the files go back to the snapshot before it, and the tasks
// whose work that takes away are open again. The tasks are opened first, so a task is never done of which the files are
// missing; until the files are back nothing else begins.
type Undo struct {
	ID AttemptID
	// Tasks are those that were attempted since, see [AttemptedSince].
	Tasks []TaskID
	// Snapshot is the one before the attempt, Before that of the present files.
	Snapshot, Before string
}

// Undone records that the files are back.
type Undone struct {
	// Before is the snapshot of the files as they were right before.
	Before  string
	Changed int
	// Left says what could not be put back, in words.
	Left string
}

// Undoing is an undo whose files are not back yet.
type Undoing struct {
	ID       AttemptID `json:"id"`
	Snapshot string    `json:"snapshot"`
	Before   string    `json:"before"`
	Since    time.Time `json:"since"`
}

// AttemptedSince returns the tasks that were worked on since the attempt was announced, its own among them, and when
// that was. It is the zero time where the attempt is not in the log.
func AttemptedSince(log []Event, id AttemptID) (tasks []TaskID, since time.Time) {
	for _, e := range log {
		if e.Type != AttemptIntended && (since.IsZero() || e.Type != CheckIntended) {
			continue
		}
		if e.Type == AttemptIntended && e.Task == id.Task && e.Attempt == id.Number {
			since = e.Time
		}
		if !since.IsZero() && !slices.Contains(tasks, e.Task) {
			tasks = append(tasks, e.Task)
		}
	}
	return tasks, since
}

func (c Undo) decide(d *decision) error {
	w := d.ev.w
	t := w.Task(c.ID.Task)
	switch phase := w.phase(); {
	case t == nil || c.ID.Check != 0 || c.ID.Number < 1 || c.ID.Number > t.Attempts:
		return fmt.Errorf("undo %s: %w", c.ID, ErrNotFound)
	case t.ID == PlanTask || t.ID == ReadyTask || phase != Running && phase != Verifying:
		return hintf("ralph cancel", "undo %s: the plan was made of it, and stays: %w", c.ID, ErrNotAllowed)
	case len(w.OpenActivities()) > 0:
		return hintf("ralph loop", "undo %s: %s is not finished: %w", c.ID, w.OpenActivities()[0].ID, ErrNotAllowed)
	case len(w.Due) > 0:
		return hintf("ralph loop", "undo %s: the hook after a step has not run yet: %w", c.ID, ErrNotAllowed)
	case w.Undo != nil:
		return hintf("ralph loop", "undo %s: the files are on their way back to before %s: %w", c.ID, w.Undo.ID, ErrNotAllowed)
	case c.Snapshot == "" || c.Before == "":
		return fmt.Errorf("undo %s: there is no snapshot: %w", c.ID, ErrNotAllowed)
	}
	if w.State.Waits() {
		d.emit(WorkflowResumed, "", 0, StateData{State: w.Behind})
	}
	d.emit(UndoBegun, t.ID, c.ID.Number, UndoData{Snapshot: c.Snapshot, Before: c.Before})
	if d.ev.w.State == Verifying {
		d.emit(WorkflowRunning, "", 0, NoData{})
	}
	d.reopen(c)
	return nil
}

// reopen opens the tasks that lose their work, those that build on them, and the criteria, which were about all of it.
// What a person, or the rule for blocked tasks, did without stays so, but for the task that is named.
func (d *decision) reopen(c Undo) {
	reason := ReasonData{Reason: "undo of " + c.ID.String()}
	due := append([]TaskID{c.ID.Task, CriteriaTask}, c.Tasks...)
	for i := 0; i < len(due) && d.err == nil; i++ {
		t := d.ev.w.Task(due[i])
		if t == nil || t.ID == PlanTask || t.ID == ReadyTask || t.State == TaskPending || t.State == TaskSkipped && t.ID != c.ID.Task {
			continue
		}
		wait := t.Wait
		d.emit(TaskReopened, t.ID, 0, reason)
		if wait != nil {
			d.emit(WaitLeft, t.ID, 0, WaitLeftData{Kind: wait.Kind, By: "undo"})
		}
		if !t.ID.Reserved() {
			for _, dependent := range d.ev.w.index.after(t.ID) {
				due = append(due, d.ev.w.Tasks[dependent].ID)
			}
		}
	}
}

func (c Undone) decide(d *decision) error {
	u := d.ev.w.Undo
	if u == nil {
		return fmt.Errorf("nothing is being undone: %w", ErrNotAllowed)
	}
	d.emit(UndoFinished, u.ID.Task, u.ID.Number, UndoneData(c))
	return nil
}

// reopened makes a task as it was before its first attempt, but for the numbers that are used and what a person said.
func (ev *evolution) reopened(t *Task) error {
	t.Verified, t.LastFailure, t.Failures, t.Tree, t.Head, t.Note = nil, nil, 0, "", "", ""
	if at, ok := ev.w.index.position(t.ID); ok {
		ev.w.tally.from = min(ev.w.tally.from, at)
	}
	return t.move("reopen")
}
