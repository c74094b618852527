package engine_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/wrapix/wrapix/engine"
)

const year = 365 * 24 * time.Hour

// TestClockIsSetDuringAWait holds that a wait ends at its time by the clock on the wall, and lasts no longer than it is long
// once that clock turns out to have been ahead when it began: not a year, and not anew with each look.
func TestClockIsSetDuringAWait(t *testing.T) {
	l := begun(t, 0, engine.Limits{}, planned("T1", 1))
	l.skew = year // the clock is wrong
	l.must(t, engine.Intend{Task: "T1"})
	l.must(t, engine.Interrupt{ID: l.w.Task("T1").Open.ID, Reason: "no engine", Fault: true})
	l.state(t, engine.RateLimited)
	long := l.w.Wakes().Sub(l.w.Updated)

	l.skew = 0 // and is put right
	now := at(l.w.Seq)
	l.must(t, engine.Wake{})
	l.state(t, engine.RateLimited)
	if until := now.Add(long); !l.w.Wakes().Equal(until) {
		t.Errorf("it waits until %v, not %v", l.w.Wakes(), until)
	}
	if left, ok := l.log[len(l.log)-2].Data.(engine.WaitLeftData); !ok || left.By != "clock" {
		t.Errorf("why is not told: %+v", l.log[len(l.log)-2])
	}
	seq := l.w.Seq
	for _, d := range []time.Duration{0, long - 1} { // restarts
		events, err := engine.Decide(l.w, engine.Wake{}, now.Add(d))
		if err != nil || len(events) > 0 {
			t.Errorf("after %v: %v, %v", d, events, err)
		}
	}
	if l.w.Seq != seq {
		t.Error("a look changes it")
	}
	for _, d := range []time.Duration{long, year} { // a clock that is put forward ends it
		events, err := engine.Decide(l.w, engine.Wake{}, now.Add(d))
		if err != nil || len(events) == 0 {
			t.Errorf("after %v: %v, %v", d, events, err)
		}
	}
}

// TestClockIsSetBackBeforeADay holds that the budget of a day that has not come yet binds nobody, and is not told as a
// wait that began anew.
func TestClockIsSetBackBeforeADay(t *testing.T) {
	l := begun(t, 0, engine.Limits{MaxIterationsPerDay: 1}, planned("T1", 1))
	l.skew = year
	l.step(t, engine.Outcome{Failed: "no"})
	l.state(t, engine.BudgetSpent)
	l.skew = 0
	l.must(t, engine.Wake{})
	l.state(t, engine.Running)
	if last := l.log[len(l.log)-1]; last.Type == engine.WaitEntered {
		t.Errorf("it waits again: %+v", last)
	}
}

// TestTimesGoBackwards holds that events stay in their order, and nothing is given back, when the clock is set back.
func TestTimesGoBackwards(t *testing.T) {
	l := begun(t, 0, engine.Limits{MaxTime: time.Hour}, planned("T1", 1), planned("T2", 1))
	l.must(t, engine.Intend{Task: "T1"})
	l.skew = -year
	start := at(l.w.Seq)
	o := claims
	o.Started, o.Finished = start, start.Add(-year)
	l.must(t, engine.Finish{ID: l.w.Task("T1").Open.ID, Outcome: o})
	if l.w.Spent != 0 {
		t.Errorf("spent %v", l.w.Spent)
	}
	l.step(t, engine.Outcome{Checks: passes.Checks})
	l.must(t, engine.Intend{Task: "T2"})
	l.must(t, engine.Interrupt{ID: l.w.Task("T2").Open.ID, Usage: engine.Usage{Spent: -year}})
	l.must(t, engine.Intend{Task: "T2"})
	l.skew = -2 * year
	l.must(t, engine.Skip{Task: "T2"})
	if l.w.Spent != 0 {
		t.Errorf("spent %v", l.w.Spent)
	}
	l.state(t, engine.Done)
	for i, e := range l.log {
		if e.Seq != uint64(i+1) {
			t.Errorf("event %d has the number %d", i+1, e.Seq)
		}
	}
	var again engine.Workflow
	again, err := engine.Evolve(again, l.log...)
	if err != nil || whole(t, again) != whole(t, l.w) {
		t.Errorf("replayed: %v\n%s\n%s", err, whole(t, again), whole(t, l.w))
	}
}

// TestTimesAreOfTheWallClock holds that what is decided carries no reading of the clock that stands still while the
// machine sleeps: a wait that was over would go on, and the loop turn round and round, until that clock caught up.
func TestTimesAreOfTheWallClock(t *testing.T) {
	now := time.Now()
	if now == now.Round(0) {
		t.Fatal("the clock has no such reading")
	}
	_, events, err := engine.DecideNext(engine.Workflow{}, night(), now, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.Time != e.Time.Round(0) {
			t.Errorf("%s carries one", e.Type)
		}
	}
}

// TestLoopSleepsAnew holds that a loop whose sleep ended because the clock was set back sleeps for the rest, not for as long as
// the clock was wrong, and so does the next process.
func TestLoopSleepsAnew(t *testing.T) {
	h := newHost(t, nil)
	h.minutes = int(year / time.Minute)
	var until time.Time
	err, dead := h.process(func(r *engine.Runner) error {
		slept, faults := 0, 1
		r.Steps = faultySteps{&faults, errors.New("the container engine does not answer")}
		r.Sleep = func(_ context.Context, to time.Time) error {
			if slept++; slept == 1 {
				h.minutes = 0
				return nil
			}
			until = to
			panic(died{"asleep"})
		}
		w, err := r.Start(h.ctx, alone())
		if err == nil {
			_, err = r.Loop(h.ctx, w)
		}
		return err
	})
	if !dead || until.After(noon.Add(time.Hour)) {
		t.Fatalf("it sleeps until %v, %v", until, err)
	}
	err, _ = h.process(func(r *engine.Runner) error {
		faults := 0
		r.Steps = faultySteps{&faults, nil}
		r.Sleep = func(_ context.Context, to time.Time) error {
			if to.After(until) {
				t.Errorf("after the restart it sleeps until %v, not %v", to, until)
			}
			return nil
		}
		w, err := r.Store.Load(h.ctx, alone().ID)
		if err == nil {
			w, err = r.Loop(h.ctx, w)
		}
		if err == nil && w.State != engine.AwaitingAnswer {
			t.Errorf("it is %s", w.State)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestToldInATimeToCome holds that a person is told again of a wait that was told of with a wrong clock: at once, and
// then no sooner than is asked for.
func TestToldInATimeToCome(t *testing.T) {
	h := newHost(t, func(engine.Workflow, engine.Activity) engine.Outcome { return asks })
	h.minutes = int(year / time.Minute)
	_, _ = h.process(func(r *engine.Runner) error {
		w, err := r.Start(h.ctx, alone())
		if err == nil {
			_, err = r.Loop(h.ctx, w)
		}
		return err
	})
	if len(h.told) != 1 {
		t.Fatalf("told %d times", len(h.told))
	}
	h.minutes = 0
	err, _ := h.process(func(r *engine.Runner) error {
		r.Stay, r.Again = true, 2*time.Hour
		slept := 0
		ctx, stop := context.WithCancel(h.ctx)
		r.Sleep = func(ctx context.Context, until time.Time) error {
			if slept++; slept == 2 {
				if wait := until.Sub(noon); wait < 2*time.Hour || wait > 3*time.Hour {
					return fmt.Errorf("then it sleeps for %v", wait)
				}
				stop()
			}
			return ctx.Err()
		}
		w, err := r.Store.Load(h.ctx, night().ID)
		if err == nil {
			_, err = r.Loop(ctx, w)
		}
		if errors.Is(err, engine.ErrStopped) {
			err = nil
		}
		return err
	})
	if err != nil || len(h.told) != 2 {
		t.Errorf("told %d times, %v", len(h.told), err)
	}
}

// TestTimeOfWhatIsStopped holds that the time of an attempt that a command ends is measured where it ran, whatever the clock
// on the wall was set to meanwhile.
func TestTimeOfWhatIsStopped(t *testing.T) {
	h := newHost(t, nil)
	err, _ := h.process(func(r *engine.Runner) error {
		r.Clock = realClock{}
		r.Steps = hanging{func(w engine.Workflow) {
			if _, err := r.Do(h.ctx, w.ID, engine.Skip{Task: "T1"}); err != nil {
				t.Error(err)
			}
		}}
		w, err := r.Start(h.ctx, alone())
		if err == nil {
			w, err = r.Loop(h.ctx, w)
		}
		if w.Spent <= 0 || w.Spent > time.Hour {
			t.Errorf("spent %v", w.Spent)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// alone is a night with one task, and nothing to check after it.
func alone() engine.Start {
	spec := night()
	spec.Source.Tasks, spec.Source.Criteria = []engine.PlannedTask{planned("T1", 1)}, nil
	return spec
}

type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

// hanging runs until it is stopped.
type hanging struct{ during func(w engine.Workflow) }

func (s hanging) Run(ctx context.Context, w engine.Workflow, a engine.Activity) (engine.Outcome, error) {
	s.during(w)
	<-ctx.Done()
	return engine.Outcome{}, ctx.Err()
}

func (hanging) Resume(context.Context, engine.Workflow, engine.Activity) (engine.Outcome, error) {
	return engine.Outcome{}, engine.ErrLost
}

func (hanging) Release(context.Context, engine.WorkflowID, engine.Activity) error { return nil }

func (hanging) Undo(context.Context, engine.Undoing) (engine.Undone, error) {
	return engine.Undone{}, nil
}

func (hanging) Sweep(context.Context, engine.WorkflowID, []engine.Activity) error { return nil }
