package engine

import "fmt"

// maxSame is how many attempts may fail in the same way without having changed anything.
const maxSame = 3

// exhaust stops a task whose attempts lead nowhere, or are used up.
func (d *decision) exhaust(id TaskID) {
	if d.err != nil {
		return
	}
	t, limit := d.ev.w.Task(id), d.ev.w.Limits.MaxAttempts
	switch {
	case min(t.LastFailure.Same, t.Failures) >= maxSame: // those that were forgiven do not count
		reason := fmt.Sprintf("no progress: %d attempts left the same files and failed the same way: %s", min(t.LastFailure.Same, t.Failures), t.LastFailure.Reason)
		d.emit(TaskStalled, id, t.Attempts, ReasonData{Reason: reason})
		d.stuck(id, reason)
	case limit > 0 && t.Failures >= limit:
		reason := fmt.Sprintf("%d failed attempts (max_attempts = %d); the last: %s", t.Failures, limit, t.LastFailure.Reason)
		d.emit(TaskFailedEvent, id, t.Attempts, ReasonData{Reason: reason})
		d.emit(WaitEntered, id, t.Attempts, WaitData{Kind: BudgetSpent, Message: reason})
	}
}

// stuck says what becomes of a task that is blocked.
func (d *decision) stuck(id TaskID, message string) {
	if d.err != nil {
		return
	}
	t := d.ev.w.Task(id)
	switch policy := d.ev.w.Limits.OnBlocked; {
	case policy == BlockedSkips && !id.Reserved():
		d.emit(TaskSkippedEvent, id, t.Attempts, ReasonData{Reason: "blocked: " + message})
	case policy == BlockedFails:
		for _, a := range d.ev.w.OpenActivities() {
			if d.err == nil {
				d.err = d.stop(a, "the workflow failed")
			}
		}
		d.emit(WorkflowFailed, "", 0, ReasonData{Reason: fmt.Sprintf("%s is blocked: %s", id, message)})
	default:
		d.emit(WaitEntered, id, t.Attempts, WaitData{Kind: Blocked, Message: message})
	}
}

// stop interrupts an activity because of what somebody decided meanwhile. Its sandbox ends after that, so of what it
// used only the time is known.
func (d *decision) stop(a Activity, reason string) error {
	spent, measured := d.ran[a.ID]
	if !measured {
		spent = d.now.Sub(a.Since)
	}
	return Interrupt{ID: a.ID, Reason: reason, Usage: Usage{Spent: spent}}.decide(d)
}
