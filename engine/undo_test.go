package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/wrapix/wrapix/engine"
)

// undoOf is what the log says that an undo has to take back.
func undoOf(l *life, task engine.TaskID, attempt int) engine.Undo {
	id := engine.AttemptID{Task: task, Number: attempt}
	tasks, _ := engine.AttemptedSince(l.log, id)
	return engine.Undo{ID: id, Tasks: tasks, Snapshot: "s0", Before: "s1"}
}

func TestUndoOpensWhatLosesItsWork(t *testing.T) {
	l := begun(t, 1, engine.Limits{}, planned("T1", 1), planned("T2", 1, "T1"), planned("T3", 1), planned("T4", 1, "T2"))
	for range 2 { // T1 and T2
		l.step(t, claims)
		l.step(t, passes)
	}
	l.must(t, engine.Skip{Task: "T3"})
	l.step(t, asks) // T4
	l.refused(t, engine.ErrNotFound, undoOf(l, "T2", 9))
	l.refused(t, engine.ErrNotFound, engine.Undo{ID: engine.AttemptID{Task: "T9", Number: 1}})
	l.refused(t, engine.ErrNotFound, engine.Undo{ID: engine.AttemptID{Task: "T2", Number: 1, Check: 1}})
	l.refused(t, engine.ErrNotAllowed, engine.Undone{})

	seq := len(l.log)
	l.must(t, undoOf(l, "T2", 1))
	want := []string{"workflow.resumed", "undo.begun T2", "task.reopened T2", "task.reopened T4", "wait.left T4", "task.ready T2"}
	if got := l.types(seq); !slices.Equal(got, want) {
		t.Errorf("it comes to %v", got)
	}
	l.want(t, engine.PutBack, "T2")
	l.task(t, "T1", engine.TaskDone, "true")
	l.task(t, "T2", engine.TaskReady, "unknown")
	l.task(t, "T3", engine.TaskSkipped, "unknown")
	l.task(t, "T4", engine.TaskPending, "unknown")
	l.refused(t, engine.ErrNotAllowed, engine.Intend{Task: "T2"})
	l.must(t, engine.Undone{Before: "s2", Changed: 1})
	if id := l.step(t, claims); id.Number != 2 {
		t.Errorf("the number of %s was used before", id)
	}
}

func TestUndoFromTheLastCheck(t *testing.T) {
	l := begun(t, 1, engine.Limits{}, planned("T1", 1))
	l.step(t, claims)
	l.step(t, passes)
	l.step(t, fails) // the criteria
	l.state(t, engine.Verifying)
	l.must(t, engine.Intend{Task: engine.CriteriaTask})
	l.refused(t, engine.ErrNotAllowed, undoOf(l, "T1", 1)) // something runs
	l.must(t, engine.Finish{ID: l.w.Criteria.Open.ID, Outcome: blocks})
	l.must(t, undoOf(l, "T1", 1))
	l.state(t, engine.Running)
	l.task(t, engine.CriteriaTask, engine.TaskPending, "unknown")
	l.must(t, engine.Undone{Before: "s2"})
	l.step(t, claims)
	l.step(t, passes)
	l.want(t, engine.RunCheck, engine.CriteriaTask) // checked first, as if nothing had been
	l.step(t, passes)
	l.state(t, engine.Done)
	l.refused(t, engine.ErrEnded, undoOf(l, "T1", 1))
}

func TestNothingIsDoneBeforeTheFilesAreBack(t *testing.T) {
	l := begun(t, 0, engine.Limits{}, planned("T1", 1), planned("T2", 1, "T1"))
	l.step(t, claims)
	l.step(t, passes)
	l.must(t, undoOf(l, "T1", 1))
	l.must(t, engine.Skip{Task: "T1"})
	l.must(t, engine.Skip{Task: "T2"})
	l.state(t, engine.Verifying)
	l.must(t, engine.Pause{})
	l.want(t, engine.PutBack, "T1") // also while it is paused: the person asked for it
	l.must(t, engine.Undone{Before: "s2"})
	l.state(t, engine.Done)
}

// TestUndoSurvivesAnyDeath kills the process at every place of an undo: the next one puts the files back before it does
// anything else.
func TestUndoSurvivesAnyDeath(t *testing.T) {
	script := func(w engine.Workflow, a engine.Activity) engine.Outcome {
		if a.Phase == engine.PhaseVerify {
			return checked(true)
		}
		return claims
	}
	for at := 1; ; at++ {
		h := newHost(t, script)
		var id engine.WorkflowID
		err, _ := h.process(func(r *engine.Runner) error {
			w, err := r.Start(h.ctx, night())
			for id = w.ID; err == nil && (w.Task("T1") == nil || w.Task("T1").State != engine.TaskDone); {
				w, _, err = r.Advance(h.ctx, w)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		h.places, h.at, h.mishap = 0, at, kill
		err, dead := h.process(func(r *engine.Runner) error {
			w, err := r.Do(h.ctx, id, engine.Undo{ID: engine.AttemptID{Task: "T1", Number: 1}, Tasks: []engine.TaskID{"T1"}, Snapshot: "s0", Before: "s1"})
			if err == nil {
				_, err = r.PutBack(h.ctx, w)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		h.at = 0
		if err, _ = h.process(func(r *engine.Runner) error {
			w, err := r.Store.Load(h.ctx, id)
			if err == nil {
				_, err = r.Loop(h.ctx, w)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		w, log := h.events(id)
		var begun, back, again int
		for i, e := range log {
			switch {
			case e.Type == engine.UndoBegun:
				begun = i
			case e.Type == engine.UndoFinished:
				back = i
			case e.Type == engine.AttemptIntended && e.Task == "T1" && e.Attempt == 2:
				again = i
			}
		}
		if begun > 0 && (back < begun || again < back || len(h.undone) == 0) || begun == 0 && len(h.undone) > 0 {
			t.Fatalf("killed at %s: begun %d, back %d, tried again %d; files %v; it is %s", h.last, begun, back, again, h.undone, w.State)
		}
		if !dead {
			return
		}
	}
}

func TestLimitsThatStay(t *testing.T) {
	l := begun(t, 0, engine.Limits{MaxAttempts: 3}, planned("T1", 1))
	l.must(t, engine.Configure{
		Limits: engine.Limits{MaxAttempts: 3, MaxCostUSD: 1}, Over: engine.Limits{MaxCostUSD: 5}, Given: []engine.LimitKey{"max_cost_usd"},
	})
	l.must(t, engine.Configure{Limits: engine.Limits{MaxAttempts: 4, MaxCostUSD: 1}}) // the next run
	if got := l.w.Limits; got != (engine.Limits{MaxAttempts: 4, MaxCostUSD: 5}) {
		t.Errorf("the limits are %+v", got)
	}
	for key, value := range map[engine.LimitKey]string{"max_cost_usd": "5", "max_tokens": "7", "no_such": "1", "on_blocked": "skip", "max_attempts": "many"} {
		l.refused(t, engine.ErrNotAllowed, engine.RaiseLimits{To: map[engine.LimitKey]string{key: value, "max_attempts": "9"}})
	}
	l.must(t, engine.RaiseLimits{To: map[engine.LimitKey]string{"max_cost_usd": "6.5", "max_attempts": "9"}})
	l.must(t, engine.SetLimits{Limits: engine.Limits{MaxAttempts: 9, MaxCostUSD: 6.5, MaxTime: time.Hour}})
	l.must(t, engine.Configure{Limits: engine.Limits{MaxAttempts: 1}})
	if got := l.w.Limits; got != (engine.Limits{MaxAttempts: 9, MaxCostUSD: 6.5, MaxTime: time.Hour}) {
		t.Errorf("the limits are %+v", got)
	}
	l.refused(t, engine.ErrNotAllowed, engine.SetLimits{Limits: engine.Limits{OnBlocked: "maybe"}})
}

func TestLimitOfADayEndsWithIt(t *testing.T) {
	l := begun(t, 0, engine.Limits{MaxIterationsPerDay: 1, MaxCostUSD: 0.9}, planned("T1", 1), planned("T2", 1))
	l.step(t, claims)
	l.step(t, passes)
	l.state(t, engine.BudgetSpent)
	midnight := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	if until := l.w.Wakes(); !until.Equal(midnight) {
		t.Fatalf("it waits until %v", until)
	}
	if wait := l.w.Waiting(); wait.Limit != "max_iterations_per_day" || wait.Message != "1 iterations done on 2026-03-01 UTC (max_iterations_per_day = 1)" {
		t.Errorf("it waits for %+v", wait)
	}
	if enough := l.w.Enough("max_iterations_per_day", at(l.w.Seq)); enough != "2" {
		t.Errorf("%s would be enough", enough)
	}
	if early, err := engine.Decide(l.w, engine.Wake{}, midnight.Add(-1)); err != nil || len(early) > 0 {
		t.Errorf("woken too early: %v, %v", early, err)
	}
	l.skew += midnight.Sub(at(l.w.Seq).Add(l.skew))
	l.must(t, engine.Wake{})
	l.want(t, engine.RunAttempt, "T2")
	l.step(t, claims)
	if l.w.Today.Iterations != 1 || l.w.Iterations != 2 || !l.w.Today.Start.Equal(midnight) {
		t.Errorf("on this day: %+v; in all %d", l.w.Today, l.w.Iterations)
	}
	l.step(t, fails)
	if wait := l.w.Waiting(); wait == nil || wait.Limit != "max_cost_usd" || !wait.Until.IsZero() { // both, and this one does not end
		t.Errorf("it waits for %+v", wait)
	}
}

func TestWhatBecomesOfABlockedTask(t *testing.T) {
	l := begun(t, 0, engine.Limits{OnBlocked: engine.BlockedSkips}, planned("T1", 1), planned("T2", 1, "T1"))
	l.step(t, blocks)
	l.task(t, "T1", engine.TaskSkipped, "unknown")
	stalls := silent
	stalls.Tree = "a"
	for range 3 {
		l.step(t, stalls)
	}
	l.task(t, "T2", engine.TaskSkipped, "unknown")
	l.state(t, engine.Done)

	l = begun(t, 1, engine.Limits{OnBlocked: engine.BlockedSkips}, planned("T1", 0))
	l.step(t, claims)
	l.step(t, fails)
	l.step(t, blocks)
	l.state(t, engine.Blocked) // nothing goes on without the criteria

	l = begun(t, 0, engine.Limits{OnBlocked: engine.BlockedFails}, planned("T1", 1), planned("T2", 1))
	l.must(t, engine.Intend{Task: "T2"})
	l.step(t, blocks)
	l.state(t, engine.Failed)
	if open := l.w.OpenActivities(); len(open) > 0 || len(l.w.Waits()) > 0 {
		t.Errorf("it failed, and yet: %v, %v", open, l.w.Waits())
	}
	l.refused(t, engine.ErrEnded, engine.Retry{Task: "T1"})
}

func TestInterruptedAttemptsCost(t *testing.T) {
	l := begun(t, 0, engine.Limits{MaxCostUSD: 1}, planned("T1", 1))
	for range 2 {
		l.must(t, engine.Intend{Task: "T1"})
		l.must(t, engine.Interrupt{ID: l.w.Task("T1").Open.ID, Usage: engine.Usage{CostUSD: 0.5, Tokens: 7, Spent: time.Minute}})
	}
	l.state(t, engine.BudgetSpent)
	if l.w.CostUSD != 1 || l.w.Tokens != 14 || l.w.Spent != 2*time.Minute || l.w.Iterations != 0 || l.w.Today.CostUSD != 1 {
		t.Errorf("it cost %+v", l.w)
	}
}

func TestClockPutBackGivesNoTime(t *testing.T) {
	l := begun(t, 0, engine.Limits{}, planned("T1", 1))
	l.must(t, engine.Intend{Task: "T1"})
	l.must(t, engine.Interrupt{ID: engine.AttemptID{Task: "T1", Number: 1}, Usage: engine.Usage{Spent: -time.Hour, CostUSD: 1}})
	o := claims
	o.Started = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	o.Finished = o.Started.Add(-time.Hour)
	l.step(t, o)
	if l.w.Spent != 0 || l.w.CostUSD < 1 {
		t.Errorf("%v and %v USD are used", l.w.Spent, l.w.CostUSD)
	}
}

func TestCommitIsProgress(t *testing.T) {
	l := begun(t, 0, engine.Limits{}, planned("T1", 1))
	for _, head := range []string{"c1", "c1", "c2", "c2"} {
		o := silent
		o.Tree, o.Head = "a", head
		l.step(t, o)
	}
	l.task(t, "T1", engine.TaskReady, "unknown")
	o := silent
	o.Tree, o.Head = "a", "c2"
	l.step(t, o)
	l.task(t, "T1", engine.TaskBlocked, "unknown")
}
