package engine

import (
	"fmt"
	"slices"
	"time"
)

// Decide says which events the command causes in the workflow, without doing anything. The events already follow each
// other: what a command settles (tasks released, waits entered or left, the end) is part of them.
//
// The error is [ErrNotAllowed], [ErrEnded] or [ErrNotFound] where the command does not fit, and then nothing happened.
func Decide(w Workflow, c Command, now time.Time) ([]Event, error) {
	_, events, err := decide(w, c, now, nil)
	return events, err
}

// decide returns the workflow after the events too, which is what Evolve makes of them. ran is how long activities have
// run, where that was measured.
func decide(w Workflow, c Command, now time.Time, ran map[AttemptID]time.Duration) (Workflow, []Event, error) {
	if w.State.Ended() {
		return w, nil, fmt.Errorf("workflow %s is %s: %w", w.ID, w.State, ErrEnded)
	}
	// Without Go's monotonic reading, which stands still while the machine sleeps: a wait until six ends at six, and what
	// was decided must be the same when it is read again.
	d := &decision{ev: evolution{w: w}, now: now.UTC().Round(0), ran: ran}
	if err := c.decide(d); err != nil {
		return w, nil, err
	}
	d.settle()
	if d.err != nil {
		return w, nil, d.err
	}
	return d.ev.w, d.events, nil
}

// decision collects events and shows each rule the workflow as it is after those before.
type decision struct {
	ev     evolution
	now    time.Time
	ran    map[AttemptID]time.Duration
	events []Event
	err    error
}

func (d *decision) emit(t EventType, task TaskID, attempt int, data any) {
	if d.err != nil {
		return
	}
	e := Event{Seq: d.ev.w.Seq + 1, Time: d.now, Type: t, Task: task, Attempt: attempt, Data: data}
	if d.err = d.ev.step(e); d.err == nil {
		d.events = append(d.events, e)
	}
}

func (c Start) decide(d *decision) error {
	if d.ev.w.Seq != 0 {
		return fmt.Errorf("start workflow %s: %w", d.ev.w.ID, ErrNotAllowed)
	}
	if problems := PlanProblems(c.Source.Tasks, c.Source); len(c.Source.Tasks) > 0 && len(problems) > 0 {
		return &PlanError{Problems: problems}
	}
	d.emit(WorkflowCreated, "", 0, CreatedData{ID: c.ID, Label: c.Label, SpecPath: c.SpecPath})
	d.emit(WorkflowStarted, "", 0, StartedData{Source: c.Source, GitHead: c.GitHead, Limits: c.Limits, Config: c.Config})
	return nil
}

func (SkipPlan) decide(d *decision) error {
	if d.ev.w.phase() != Started || !d.ev.w.Source.Complete {
		return fmt.Errorf("skip the plan: %w", ErrNotAllowed)
	}
	d.emit(PlanSkipped, PlanTask, 0, ReasonData{Reason: d.ev.w.Source.Reason})
	return nil
}

func (TakeTasks) decide(d *decision) error {
	if d.ev.w.phase() != Planned || len(d.ev.w.Source.Tasks) == 0 {
		return fmt.Errorf("take the spec's tasks: %w", ErrNotAllowed)
	}
	d.plan("spec", d.ev.w.Source.Tasks)
	return nil
}

// plan accepts tasks that were found valid. The project's checks are added to each task's own here, so that the log
// says what decides, and a task without a check of its own is not taken for unchecked.
func (d *decision) plan(from string, tasks []PlannedTask) {
	tasks = slices.Clone(tasks)
	for i, t := range tasks {
		tasks[i].Checks = append(slices.Clone(t.Checks), d.ev.w.Source.Checks...)
	}
	d.emit(TasksPlanned, ReadyTask, 0, TasksData{From: from, Tasks: tasks, Uncovered: uncovered(tasks, d.ev.w.Source.Requirements)})
}

func (c Intend) decide(d *decision) error {
	t := d.ev.w.Task(c.Task)
	if t == nil {
		return fmt.Errorf("task %s: %w", c.Task, ErrNotFound)
	}
	if len(d.ev.w.Holds) > 0 || len(d.ev.w.Due) > 0 || d.ev.w.Undo != nil || t.Open != nil {
		return fmt.Errorf("run task %s: %w", c.Task, ErrNotAllowed)
	}
	phase := phaseOf(t)
	needless := phase == PhasePlan && d.ev.w.Source.Complete || phase == PhaseReady && len(d.ev.w.Source.Tasks) > 0
	if phase == "" || needless {
		return fmt.Errorf("run task %s in state %s: %w", t.ID, t.State, ErrNotAllowed)
	}
	if d.ev.w.State.Waits() {
		d.emit(WorkflowResumed, "", 0, StateData{State: d.ev.w.Behind})
	}
	if d.ev.w.State == Ready {
		d.emit(WorkflowRunning, "", 0, NoData{})
	}
	switch {
	case phase != PhaseVerify:
		d.emit(AttemptIntended, t.ID, t.Attempts+1, IntendedData{Phase: phase})
	case t.State == TaskReady: // the criteria's first check, which no attempt comes before
		d.emit(CheckIntended, t.ID, t.Attempts+1, IntendedData{Phase: phase, Check: 1})
	default:
		d.emit(CheckIntended, t.ID, t.Attempts, IntendedData{Phase: phase, Check: t.CheckRuns + 1})
	}
	return nil
}

// phaseOf says what the task's next activity is for, or "" when it has none now.
func phaseOf(t *Task) Phase {
	switch {
	case t.State == TaskVerifying:
		return PhaseVerify
	case t.State != TaskReady:
		return ""
	case t.ID == PlanTask:
		return PhasePlan
	case t.ID == ReadyTask:
		return PhaseReady
	case t.ID == CriteriaTask && t.LastFailure == nil:
		return PhaseVerify
	}
	return PhaseStep
}

func (c Finish) decide(d *decision) error {
	t, err := d.open(c.ID)
	if err != nil {
		return err
	}
	if c.Outcome.Finished.Before(c.Outcome.Started) { // no time is given back because a clock was set
		c.Outcome.Finished = c.Outcome.Started
	}
	f := FinishedData{Phase: t.Open.Phase, Check: c.ID.Check, Day: dayOf(d.now), Outcome: c.Outcome}
	if c.ID.Check > 0 {
		f.Verdict, f.Reason = judgeCheck(t, c.Outcome)
		d.emit(CheckFinished, t.ID, c.ID.Number, f)
	} else {
		f.Verdict, f.Reason = judgeAttempt(d.ev.w, t.Open.Phase, &f.Outcome)
		d.emit(AttemptFinished, t.ID, c.ID.Number, f)
	}
	c.after(d, t, f)
	switch f.Verdict {
	case VerdictPassed:
		d.emit(TaskVerified, t.ID, c.ID.Number, NoData{})
	case VerdictClaimed:
		d.claimed(t, c)
	case VerdictAsked:
		d.emit(WaitEntered, t.ID, c.ID.Number, WaitData{Kind: AwaitingAnswer, Message: c.Outcome.Message})
	case VerdictBlocked:
		d.stuck(t.ID, c.Outcome.Message)
	case VerdictFailed:
		d.exhaust(t.ID)
	}
	return nil
}

// claimed goes on from the agent's word: to its product, to its checks, or, without any check, to the end.
func (d *decision) claimed(t *Task, c Finish) {
	switch {
	case t.ID == PlanTask:
		d.emit(PlanWritten, t.ID, c.ID.Number, SourceData{Source: *c.Outcome.Source})
	case t.ID == ReadyTask:
		d.plan("agent", c.Outcome.Tasks)
	case len(t.Checks) == 0:
		d.emit(TaskUnchecked, t.ID, c.ID.Number, NoData{})
	}
}

func (c Interrupt) decide(d *decision) error {
	t, err := d.open(c.ID)
	if err != nil {
		return err
	}
	kind := AttemptInterrupted
	if c.ID.Check > 0 {
		kind = CheckInterrupted
	}
	c.Usage.Spent = max(0, c.Usage.Spent)
	c.Fault = c.Fault || c.Shut != nil && c.Shut.Limited && !c.Shut.told(d.now) // the pause is to grow
	data := InterruptedData{Phase: t.Open.Phase, Check: c.ID.Check, Reason: c.Reason, Fault: c.Fault, Session: c.Session, Model: c.Model, Usage: c.Usage}
	if c.Usage != (Usage{}) {
		data.Day = dayOf(d.now)
	}
	d.emit(kind, t.ID, c.ID.Number, data)
	if c.Shut != nil {
		d.shut(*c.Shut)
		return nil
	}
	if c.Fault && d.err == nil && d.ev.w.hold(RateLimited) == nil {
		d.emit(WaitEntered, "", 0, WaitData{Kind: RateLimited, Message: c.Reason, Until: d.now.Add(backoff(d.ev.w.Faults))})
	}
	return nil
}

// open returns the task whose open activity has that id.
func (d *decision) open(id AttemptID) (*Task, error) {
	t := d.ev.w.Task(id.Task)
	if t == nil {
		return nil, fmt.Errorf("task %s: %w", id.Task, ErrNotFound)
	}
	if t.Open == nil || t.Open.ID != id {
		return nil, fmt.Errorf("%s is not running: %w", id, ErrNotAllowed)
	}
	return t, nil
}

func (c Reply) decide(d *decision) error {
	t, err := d.waiting(c.Task, "answer", AwaitingAnswer, Blocked)
	if err != nil {
		return err
	}
	wait := *t.Wait
	if c.Question != "" && c.Question != wait.Message {
		return hintf("ralph answer", "answer task %s, which waits for something else by now: %w", t.ID, ErrNotAllowed)
	}
	d.emit(QuestionAnswered, t.ID, t.Attempts, AnswerData{Question: wait.Message, Text: c.Text})
	d.emit(WaitLeft, t.ID, t.Attempts, WaitLeftData{Kind: wait.Kind, By: "answer"})
	return nil
}

func (c Retry) decide(d *decision) error {
	t, err := d.waiting(c.Task, "retry", Blocked, BudgetSpent)
	if err != nil {
		return err
	}
	wait := *t.Wait
	d.emit(TaskRetried, t.ID, t.Attempts, RetriedData{Forgiven: true})
	d.emit(WaitLeft, t.ID, t.Attempts, WaitLeftData{Kind: wait.Kind, By: "retry"})
	return nil
}

// waiting returns a task that waits in one of the given ways.
func (d *decision) waiting(id TaskID, what string, kinds ...WorkflowState) (*Task, error) {
	t := d.ev.w.Task(id)
	if t == nil {
		return nil, fmt.Errorf("task %s: %w", id, ErrNotFound)
	}
	for _, kind := range kinds {
		if t.Wait != nil && t.Wait.Kind == kind {
			return t, nil
		}
	}
	err := fmt.Errorf("%s task %s, which is %s: %w", what, id, t.State, ErrNotAllowed)
	if t.Wait != nil && t.Wait.Kind == AwaitingAnswer {
		return nil, &Hint{Err: err, Try: fmt.Sprintf("ralph answer %s TEXT", id)}
	}
	return nil, err
}

func (c Skip) decide(d *decision) error {
	t := d.ev.w.Task(c.Task)
	switch {
	case t == nil:
		return fmt.Errorf("task %s: %w", c.Task, ErrNotFound)
	case c.Task.Reserved() || t.State.Finished():
		return fmt.Errorf("skip task %s, which is %s: %w", t.ID, t.State, ErrNotAllowed)
	case t.Open != nil:
		if err := d.stop(*t.Open, "skipped"); err != nil {
			return err
		}
	}
	d.emit(TaskSkippedEvent, t.ID, t.Attempts, ReasonData{Reason: "a person does without it"})
	if wait := t.Wait; wait != nil {
		d.emit(WaitLeft, t.ID, t.Attempts, WaitLeftData{Kind: wait.Kind, By: "skip"})
	}
	return nil
}

func (Pause) decide(d *decision) error {
	if d.ev.w.hold(Paused) != nil {
		return hintf("ralph resume", "pause: it is paused already: %w", ErrNotAllowed)
	}
	d.emit(WaitEntered, "", 0, WaitData{Kind: Paused, Message: "a person paused it"})
	return nil
}

func (Unpause) decide(d *decision) error {
	if d.ev.w.hold(Paused) != nil {
		d.emit(WaitLeft, "", 0, WaitLeftData{Kind: Paused, By: "resume"})
	}
	return nil
}

func (Wake) decide(d *decision) error {
	for _, wait := range d.ev.w.Waits() {
		switch {
		case wait.Until.IsZero():
		case !wait.Until.After(d.now):
			d.emit(WaitLeft, wait.Task, 0, WaitLeftData{Kind: wait.Kind, By: "time"})
		case d.now.Before(wait.Since) && wait.Kind != BudgetSpent: // which is for a day that UsedUp looks at
			d.again(wait)
		}
	}
	return nil
}

// again begins a wait anew that, by the clock, has not begun yet: the clock was set back. How much of the wait is over
// nobody knows, but it was never meant to last longer than it was long.
func (d *decision) again(wait OpenWait) {
	d.emit(WaitLeft, wait.Task, 0, WaitLeftData{Kind: wait.Kind, By: "clock"})
	d.emit(WaitEntered, wait.Task, 0, WaitData{
		Kind: wait.Kind, Message: wait.Message, Until: d.now.Add(wait.Until.Sub(wait.Since)), Quiet: wait.Notified, Limit: wait.Limit,
	})
}

func (c Notified) decide(d *decision) error {
	if c.Task == "" && len(d.ev.w.Holds) == 0 || c.Task != "" && (d.ev.w.Task(c.Task) == nil || d.ev.w.Task(c.Task).Wait == nil) {
		return fmt.Errorf("nothing waits there: %w", ErrNotAllowed)
	}
	d.emit(WaitNotified, c.Task, 0, NotifiedData{At: d.now})
	return nil
}

func (c Cancel) decide(d *decision) error {
	for _, a := range d.ev.w.OpenActivities() {
		if err := d.stop(a, "cancelled"); err != nil {
			return err
		}
	}
	d.emit(WorkflowCancelled, "", 0, ReasonData(c))
	return nil
}
