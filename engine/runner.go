package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/wrapix/wrapix/internal/failpoint"
)

// Runner is the imperative shell around Decide and Evolve: it appends what was decided, performs what was announced,
// and appends how that ended. It is the only writer of its store.
//
// One goroutine advances a workflow. Others may call Do meanwhile, with what a person wants: commands are decided one
// after the other, each on what those before it left, and an activity that a command ends is stopped.
type Runner struct {
	Store    Store
	Steps    Steps
	Notifier Notifier
	Clock    Clock
	Hooks    Hooks // nil: none
	// Sleep returns at the wall clock's time, when that clock was set, or with an error when ctx ends before. Where it is
	// nil, Loop does not wait for a wait that ends by itself, but returns.
	Sleep func(ctx context.Context, until time.Time) error
	// Again is after which time a person is told again of a wait that goes on; zero is never.
	Again time.Duration
	// Stay makes Loop wait for a person too, for as long as it takes. It needs Sleep.
	Stay bool
	// Observe is told of every event after it is durable, in order. It may be nil, and must not call the Runner.
	Observe func(Workflow, []Event)

	mu      sync.Mutex
	last    Workflow // the workflow that was worked on last, as the store holds it
	running map[activityOf]runs
	begun   bool               // a loop's first hook let it begin; of the goroutine that advances
	left    bool               // a sandbox could not be removed; of the goroutine that advances
	wakeUp  context.CancelFunc // ends the sleep of Loop; nil while it does not sleep
}

// activityOf names an activity among those of all workflows.
type activityOf struct {
	workflow WorkflowID
	id       AttemptID
}

// runs is an activity under way: what ends it, and when it began by this process's clock, whatever the one on the wall was
// set to since.
type runs struct {
	stop  context.CancelFunc
	begun time.Time
}

// Do decides the command on the workflow as the store holds it, and returns the workflow after it.
func (r *Runner) Do(ctx context.Context, id WorkflowID, c Command) (Workflow, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w, err := r.load(ctx, id)
	if err != nil {
		return w, err
	}
	return r.decide(ctx, w, c)
}

// Start makes a new workflow.
func (r *Runner) Start(ctx context.Context, c Start) (Workflow, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.decide(ctx, Workflow{}, c)
}

// current returns the workflow as the store holds it.
func (r *Runner) current(ctx context.Context, id WorkflowID) (Workflow, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.load(ctx, id)
}

// load spares reading thousands of tasks for each event: nobody else writes to the store.
func (r *Runner) load(ctx context.Context, id WorkflowID) (Workflow, error) {
	if r.last.ID == id && id != "" {
		return r.last, nil
	}
	return r.Store.Load(ctx, id)
}

func (r *Runner) decide(ctx context.Context, w Workflow, c Command) (Workflow, error) {
	now, ran := r.Clock.Now(), map[AttemptID]time.Duration{}
	for a, activity := range r.running {
		if a.workflow == w.ID {
			ran[a.id] = now.Sub(activity.begun)
		}
	}
	next, events, err := decide(w, c, now, ran)
	if err != nil || len(events) == 0 {
		return w, err
	}
	if err := r.Store.Append(ctx, w, next, events); err != nil {
		r.last = Workflow{}
		return w, fmt.Errorf("record %s: %w", events[0].Type, err)
	}
	r.last = next
	for a, activity := range r.running {
		if a.workflow == next.ID && !next.isOpen(a.id) {
			activity.stop()
		}
	}
	if r.wakeUp != nil {
		r.wakeUp()
	}
	if r.Observe != nil {
		r.Observe(next, events)
	}
	return next, nil
}

// Recover looks after every activity that was announced and has no outcome: one that still runs is followed to its
// end, one that ended is finished from its record, and of all others the attempt is recorded as interrupted. Sandboxes
// that belong to nothing are removed, those of a workflow that has ended too: the process may have died between the
// last outcome and the removal.
func (r *Runner) Recover(ctx context.Context, w Workflow) (_ Workflow, err error) {
	defer func() { err = stopped(ctx, err) }()
	if err := r.Steps.Sweep(ctx, w.ID, w.OpenActivities()); err != nil {
		return w, fmt.Errorf("remove left-over sandboxes: %w", err)
	}
	r.left = false
	if w, err = r.wake(ctx, w); err != nil {
		return w, err
	}
	failpoint.Here("swept")
	for _, a := range w.OpenActivities() {
		if w, err = r.conclude(ctx, w, a, r.Steps.Resume); err != nil {
			return w, err
		}
	}
	return w, nil
}

// Advance does the next thing of the workflow, if there is one, and says what it was. An activity that could not be
// run, or was stopped because ctx ended, is recorded as interrupted and its error returned.
func (r *Runner) Advance(ctx context.Context, w Workflow) (_ Workflow, action Action, err error) {
	defer func() { err = stopped(ctx, err) }()
	if w, err = r.current(ctx, w.ID); err != nil {
		return w, action, err
	}
	action = Next(w)
	switch action.Kind {
	case PassPlan:
		w, err = r.Do(ctx, w.ID, SkipPlan{})
	case PassTasks:
		w, err = r.Do(ctx, w.ID, TakeTasks{})
	case InFlight:
		return w, action, hintf("ralph loop", "%s runs already and was not taken up: %w", action.Task, ErrNotAllowed)
	case RunHook:
		w, err = r.runDue(ctx, w)
	case PutBack:
		w, err = r.PutBack(ctx, w)
	case RunAttempt, RunCheck:
		if action.Kind == RunAttempt {
			if w, err = r.beforeStep(ctx, w, action.Task); err == nil && Next(w) != action { // it is not to begin now
				break
			}
		}
		if err != nil {
			break
		}
		if w, err = r.Do(ctx, w.ID, Intend{Task: action.Task}); err == nil {
			failpoint.Here("intended")
			w, err = r.conclude(ctx, w, *w.Task(action.Task).Open, r.begin)
		}
	}
	if errors.Is(err, ErrNotAllowed) || errors.Is(err, ErrEnded) {
		// A command may have come between the look at what is next and the deed: then something else is next.
		if now, loadErr := r.current(ctx, w.ID); loadErr == nil && Next(now) != action {
			w, err = now, nil
		}
	}
	if err != nil {
		return w, action, err
	}
	w, err = r.notify(ctx, w)
	return w, action, err
}

// Loop recovers the workflow and then does all that can be done, until it waits for a person or has ended. It sits out
// waits that end by themselves, and faults of the host as long as it is likely to help.
func (r *Runner) Loop(ctx context.Context, w Workflow) (Workflow, error) {
	w, err := r.loop(ctx, w)
	if left := r.clear(context.WithoutCancel(ctx), w); left != nil {
		err = errors.Join(err, left)
	}
	return w, err
}

func (r *Runner) loop(ctx context.Context, w Workflow) (Workflow, error) {
	w, err := r.Recover(ctx, w)
	if err == nil {
		w, err = r.notify(ctx, w)
	}
	for err == nil {
		until := w.Wakes()
		switch {
		case ctx.Err() != nil:
			return w, ErrStopped
		case Next(w).Kind != Nothing && !r.begun:
			w, err = r.beforeLoop(ctx, w)
			err = stopped(ctx, err)
		case Next(w).Kind != Nothing:
			w, _, err = r.Advance(ctx, w)
			if r.Sleep != nil && Passes(w, err) {
				w, err = r.notify(ctx, w)
			} else if left := (*leftError)(nil); errors.As(err, &left) { // removed before anything else runs, or at the end
				w, err = r.notify(ctx, w)
			}
		case r.Leaves(w):
			return w, nil
		default:
			if tell := r.tellsAgain(w); until.IsZero() || !tell.IsZero() && tell.Before(until) {
				until = tell
			}
			if w, err = r.sleep(ctx, w, until); err == nil && ctx.Err() == nil {
				w, err = r.notify(ctx, w)
			}
		}
	}
	return w, err
}

// Leaves says whether Loop finds nothing to do in the workflow, and waits for nothing in it.
func (r *Runner) Leaves(w Workflow) bool {
	return len(w.OpenActivities()) == 0 && Next(w).Kind == Nothing && (r.Sleep == nil || Rests(w) && (!r.Stay || w.State.Ended() || w.needsStart()))
}

// sleep waits until a time, or until a command comes. The zero time never comes.
func (r *Runner) sleep(ctx context.Context, w Workflow, until time.Time) (Workflow, error) {
	r.mu.Lock()
	seen, err := r.load(ctx, w.ID)
	if err != nil || seen.Seq != w.Seq { // a command came already
		r.mu.Unlock()
		return seen, err
	}
	asleep, cancel := context.WithCancel(ctx)
	r.wakeUp = cancel
	r.mu.Unlock()
	if until.IsZero() {
		<-asleep.Done()
	} else {
		_ = r.Sleep(asleep, until) // however it ended: Wake looks at the time, and Loop at ctx
	}
	r.mu.Lock()
	r.wakeUp = nil
	r.mu.Unlock()
	cancel()
	return r.wake(context.WithoutCancel(ctx), w)
}

// wake ends the waits whose time has come.
func (r *Runner) wake(ctx context.Context, w Workflow) (Workflow, error) {
	w, err := r.current(ctx, w.ID)
	if err != nil || w.Wakes().IsZero() {
		return w, err
	}
	return r.Do(ctx, w.ID, Wake{})
}

// begin performs an activity from the beginning. What an earlier one left is removed before: it may still run, and there
// must never be two.
func (r *Runner) begin(ctx context.Context, w Workflow, a Activity) (Outcome, error) {
	if err := r.clear(ctx, w); err != nil {
		return Outcome{}, err
	}
	return r.Steps.Run(ctx, w, a)
}

// clear removes what could not be removed in its time.
func (r *Runner) clear(ctx context.Context, w Workflow) error {
	if !r.left {
		return nil
	}
	if err := r.Steps.Sweep(ctx, w.ID, w.OpenActivities()); err != nil {
		return fmt.Errorf("remove left-over sandboxes: %w", err)
	}
	r.left = false
	return nil
}

// leftError is a sandbox that could not be removed, after all else went well.
type leftError struct{ error }

func (e *leftError) Unwrap() error { return e.error }

type perform func(ctx context.Context, w Workflow, a Activity) (Outcome, error)

// conclude performs an announced activity, records how it ended, and only then releases its sandbox. What is recorded
// is recorded even when ctx has ended meanwhile.
func (r *Runner) conclude(ctx context.Context, w Workflow, a Activity, perform perform) (Workflow, error) {
	own, done := r.track(ctx, activityOf{w.ID, a.ID})
	outcome, err := perform(own, w, a)
	done()
	failpoint.Here("performed")
	var c Command = Finish{ID: a.ID, Outcome: outcome, PostStep: r.has(PostStep)}
	var shut *ShutError
	switch {
	case err == nil:
	case ctx.Err() != nil:
		c, err = Interrupt{ID: a.ID, Reason: ErrStopped.Error(), Session: outcome.Session, Model: outcome.Model, Usage: outcome.usage()}, ErrStopped
	case errors.Is(err, ErrUnfinished): // to record anything, and remove the sandbox, could lose what it does
		return w, &Hint{Err: fmt.Errorf("%s: %w", a.ID, err), Try: "ralph loop"}
	case errors.Is(err, ErrLost):
		c, err = Interrupt{ID: a.ID, Reason: err.Error(), Usage: outcome.usage()}, nil
	case errors.As(err, &shut): // no error: it is a wait, as others are
		c = Interrupt{ID: a.ID, Reason: shut.Message, Shut: shut, Session: outcome.Session, Model: outcome.Model, Usage: outcome.usage()}
		err = nil
	case NoRoom(err): // no fault to be counted: whoever called waits for room, or says so
		c, err = Interrupt{ID: a.ID, Reason: err.Error(), Usage: outcome.usage()}, fmt.Errorf("%s: %w", a.ID, err)
	default:
		var hint *Hint // what only a person can mend is not tried again
		fault := !errors.As(err, &hint)
		c = Interrupt{ID: a.ID, Reason: err.Error(), Fault: fault, Session: outcome.Session, Model: outcome.Model, Usage: outcome.usage()}
		if err = fmt.Errorf("%s: %w", a.ID, err); fault {
			err = &faultError{err}
		}
	}
	ctx = context.WithoutCancel(ctx)
	w, recordErr := r.Do(ctx, w.ID, c)
	switch {
	case recordErr == nil:
	case !w.isOpen(a.ID) && (errors.Is(recordErr, ErrNotAllowed) || errors.Is(recordErr, ErrEnded)):
		err = nil // a command that came meanwhile has recorded already how it ended
	default:
		return w, errors.Join(recordErr, err)
	}
	failpoint.Here("recorded")
	if releaseErr := r.Steps.Release(ctx, w.ID, a); releaseErr != nil {
		r.left = true
		releaseErr = fmt.Errorf("remove the sandbox of %s: %w", a.ID, releaseErr)
		if err == nil {
			return w, &leftError{releaseErr}
		}
		return w, errors.Join(releaseErr, err)
	}
	failpoint.Here("released")
	return w, err
}

// track returns the context under which an activity runs: it ends when a command ends the activity. The function stops
// the tracking; from then on no command can come in between.
func (r *Runner) track(ctx context.Context, a activityOf) (context.Context, func()) {
	own, cancel := context.WithCancel(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running == nil {
		r.running = map[activityOf]runs{}
	}
	r.running[a] = runs{stop: cancel, begun: r.Clock.Now()}
	return own, func() {
		r.mu.Lock()
		delete(r.running, a)
		r.mu.Unlock()
		cancel()
	}
}

// stopped makes one error of all that come about because ctx ended.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) && !errors.Is(err, ErrStopped) {
		return fmt.Errorf("%w (%w)", ErrStopped, err)
	}
	return err
}

// PutBack does what is left of an undo that was decided: the files go back, and that is recorded. A crash in between
// does it again; what the first time changed is in the snapshot that the undo began with.
func (r *Runner) PutBack(ctx context.Context, w Workflow) (Workflow, error) {
	if w.Undo == nil {
		return w, nil
	}
	failpoint.Here("undo-begun")
	undone, err := r.Steps.Undo(ctx, *w.Undo)
	if err != nil {
		return w, &Hint{Err: fmt.Errorf("put the files back to before %s: %w", w.Undo.ID, err), Try: "ralph loop"}
	}
	failpoint.Here("files-back")
	return r.Do(context.WithoutCancel(ctx), w.ID, undone)
}

// again is when a person is to be told of a wait again, or the zero time: never of one that ends by itself. A wait that
// was told of before that was recorded counts from its beginning. One that was told of in a time to come, because the
// clock was wrong then, is told of at once rather than not for as long.
func (r *Runner) again(wait OpenWait) time.Time {
	if r.Again == 0 || !wait.Until.IsZero() {
		return time.Time{}
	}
	told, now := wait.Told, r.Clock.Now()
	if told.IsZero() {
		told = wait.Since
	}
	if told.After(now.Add(r.Again)) {
		return now
	}
	return told.Add(r.Again)
}

// tellsAgain is when a person is next told again of something, or the zero time.
func (r *Runner) tellsAgain(w Workflow) time.Time {
	var first time.Time
	for _, wait := range w.Waits() {
		if t := r.again(wait); !t.IsZero() && wait.Notified && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// Cancel ends the workflow and removes the sandboxes of what ran.
func (r *Runner) Cancel(ctx context.Context, w Workflow, reason string) (Workflow, error) {
	w, err := r.Do(ctx, w.ID, Cancel{Reason: reason})
	if err != nil {
		return w, err
	}
	return w, r.Steps.Sweep(ctx, w.ID, nil)
}

// notify tells a person of each wait once, and again when it is time for that. A crash between telling and recording
// tells twice rather than never.
func (r *Runner) notify(ctx context.Context, w Workflow) (Workflow, error) {
	for _, wait := range w.Waits() {
		if again := r.again(wait); wait.Notified && (again.IsZero() || r.Clock.Now().Before(again)) {
			continue
		}
		r.Notifier.Notify(ctx, Notification{Workflow: w.ID, Label: w.Label, Task: wait.Task, Kind: wait.Kind, Message: wait.Message})
		failpoint.Here("notified")
		next, err := r.Do(ctx, w.ID, Notified{Task: wait.Task})
		if err != nil && !errors.Is(err, ErrNotAllowed) && !errors.Is(err, ErrEnded) {
			return w, err
		}
		w = next // after an error too: somebody ended the wait meanwhile
	}
	return w, nil
}
