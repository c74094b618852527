package engine

import "fmt"

// intended opens an activity. Its number must be new: a number that was used once never comes back.
func (ev *evolution) intended(t *Task, e Event, data IntendedData) error {
	if t.Open != nil {
		return fmt.Errorf("task %s runs %s already: %w", t.ID, t.Open.ID, ErrNotAllowed)
	}
	id := AttemptID{Task: t.ID, Number: e.Attempt, Check: data.Check}
	event := "run"
	switch {
	case e.Type == AttemptIntended && e.Attempt == t.Attempts+1:
		t.Attempts, t.CheckRuns = e.Attempt, 0
	case e.Type == CheckIntended && e.Attempt == t.Attempts && data.Check == t.CheckRuns+1:
		t.CheckRuns, event = data.Check, ""
	case e.Type == CheckIntended && t.State == TaskReady && e.Attempt == t.Attempts+1 && data.Check == 1:
		t.Attempts, t.CheckRuns, event = e.Attempt, 1, "verify"
	default:
		return fmt.Errorf("%s does not follow attempt %d, check %d: %w", id, t.Attempts, t.CheckRuns, ErrNotAllowed)
	}
	t.Open = &Activity{ID: id, Phase: data.Phase, Since: e.Time}
	if event != "" {
		return t.move(event)
	}
	return nil
}

// finished closes an activity with its outcome and adds to the workflow's totals.
func (ev *evolution) finished(t *Task, e Event, data FinishedData) error {
	if err := t.closes(e, data.Check); err != nil {
		return err
	}
	o := data.Outcome
	ev.w.Faults = 0
	used := o.usage()
	if e.Type == AttemptFinished {
		used.Iterations = 1
		t.Note, t.Tree, t.Head = o.Message, o.Tree, o.Head
	}
	ev.spend(data.Day, used)
	switch data.Verdict {
	case VerdictClaimed:
		return t.move("verify")
	case VerdictPassed:
		return nil // task.verified follows
	case VerdictAsked:
		return t.move("ask")
	case VerdictBlocked:
		return t.move("block")
	case VerdictFailed:
		t.Failures++
		t.LastFailure = t.failure(e.Attempt, data)
		if e.Type == CheckFinished {
			t.Verified = new(bool)
		}
		return t.move("again")
	}
	return fmt.Errorf("verdict %q: %w", data.Verdict, ErrUnknownEvent)
}

// failure tells the new failure of a task together with how often it was seen before.
func (t *Task) failure(attempt int, data FinishedData) *Failure {
	f := &Failure{Attempt: attempt, Reason: data.Reason, Evidence: data.Outcome.Evidence, Tree: t.Tree, Head: t.Head, Same: 1}
	if last := t.LastFailure; last != nil && f.Tree != "" && last.Tree == f.Tree && last.Head == f.Head && last.Reason == f.Reason {
		f.Same = last.Same + 1
	}
	return f
}

// interrupted closes an activity of which no outcome exists. An attempt makes its task ready again, a verification is
// simply due again.
func (ev *evolution) interrupted(t *Task, e Event, data InterruptedData) error {
	if err := t.closes(e, data.Check); err != nil {
		return err
	}
	if data.Fault {
		ev.w.Faults++
	}
	ev.spend(data.Day, data.Usage)
	if e.Type == CheckInterrupted {
		return nil
	}
	return t.move("again")
}

func (t *Task) closes(e Event, check int) error {
	id := AttemptID{Task: t.ID, Number: e.Attempt, Check: check}
	if t.Open == nil || t.Open.ID != id {
		return fmt.Errorf("%s is not open: %w", id, ErrNotAllowed)
	}
	t.Open = nil
	return nil
}
