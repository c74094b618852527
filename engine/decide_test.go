package engine_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wrapix/wrapix/engine"
)

// Each scenario tells a night from the first event to what a person finds in the morning.

func TestHappyPath(t *testing.T) {
	l := begun(t, 1, engine.Limits{}, planned("T1", 1), planned("T2", 1, "T1"))
	l.task(t, "T1", engine.TaskReady, "unknown")
	l.task(t, "T2", engine.TaskPending, "unknown")
	l.refused(t, engine.ErrNotAllowed, engine.Intend{Task: "T2"})

	l.want(t, engine.RunAttempt, "T1")
	if id := l.step(t, claims); id != (engine.AttemptID{Task: "T1", Number: 1}) {
		t.Errorf("the first attempt is %s", id)
	}
	l.state(t, engine.Running)
	l.task(t, "T1", engine.TaskVerifying, "unknown")
	l.task(t, "T2", engine.TaskPending, "unknown") // the agent's word is not enough

	l.want(t, engine.RunCheck, "T1")
	if id := l.step(t, passes); id != (engine.AttemptID{Task: "T1", Number: 1, Check: 1}) {
		t.Errorf("its check is %s", id)
	}
	l.task(t, "T1", engine.TaskDone, "true")
	l.task(t, "T2", engine.TaskReady, "unknown")
	l.step(t, claims)
	l.step(t, passes)
	l.state(t, engine.Verifying)

	l.want(t, engine.RunCheck, engine.CriteriaTask)
	l.step(t, passes)
	l.task(t, engine.CriteriaTask, engine.TaskDone, "true")
	l.state(t, engine.Done)
	l.want(t, engine.Nothing, "")
	if l.w.Iterations != 2 || l.w.CostUSD != 1 || l.w.Tokens != 220 || l.w.Spent != 2*time.Minute {
		t.Errorf("spent: %d iterations, %v USD, %d tokens, %v", l.w.Iterations, l.w.CostUSD, l.w.Tokens, l.w.Spent)
	}
	for _, c := range []engine.Command{
		engine.Intend{Task: "T1"}, engine.Retry{Task: "T1"}, engine.Reply{Task: "T1"}, engine.Cancel{},
		engine.SetLimits{Limits: engine.Limits{MaxAttempts: 1}}, engine.SkipPlan{}, engine.TakeTasks{}, engine.Start{},
	} {
		l.refused(t, engine.ErrEnded, c)
	}
}

func TestFailsThenPasses(t *testing.T) {
	l := begun(t, 0, engine.Limits{}, planned("T1", 1))
	l.step(t, claims)
	l.step(t, fails)
	l.task(t, "T1", engine.TaskReady, "false")
	task := l.w.Task("T1")
	if f := task.LastFailure; f == nil || f.Attempt != 1 || f.Evidence != "output of the check" || !strings.Contains(f.Reason, "make check") {
		t.Errorf("the next prompt is told %+v", task.LastFailure)
	}
	if id := l.step(t, claims); id.Number != 2 {
		t.Errorf("the second attempt is %s", id)
	}
	l.step(t, passes)
	l.task(t, "T1", engine.TaskDone, "true")
	l.state(t, engine.Done)
}

func TestWhatDoesNotCountAsDone(t *testing.T) {
	for name, o := range map[string]engine.Outcome{
		"no signal":                  silent,
		"complete, but exit code 3":  crashes,
		"blocked, but it timed out":  {Signal: engine.SignalBlocked, Failed: "timeout"},
		"a signal that does not fit": {Signal: "hurray"},
	} {
		l := begun(t, 0, engine.Limits{}, planned("T1", 0))
		l.step(t, o)
		l.task(t, "T1", engine.TaskReady, "unknown")
		if f := l.w.Task("T1").LastFailure; f == nil || f.Reason == "" {
			t.Errorf("%s: the next attempt is told %+v", name, f)
		}
	}
	for name, o := range map[string]engine.Outcome{
		"no check ran":             {},
		"one of two ran":           passes,
		"passed, but it timed out": {Failed: "timeout", Checks: slices.Repeat(passes.Checks, 2)},
	} {
		l := begun(t, 0, engine.Limits{}, planned("T1", 2))
		l.step(t, claims)
		l.step(t, o)
		if l.task(t, "T1", engine.TaskReady, "false"); l.w.Task("T1").LastFailure.Reason == "" {
			t.Errorf("%s: no reason", name)
		}
	}
}

func TestTaskWithoutChecks(t *testing.T) {
	l := begun(t, 0, engine.Limits{}, planned("T1", 0), planned("T2", 1, "T1"))
	l.step(t, claims)
	l.task(t, "T1", engine.TaskDone, "unknown")
	if last := l.types(len(l.log) - 2); !slices.Equal(last, []string{"task.unchecked T1", "task.ready T2"}) {
		t.Errorf("it ended with %v", last)
	}
}

func TestQuestionAndAnswer(t *testing.T) {
	l := begun(t, 0, engine.Limits{}, planned("T1", 1))
	l.step(t, asks)
	l.task(t, "T1", engine.TaskAwaitingAnswer, "unknown")
	l.state(t, engine.AwaitingAnswer)
	l.want(t, engine.Nothing, "")
	if w := l.w.Waiting(); w.Task != "T1" || w.Message != "Which colour?" || w.Notified {
		t.Errorf("it waits for %+v", w)
	}
	l.must(t, engine.Notified{Task: "T1"})
	if w := l.w.Waiting(); !w.Notified {
		t.Error("nobody knows that a person was told")
	}

	err := l.do(t, engine.Retry{Task: "T1"})
	var hint *engine.Hint
	if !errors.Is(err, engine.ErrNotAllowed) || !errors.As(err, &hint) || !strings.Contains(hint.Try, "ralph answer T1") {
		t.Errorf("retry of a question: %v", err)
	}
	l.must(t, engine.Reply{Task: "T1", Text: "blue"})
	l.state(t, engine.Running)
	l.task(t, "T1", engine.TaskReady, "unknown")
	task := l.w.Task("T1")
	if len(task.Answers) != 1 || task.Answers[0].Question != "Which colour?" || task.Answers[0].Text != "blue" || task.Failures != 0 {
		t.Errorf("after the answer: %+v", task)
	}
	l.refused(t, engine.ErrNotAllowed, engine.Reply{Task: "T1", Text: "red"})
	l.refused(t, engine.ErrNotAllowed, engine.Notified{Task: "T1"})
	l.step(t, asks) // a second question
	l.refused(t, engine.ErrNotAllowed, engine.Reply{Task: "T1", Text: "dark blue", Question: "Which size?"})
	l.must(t, engine.Reply{Task: "T1", Text: "dark blue", Question: "Which colour?"})
	if n := len(l.w.Task("T1").Answers); n != 2 {
		t.Errorf("%d answers are kept", n)
	}
}

func TestBlockedAndRetried(t *testing.T) {
	for name, c := range map[string]engine.Command{"retry": engine.Retry{Task: "T1"}, "answer": engine.Reply{Task: "T1", Text: "there is one now"}} {
		l := begun(t, 0, engine.Limits{}, planned("T1", 1))
		l.step(t, blocks)
		l.task(t, "T1", engine.TaskBlocked, "unknown")
		l.state(t, engine.Blocked)
		l.must(t, c)
		l.state(t, engine.Running)
		if id := l.step(t, claims); id.Number != 2 {
			t.Errorf("%s: the next attempt is %s", name, id)
		}
	}
}

func TestAttemptsUsedUp(t *testing.T) {
	limits := engine.Limits{MaxAttempts: 2}
	l := begun(t, 0, limits, planned("T1", 1))
	l.step(t, silent)
	l.task(t, "T1", engine.TaskReady, "unknown")
	l.step(t, claims)
	l.step(t, fails)
	l.task(t, "T1", engine.TaskFailed, "false")
	l.state(t, engine.BudgetSpent)
	if w := l.w.Waiting(); w.Task != "T1" || !strings.Contains(w.Message, "max_attempts = 2") {
		t.Errorf("it waits for %+v", w)
	}
	l.refused(t, engine.ErrNotAllowed, engine.Reply{Task: "T1"})

	l.must(t, engine.Retry{Task: "T1"}) // two more
	l.state(t, engine.Running)
	l.step(t, silent)
	l.task(t, "T1", engine.TaskReady, "false")
	if id := l.step(t, crashes); id.Number != 4 {
		t.Errorf("attempt numbers began anew: %s", id)
	}
	l.task(t, "T1", engine.TaskFailed, "false")

	l.must(t, engine.SetLimits{Limits: engine.Limits{MaxAttempts: 3}}) // one more
	l.task(t, "T1", engine.TaskReady, "false")
	l.step(t, silent)
	l.task(t, "T1", engine.TaskFailed, "false")
	l.must(t, engine.SetLimits{})
	l.step(t, claims)
	l.step(t, passes)
	l.state(t, engine.Done)
}

func TestBudgets(t *testing.T) {
	for name, c := range map[string]struct{ limit, raised engine.Limits }{
		"max_iterations": {engine.Limits{MaxIterations: 1}, engine.Limits{MaxIterations: 2}},
		"max_cost_usd":   {engine.Limits{MaxCostUSD: 0.5}, engine.Limits{MaxCostUSD: 2}},
		"max_time":       {engine.Limits{MaxTime: time.Minute}, engine.Limits{}},
	} {
		l := begun(t, 0, c.limit, planned("T1", 1), planned("T2", 1))
		l.step(t, claims)
		l.want(t, engine.RunCheck, "T1") // what was claimed is still verified
		l.state(t, engine.Running)
		l.step(t, passes)
		l.task(t, "T1", engine.TaskDone, "true")
		l.state(t, engine.BudgetSpent)
		l.want(t, engine.Nothing, "")
		if w := l.w.Waiting(); w.Task != "" || !strings.Contains(w.Message, name) {
			t.Errorf("%s: it waits for %+v", name, w)
		}
		l.refused(t, engine.ErrNotAllowed, engine.Intend{Task: "T2"})
		l.must(t, engine.Notified{})
		l.must(t, engine.SetLimits{Limits: c.raised})
		l.state(t, engine.Running)
		l.want(t, engine.RunAttempt, "T2")
		l.refused(t, engine.ErrNotAllowed, engine.Notified{})
	}
	// The last task's success ends the workflow, however much it took.
	l := begun(t, 0, engine.Limits{MaxIterations: 1}, planned("T1", 1))
	l.step(t, claims)
	l.step(t, passes)
	l.state(t, engine.Done)
}

func TestInterruptedIsNotFailed(t *testing.T) {
	l := begun(t, 0, engine.Limits{MaxAttempts: 1}, planned("T1", 1))
	l.must(t, engine.Intend{Task: "T1"})
	l.want(t, engine.InFlight, "T1")
	l.refused(t, engine.ErrNotAllowed, engine.Intend{Task: "T1"})
	first := l.w.Task("T1").Open.ID
	l.must(t, engine.Interrupt{ID: first, Reason: "the machine was switched off"})
	l.task(t, "T1", engine.TaskReady, "unknown")
	l.refused(t, engine.ErrNotAllowed, engine.Finish{ID: first, Outcome: claims})
	if id := l.step(t, claims); id.Number != 2 {
		t.Errorf("an attempt number came back: %s", id)
	}

	l.must(t, engine.Intend{Task: "T1"})
	l.must(t, engine.Interrupt{ID: l.w.Task("T1").Open.ID})
	l.want(t, engine.RunCheck, "T1") // due again, without a new attempt
	if id := l.step(t, passes); id != (engine.AttemptID{Task: "T1", Number: 2, Check: 2}) {
		t.Errorf("the second check is %s", id)
	}
	l.state(t, engine.Done)
	if l.w.Task("T1").Failures != 0 {
		t.Error("an interruption counts as a failure")
	}
}

func TestCancel(t *testing.T) {
	l := begun(t, 0, engine.Limits{}, planned("T1", 1), planned("T2", 1))
	l.must(t, engine.Intend{Task: "T1"})
	l.must(t, engine.Intend{Task: "T2"})
	l.must(t, engine.Finish{ID: l.w.Task("T2").Open.ID, Outcome: asks})
	before := len(l.log)
	l.must(t, engine.Cancel{Reason: "wrong spec"})
	l.state(t, engine.Cancelled)
	if got := l.types(before); !slices.Equal(got, []string{"attempt.interrupted T1", "workflow.cancelled"}) {
		t.Errorf("it ended with %v", got)
	}
	if len(l.w.OpenActivities()) > 0 || len(l.w.Waits()) > 0 || l.w.Waiting() != nil {
		t.Error("something is left open")
	}
	l.refused(t, engine.ErrEnded, engine.Reply{Task: "T2", Text: "blue"})
}

func TestWaitsDoNotStopIndependentWork(t *testing.T) {
	l := begun(t, 0, engine.Limits{MaxAttempts: 1},
		planned("T1", 1), planned("T2", 1, "T1"), planned("T3", 1), planned("T4", 1), planned("T5", 1))
	l.step(t, asks)
	l.state(t, engine.Running)
	l.want(t, engine.RunAttempt, "T3")
	l.step(t, blocks)
	l.want(t, engine.RunAttempt, "T4")
	l.step(t, silent)
	l.task(t, "T4", engine.TaskFailed, "unknown")
	l.state(t, engine.Running)
	l.step(t, claims)
	l.step(t, passes)

	// Now nothing moves; the question comes first, and all are listed.
	l.state(t, engine.AwaitingAnswer)
	var waits []string
	for _, w := range l.w.Waits() {
		waits = append(waits, string(w.Task)+" "+string(w.Kind))
	}
	if !slices.Equal(waits, []string{"T1 awaiting_answer", "T3 blocked", "T4 budget_spent"}) {
		t.Errorf("it waits for %v", waits)
	}
	l.must(t, engine.Reply{Task: "T1", Text: "blue"})
	l.state(t, engine.Running)
	l.step(t, claims)
	l.step(t, passes)
	l.task(t, "T2", engine.TaskReady, "unknown")
	l.step(t, blocks)
	l.state(t, engine.Blocked)
	l.must(t, engine.Retry{Task: "T3"})
	l.step(t, claims)
	l.step(t, passes)
	l.state(t, engine.Blocked) // T2
	l.must(t, engine.Retry{Task: "T2"})
	l.step(t, claims)
	l.step(t, passes)
	l.state(t, engine.BudgetSpent)
	l.must(t, engine.Retry{Task: "T4"})
	l.step(t, claims)
	l.step(t, passes)
	l.state(t, engine.Done)
}

func TestSeveralTasksAtOnce(t *testing.T) {
	l := begun(t, 0, engine.Limits{MaxIterations: 1}, planned("T1", 1), planned("T2", 1), planned("T3", 0))
	l.must(t, engine.Intend{Task: "T1"})
	l.must(t, engine.Intend{Task: "T2"})
	l.must(t, engine.Finish{ID: engine.AttemptID{Task: "T2", Number: 1}, Outcome: asks})
	l.state(t, engine.Running) // T1 is still on its way, though the budget is spent and T2 waits
	l.must(t, engine.Finish{ID: engine.AttemptID{Task: "T1", Number: 1}, Outcome: silent})
	l.state(t, engine.AwaitingAnswer)
	l.must(t, engine.Reply{Task: "T2", Text: "blue"})
	l.state(t, engine.BudgetSpent)
}

func TestPlanByTheAgent(t *testing.T) {
	l := &life{}
	l.must(t, engine.Start{ID: "w1", SpecPath: "specs/new.md", Source: engine.Source{Reason: "there is no spec yet"}})
	l.want(t, engine.RunAttempt, engine.PlanTask)
	l.refused(t, engine.ErrNotAllowed, engine.SkipPlan{})
	l.step(t, asks)
	l.state(t, engine.AwaitingAnswer)
	l.must(t, engine.Reply{Task: engine.PlanTask, Text: "a greeting"})
	l.state(t, engine.Started)

	l.step(t, claims) // it says so, but there is no spec
	l.task(t, engine.PlanTask, engine.TaskReady, "unknown")
	half := claims
	half.Source = &engine.Source{Text: "#", Hash: "h1", Reason: "it has no criteria"}
	l.step(t, half)
	if f := l.w.Plan.LastFailure; f == nil || f.Evidence != "it has no criteria" {
		t.Errorf("the next attempt is told %+v", f)
	}
	odd := claims
	odd.Source = &engine.Source{Complete: true, Tasks: []engine.PlannedTask{planned("T1", 1, "T1")}}
	l.step(t, odd)
	if f := l.w.Plan.LastFailure; !strings.Contains(f.Reason, "T1 -> T1") {
		t.Errorf("the next attempt is told %+v", f)
	}
	written := claims
	written.Source = &engine.Source{
		Text: "# Spec", Hash: "h2", Complete: true, Requirements: []string{"R1", "N1"}, Criteria: []string{"make check"}, Profiles: []string{"base"},
	}
	l.step(t, written)
	l.state(t, engine.Planned)
	l.task(t, engine.PlanTask, engine.TaskDone, "unknown")
	if l.w.SpecHash != "h2" || l.w.Source.Text != "# Spec" || len(l.w.Criteria.Checks) != 1 {
		t.Errorf("the spec is %+v", l.w.Source)
	}

	l.want(t, engine.RunAttempt, engine.ReadyTask)
	l.refused(t, engine.ErrNotAllowed, engine.TakeTasks{})
	for problem, tasks := range map[string][]engine.PlannedTask{
		"it has no task":                         nil,
		"T1 -> T2 -> T1":                         {planned("T1", 1, "T2"), planned("T2", 1, "T1")},
		"requirement N1 is covered by no task":   {{ID: "T1", Covers: []string{"R1"}}},
		`asks for the profile "rust"`:            {{ID: "T1", Profile: "rust"}},
		`comes after "T9", which does not exist`: {planned("T1", 1, "T9")},
	} {
		o := claims
		o.Tasks = tasks
		l.step(t, o)
		if f := l.w.Ready.LastFailure; !strings.Contains(f.Reason+f.Evidence, problem) {
			t.Errorf("the agent is told %+v, not %s", f, problem)
		}
		l.task(t, engine.ReadyTask, engine.TaskReady, "unknown")
	}
	o := claims
	o.Tasks = []engine.PlannedTask{{ID: "T1", Covers: []string{"R1", "N1"}}}
	l.step(t, o)
	l.state(t, engine.Ready)
	l.task(t, engine.ReadyTask, engine.TaskDone, "unknown")
	l.want(t, engine.RunAttempt, "T1")
}

func TestPlanAttemptsAreLimitedToo(t *testing.T) {
	l := &life{}
	l.must(t, engine.Start{ID: "w1", Source: engine.Source{}, Limits: engine.Limits{MaxAttempts: 1}})
	l.step(t, silent)
	l.task(t, engine.PlanTask, engine.TaskFailed, "unknown")
	l.state(t, engine.BudgetSpent)
	l.must(t, engine.Retry{Task: engine.PlanTask})
	l.state(t, engine.Started)
	l.want(t, engine.RunAttempt, engine.PlanTask)
}

func TestCriteriaThatFailAreRepaired(t *testing.T) {
	l := begun(t, 1, engine.Limits{}, planned("T1", 0))
	l.step(t, claims)
	l.state(t, engine.Verifying)
	l.step(t, fails)
	l.state(t, engine.Verifying)
	l.task(t, engine.CriteriaTask, engine.TaskReady, "false")

	l.want(t, engine.RunAttempt, engine.CriteriaTask)
	if id := l.step(t, claims); id != (engine.AttemptID{Task: engine.CriteriaTask, Number: 2}) {
		t.Errorf("the repair is %s", id)
	}
	l.want(t, engine.RunCheck, engine.CriteriaTask)
	l.step(t, fails)
	l.step(t, blocks)
	l.state(t, engine.Blocked)
	l.must(t, engine.Reply{Task: engine.CriteriaTask, Text: "try the other way"})
	l.state(t, engine.Verifying)
	l.step(t, claims)
	l.step(t, passes)
	l.state(t, engine.Done)
	l.task(t, engine.CriteriaTask, engine.TaskDone, "true")
}

func TestStartRefusesWhatIsNoPlan(t *testing.T) {
	l := &life{}
	err := l.do(t, engine.Start{ID: "w", Source: engine.Source{Complete: true, Tasks: []engine.PlannedTask{planned("T1", 0), planned("T1", 0)}}})
	var plan *engine.PlanError
	if !errors.As(err, &plan) || len(plan.Problems) != 1 || !strings.Contains(err.Error(), "used twice") {
		t.Errorf("a plan with a task twice: %v", err)
	}
	l.refused(t, engine.ErrNotFound, engine.Intend{Task: "T1"}) // nothing began
	l.refused(t, engine.ErrNotAllowed, engine.SkipPlan{})
	l.must(t, engine.Start{ID: "w", Source: engine.Source{Complete: true}})
	l.refused(t, engine.ErrNotAllowed, engine.Start{ID: "w"})
	l.refused(t, engine.ErrNotFound, engine.Retry{Task: "T1"})
}
