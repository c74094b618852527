package engine_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/wrapix/wrapix/engine"
)

func TestPause(t *testing.T) {
	l := begun(t, 0, engine.Limits{}, planned("T1", 1), planned("T2", 1))
	l.must(t, engine.Intend{Task: "T1"})
	l.must(t, engine.Pause{})
	l.refused(t, engine.ErrNotAllowed, engine.Pause{})
	l.state(t, engine.Running) // what runs goes on to its end
	l.must(t, engine.Finish{ID: l.w.Task("T1").Open.ID, Outcome: claims})
	l.state(t, engine.Paused)
	l.want(t, engine.Nothing, "")
	l.refused(t, engine.ErrNotAllowed, engine.Intend{Task: "T2"})
	l.must(t, engine.Unpause{})
	l.state(t, engine.Running)
	l.want(t, engine.RunCheck, "T1")
	l.must(t, engine.Unpause{}) // again changes nothing
}

func TestSkip(t *testing.T) {
	l := begun(t, 0, engine.Limits{MaxAttempts: 1}, planned("T1", 1), planned("T2", 1, "T1"), planned("T3", 1))
	l.step(t, claims)
	l.step(t, fails)
	l.task(t, "T1", engine.TaskFailed, "false")
	l.must(t, engine.Skip{Task: "T1"})
	l.task(t, "T1", engine.TaskSkipped, "false")
	l.task(t, "T2", engine.TaskReady, "unknown") // goes on without it
	l.must(t, engine.Intend{Task: "T2"})
	l.must(t, engine.Skip{Task: "T2"}) // while it runs
	l.task(t, "T2", engine.TaskSkipped, "unknown")
	if open := l.w.OpenActivities(); len(open) != 0 {
		t.Errorf("a skipped task runs on: %v", open)
	}
	l.refused(t, engine.ErrNotAllowed, engine.Skip{Task: "T2"})
	l.refused(t, engine.ErrNotAllowed, engine.Skip{Task: engine.CriteriaTask})
	l.refused(t, engine.ErrNotFound, engine.Skip{Task: "T9"})
	l.step(t, claims)
	l.must(t, engine.Skip{Task: "T3"}) // between its claim and its check
	l.state(t, engine.Done)
}

func TestSkippingTheLastWaitEndsIt(t *testing.T) {
	l := begun(t, 0, engine.Limits{}, planned("T1", 1))
	l.step(t, engine.Outcome{Signal: engine.SignalBlocked, Message: "no key"})
	l.state(t, engine.Blocked)
	l.must(t, engine.Skip{Task: "T1"})
	l.state(t, engine.Done)
}

func TestFaultsBackOff(t *testing.T) {
	l := begun(t, 0, engine.Limits{MaxAttempts: 1}, planned("T1", 1))
	var last time.Duration
	for n := 1; n <= 10; n++ {
		l.must(t, engine.Intend{Task: "T1"})
		l.must(t, engine.Interrupt{ID: l.w.Task("T1").Open.ID, Reason: "no engine", Fault: true})
		l.state(t, engine.RateLimited)
		pause := l.w.Wakes().Sub(l.w.Updated)
		if pause < last || pause > 5*time.Minute {
			t.Errorf("after %d faults it waits %v, before that %v", n, pause, last)
		}
		last = pause
		now := l.w.Wakes()
		if early, err := engine.Decide(l.w, engine.Wake{}, now.Add(-1)); err != nil || len(early) > 0 {
			t.Errorf("woken too early: %v, %v", early, err)
		}
		events, err := engine.Decide(l.w, engine.Wake{}, now)
		if err != nil {
			t.Fatal(err)
		}
		if l.w, err = engine.Evolve(l.w, events...); err != nil || l.w.State != engine.Running {
			t.Fatalf("woken at the time it is %s, %v", l.w.State, err)
		}
	}
	if l.w.Task("T1").Failures != 0 {
		t.Error("the host's faults count as the task's")
	}
	l.step(t, claims)
	if l.w.Faults != 0 {
		t.Error("faults are counted on after a success")
	}
}

// TestLoopSitsOutFaults holds that the loop waits for the time it set itself and then goes on by itself, and that what
// only a person can mend is not tried again.
func TestLoopSitsOutFaults(t *testing.T) {
	h := newHost(t, nil)
	err, _ := h.process(func(r *engine.Runner) error {
		slept := 0
		r.Sleep = func(context.Context, time.Time) error { slept++; return nil }
		faults := 3
		r.Steps = faultySteps{&faults, errors.New("the container engine does not answer")}
		w, err := r.Start(h.ctx, night())
		if err != nil {
			return err
		}
		if w, err = r.Loop(h.ctx, w); err != nil || w.Task("T1").Attempts != 4 || slept != 3 {
			t.Errorf("after 3 faults: %s, %d attempts, slept %d times, %v", w.State, w.Task("T1").Attempts, slept, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	h = newHost(t, nil)
	err, _ = h.process(func(r *engine.Runner) error {
		r.Sleep = func(context.Context, time.Time) error { t.Error("it waits"); return nil }
		faults := 3
		r.Steps = faultySteps{&faults, &engine.Hint{Err: errors.New("no such image"), Try: "make one"}}
		w, err := r.Start(h.ctx, night())
		if err != nil {
			return err
		}
		_, err = r.Loop(h.ctx, w)
		return err
	})
	var hint *engine.Hint
	if !errors.As(err, &hint) {
		t.Errorf("what a person can mend: %v", err)
	}
}

// TestCommandWakesTheLoop holds that a command does not have to wait for the loop's sleep, and that a pause ends a loop
// that waits for a time to come: that time would change nothing.
func TestCommandWakesTheLoop(t *testing.T) {
	for _, c := range []engine.Command{engine.Cancel{Reason: "enough"}, engine.Pause{}} {
		h := newHost(t, nil)
		err, _ := h.process(func(r *engine.Runner) error {
			asleep := make(chan struct{})
			r.Sleep = func(ctx context.Context, _ time.Time) error {
				close(asleep)
				<-ctx.Done()
				return ctx.Err()
			}
			faults := 1
			r.Steps = faultySteps{&faults, errors.New("the container engine does not answer")}
			w, err := r.Start(h.ctx, night())
			if err != nil {
				return err
			}
			ended := make(chan error, 1)
			go func() {
				_, err := r.Loop(h.ctx, w)
				ended <- err
			}()
			<-asleep
			if w, err = r.Do(h.ctx, w.ID, c); err != nil || !r.Leaves(w) {
				t.Errorf("%T: %s, %v", c, w.State, err)
			}
			return <-ended
		})
		if err != nil {
			t.Errorf("%T: %v", c, err)
		}
	}
}

// faultySteps cannot run so many activities, and then asks.
type faultySteps struct {
	left *int
	err  error
}

func (f faultySteps) Run(context.Context, engine.Workflow, engine.Activity) (engine.Outcome, error) {
	if *f.left--; *f.left >= 0 {
		return engine.Outcome{}, f.err
	}
	return engine.Outcome{Signal: engine.SignalClarify, Message: "and now?"}, nil
}

func (f faultySteps) Resume(context.Context, engine.Workflow, engine.Activity) (engine.Outcome, error) {
	return engine.Outcome{}, engine.ErrLost
}

func (faultySteps) Release(context.Context, engine.WorkflowID, engine.Activity) error { return nil }

func (faultySteps) Undo(context.Context, engine.Undoing) (engine.Undone, error) {
	return engine.Undone{}, nil
}

func (faultySteps) Sweep(context.Context, engine.WorkflowID, []engine.Activity) error { return nil }

// TestNoProgressBlocks holds that attempts which change nothing and fail the same way end before the budget does.
func TestNoProgressBlocks(t *testing.T) {
	l := begun(t, 0, engine.Limits{MaxAttempts: 9}, planned("T1", 1))
	attempt := func(tree string) {
		o := claims
		o.Tree = tree
		l.step(t, o)
		l.step(t, fails)
	}
	attempt("a")
	attempt("a")
	attempt("b") // it did something
	attempt("b")
	l.task(t, "T1", engine.TaskReady, "false")
	attempt("b")
	l.task(t, "T1", engine.TaskBlocked, "false")
	l.state(t, engine.Blocked)
	l.must(t, engine.Retry{Task: "T1"}) // all its attempts again
	attempt("b")
	attempt("b")
	l.task(t, "T1", engine.TaskReady, "false")
	attempt("b")
	l.task(t, "T1", engine.TaskBlocked, "false")
	l.must(t, engine.Reply{Task: "T1", Text: "look at the other file"})
	l.state(t, engine.Running)
	attempt("")
	attempt("")
	attempt("") // nothing is known of what it left
	l.task(t, "T1", engine.TaskReady, "false")
}

// TestLoopStays holds that a loop which stays waits for a person, tells again when it is time and no sooner, also after
// a restart, and goes on when a person helped, however close to the moment that it tells them.
func TestLoopStays(t *testing.T) {
	h := newHost(t, func(w engine.Workflow, a engine.Activity) engine.Outcome {
		if len(w.Task("T1").Answers) == 0 {
			return asks
		}
		o := checked(true)
		o.Signal = engine.SignalComplete
		return o
	})
	var last time.Time
	stay := func(r *engine.Runner, sleep func(until time.Time)) error {
		r.Stay, r.Again = true, 2*time.Hour
		r.Sleep = func(ctx context.Context, until time.Time) error {
			sleep(until)
			return ctx.Err()
		}
		spec := night()
		spec.Source.Tasks = []engine.PlannedTask{planned("T1", 1)}
		w, err := r.Store.Load(h.ctx, spec.ID)
		if errors.Is(err, engine.ErrNotFound) {
			w, err = r.Start(h.ctx, spec)
		}
		if err == nil {
			w, err = r.Loop(h.ctx, w)
		}
		if err == nil && w.State != engine.Done {
			t.Errorf("the loop ended, and it is %s", w.State)
		}
		return err
	}
	err, dead := h.process(func(r *engine.Runner) error {
		return stay(r, func(until time.Time) { last = until; panic(died{"asleep"}) })
	})
	if err != nil || !dead || len(h.told) != 1 {
		t.Fatalf("asleep: %v; told %d times", err, len(h.told))
	}
	slept := 0
	err, _ = h.process(func(r *engine.Runner) error {
		return stay(r, func(until time.Time) {
			switch slept++; {
			case slept == 1 && (!until.Equal(last) || len(h.told) != 1):
				t.Errorf("after the restart it sleeps until %v, not %v; told %d times", until, last, len(h.told))
			case slept == 2 && (!until.After(last) || len(h.told) != 2):
				t.Errorf("then it sleeps until %v; told %d times", until, len(h.told))
			case slept == 2:
				if _, err := r.Do(h.ctx, "w1", engine.Reply{Task: "T1", Text: "blue"}); err != nil {
					t.Error(err)
				}
				return
			case slept > 2:
				t.Fatal("it does not go on")
			}
			h.minutes = int(until.Sub(noon) / time.Minute)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(h.told) != 2 {
		t.Errorf("told %d times", len(h.told))
	}
}

// TestWaitThatEndsWhileItIsTold holds that a person may be quicker than the record of having told them.
func TestWaitThatEndsWhileItIsTold(t *testing.T) {
	h := newHost(t, func(w engine.Workflow, a engine.Activity) engine.Outcome { return blocks })
	err, _ := h.process(func(r *engine.Runner) error {
		r.Notifier = quick{r}
		w, err := r.Start(h.ctx, night())
		if err == nil {
			w, err = r.Loop(h.ctx, w)
		}
		if err == nil && w.Task("T1").State != engine.TaskSkipped {
			t.Errorf("T1 is %s", w.Task("T1").State)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// quick is a person who skips what they are told of at once.
type quick struct{ r *engine.Runner }

func (q quick) Notify(ctx context.Context, n engine.Notification) {
	_, _ = q.r.Do(ctx, n.Workflow, engine.Skip{Task: n.Task})
}
