package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/wrapix/wrapix/internal/failpoint"
)

// Hook is a place in the work at which a person's program can run.
type Hook string

// The hooks. A step is an agent's attempt together with its verification.
const (
	PreLoop  Hook = "pre_loop"
	PreStep  Hook = "pre_step"
	PostStep Hook = "post_step"
	PostLoop Hook = "post_loop"
)

// OnFailure says what follows from a hook that failed.
type OnFailure string

// What can follow. Skip means, before a step or a loop, that it is not begun now: the hook is asked again later. After
// one it means no more than warn.
const (
	OnFailureBlock OnFailure = "block"
	OnFailureWarn  OnFailure = "warn"
	OnFailureSkip  OnFailure = "skip"
)

// skipPause is how long after a hook that failed with skip it is asked again.
const skipPause = 5 * time.Minute

// HookCall is what a hook is told of the work around it.
type HookCall struct {
	Hook     Hook
	Workflow WorkflowID
	Label    string
	State    WorkflowState
	Task     TaskID        // of a step
	Attempt  int           // of a step: the one that is about to begin, or has ended
	Phase    Phase         // before a step
	Verdict  Verdict       // after a step
	Reason   string        // after a step that failed
	Waits    WorkflowState // after a loop: what the workflow waits for, if it does
}

// HookOutcome is how a hook ended.
type HookOutcome struct {
	// Failed says why it did not end well; empty: it did.
	Failed   string        `json:"failed,omitempty"`
	ExitCode int           `json:"exit_code"`
	Took     time.Duration `json:"took"`
	Output   string        `json:"output,omitempty"` // bounded head and tail of both its streams
	// OnFailure is what is to follow if it failed.
	OnFailure OnFailure `json:"on_failure"`
}

// Hooks runs a person's programs on the host.
type Hooks interface {
	// Has says whether there is a program for the hook.
	Has(h Hook) bool
	// Run runs the program and says how it ended; one that could not be run has failed. The error is that of ctx: the
	// program was stopped, and has no outcome.
	Run(ctx context.Context, call HookCall) (HookOutcome, error)
}

// DueHook is a hook that has to run before anything new begins.
type DueHook struct {
	Hook    Hook    `json:"hook"`
	Task    TaskID  `json:"task"`
	Attempt int     `json:"attempt"`
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason,omitempty"`
}

// HookEnded records how a hook ended, and decides what follows.
type HookEnded struct {
	Hook    Hook
	Task    TaskID
	Attempt int
	Outcome HookOutcome
}

// Unblock ends the wait for a hook that failed: a person has seen it, and lets the workflow go on.
type Unblock struct{}

func (c HookEnded) decide(d *decision) error {
	if c.Hook == PostStep && d.ev.w.due(c.Task, c.Attempt) < 0 {
		return fmt.Errorf("hook %s of %s/%d is not due: %w", c.Hook, c.Task, c.Attempt, ErrNotAllowed)
	}
	if c.Task != "" && d.ev.w.Task(c.Task) == nil {
		return fmt.Errorf("task %s: %w", c.Task, ErrNotFound)
	}
	d.emit(HookFinished, c.Task, c.Attempt, HookData{Hook: c.Hook, Outcome: c.Outcome})
	if c.Outcome.Failed == "" {
		return nil
	}
	message := fmt.Sprintf("hook %s failed: %s", c.Hook, c.Outcome.Failed)
	before := c.Hook == PreLoop || c.Hook == PreStep
	switch {
	case c.Outcome.OnFailure == OnFailureBlock && d.ev.w.hold(Blocked) == nil:
		d.emit(WaitEntered, "", 0, WaitData{Kind: Blocked, Message: message})
	case c.Outcome.OnFailure == OnFailureSkip && before && d.ev.w.hold(RateLimited) == nil:
		d.emit(WaitEntered, "", 0, WaitData{Kind: RateLimited, Message: message, Until: d.now.Add(skipPause), Quiet: true})
	}
	return nil
}

func (Unblock) decide(d *decision) error {
	if d.ev.w.hold(Blocked) != nil {
		d.emit(WaitLeft, "", 0, WaitLeftData{Kind: Blocked, By: "start"})
	}
	return nil
}

// after makes the hook due that follows a step, where one was asked for and the step is at its end: a claim still has
// its checks before it. The criteria's first check is no step, because no attempt comes before it.
func (c Finish) after(d *decision, t *Task, f FinishedData) {
	claimed := f.Verdict == VerdictClaimed && t.ID != PlanTask && t.ID != ReadyTask && len(t.Checks) > 0
	checkOnly := t.ID == CriteriaTask && t.LastFailure == nil
	if c.PostStep && !claimed && !checkOnly {
		d.emit(HookDue, t.ID, c.ID.Number, HookDueData{Hook: PostStep, Verdict: f.Verdict, Reason: f.Reason})
	}
}

// due returns the place of the step's hook among those that are due, or -1.
func (w Workflow) due(task TaskID, attempt int) int {
	return slices.IndexFunc(w.Due, func(h DueHook) bool { return h.Task == task && h.Attempt == attempt })
}

// needsStart says whether the workflow waits for what is looked at only when a command starts: an approval, a hook.
func (w Workflow) needsStart() bool { return w.hold(AwaitingApproval) != nil || w.hold(Blocked) != nil }

// hookDue adds a hook that has to run.
func (ev *evolution) hookDue(e Event, data HookDueData) error {
	t := ev.w.Task(e.Task)
	if data.Hook != PostStep || t == nil || e.Attempt < 1 || e.Attempt > t.Attempts || ev.w.due(e.Task, e.Attempt) >= 0 {
		return ErrNotAllowed
	}
	ev.w.Due = append(slices.Clone(ev.w.Due), DueHook{
		Hook: data.Hook, Task: e.Task, Attempt: e.Attempt, Verdict: data.Verdict, Reason: data.Reason,
	})
	return nil
}

// hookFinished takes away what is done. A hook that has to succeed stays due.
func (ev *evolution) hookFinished(e Event, data HookData) error {
	if e.Task != "" && ev.w.Task(e.Task) == nil {
		return fmt.Errorf("task %q: %w", e.Task, ErrNotFound)
	}
	if data.Hook != PostStep {
		return nil
	}
	at := ev.w.due(e.Task, e.Attempt)
	if at < 0 {
		return ErrNotAllowed
	}
	if data.Outcome.Failed != "" && data.Outcome.OnFailure == OnFailureBlock {
		return nil
	}
	ev.w.Due = slices.Delete(slices.Clone(ev.w.Due), at, at+1)
	if len(ev.w.Due) == 0 {
		ev.w.Due = nil
	}
	return nil
}

// has says whether a program is to run at the hook.
func (r *Runner) has(h Hook) bool { return r.Hooks != nil && r.Hooks.Has(h) }

// hook runs a hook and records how it ended.
func (r *Runner) hook(ctx context.Context, w Workflow, call HookCall) (Workflow, error) {
	call.Workflow, call.Label, call.State = w.ID, w.Label, w.State
	outcome, err := r.Hooks.Run(ctx, call)
	if err != nil {
		return w, err
	}
	failpoint.Here("hook-ran")
	w, err = r.Do(context.WithoutCancel(ctx), w.ID, HookEnded{Hook: call.Hook, Task: call.Task, Attempt: call.Attempt, Outcome: outcome})
	if errors.Is(err, ErrEnded) { // meanwhile, by a command: how the hook ended changes nothing any more
		err = nil
	}
	return w, err
}

// runDue runs the first hook that is due. One that is not configured any more is due no longer.
func (r *Runner) runDue(ctx context.Context, w Workflow) (Workflow, error) {
	h := w.Due[0]
	if !r.has(h.Hook) {
		gone := HookOutcome{Failed: "it is not configured any more", OnFailure: OnFailureWarn}
		return r.Do(ctx, w.ID, HookEnded{Hook: h.Hook, Task: h.Task, Attempt: h.Attempt, Outcome: gone})
	}
	return r.hook(ctx, w, HookCall{Hook: h.Hook, Task: h.Task, Attempt: h.Attempt, Verdict: h.Verdict, Reason: h.Reason})
}

// beforeStep runs the hook before an attempt.
func (r *Runner) beforeStep(ctx context.Context, w Workflow, task TaskID) (Workflow, error) {
	if !r.has(PreStep) {
		return w, nil
	}
	t := w.Task(task)
	return r.hook(ctx, w, HookCall{Hook: PreStep, Task: task, Attempt: t.Attempts + 1, Phase: phaseOf(t)})
}

// beforeLoop runs the hook before the first thing that a loop does. It is asked once a process, and again where it said
// that the loop is not to begin.
func (r *Runner) beforeLoop(ctx context.Context, w Workflow) (Workflow, error) {
	if r.begun || !r.has(PreLoop) {
		r.begun = true
		return w, nil
	}
	w, err := r.hook(ctx, w, HookCall{Hook: PreLoop})
	r.begun = err == nil && len(w.Holds) == 0
	if err == nil {
		w, err = r.notify(ctx, w)
	}
	return w, err
}

// EndLoop runs the hook after a loop that did something, however it ended. A workflow that has ended records nothing
// any more, and nothing follows for it.
func (r *Runner) EndLoop(ctx context.Context, w Workflow) (Workflow, error) {
	if !r.begun || !r.has(PostLoop) {
		return w, nil
	}
	call := HookCall{Hook: PostLoop}
	if first := w.Waiting(); first != nil {
		call.Waits = first.Kind
	}
	if w.State.Ended() {
		call.Workflow, call.Label, call.State = w.ID, w.Label, w.State
		_, err := r.Hooks.Run(ctx, call)
		return w, err
	}
	w, err := r.hook(ctx, w, call)
	if err == nil {
		w, err = r.notify(ctx, w)
	}
	return w, err
}
