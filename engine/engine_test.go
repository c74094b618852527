package engine_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wrapix/wrapix/engine"
)

// TestMain sets how many random sequences are tried: some in every run, ten thousand and more with WRAPIX_SOAK=1. The
// flags of rapid go before both.
func TestMain(m *testing.M) {
	checks, steps := "250", "40"
	if os.Getenv("WRAPIX_SOAK") != "" {
		checks, steps = "12000", "60"
	}
	for name, value := range map[string]string{"rapid.checks": checks, "rapid.steps": steps, "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// at is the time of the n-th event: tests need a clock that moves, and always in the same way.
func at(n uint64) time.Time { return noon.Add(time.Duration(n) * time.Minute) }

// testing.TB and rapid.T both are this.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// whole is all that is known of a workflow, as text to compare.
func whole(t tester, w engine.Workflow) string {
	t.Helper()
	b, err := json.Marshal(struct {
		Workflow engine.Workflow
		Source   *engine.Source
		Tasks    []*engine.Task
	}{w, w.Source, w.Tasks})
	if err != nil {
		t.Fatalf("encode the workflow: %v", err)
	}
	return string(b)
}

// reread sends an event through its stored form.
func reread(t tester, e engine.Event) engine.Event {
	t.Helper()
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	var back engine.Event
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatalf("decode %s: %v", b, err)
	}
	again, err := json.Marshal(back)
	if err != nil || string(again) != string(b) {
		t.Fatalf("event %s came back as %s, %v", b, again, err)
	}
	return back
}

// life is a workflow with its events, taken through commands.
type life struct {
	w    engine.Workflow
	log  []engine.Event
	skew time.Duration // how far the clock was put forward
}

// do decides a command and applies what it causes.
func (l *life) do(t tester, c engine.Command) error {
	t.Helper()
	before := whole(t, l.w)
	decided, events, err := engine.DecideNext(l.w, c, at(l.w.Seq).Add(l.skew), nil)
	if after := whole(t, l.w); after != before {
		t.Fatalf("Decide(%T) changed the workflow it was given\nfrom %s\nto   %s", c, before, after)
	}
	if err != nil {
		if len(events) > 0 {
			t.Fatalf("Decide(%T) gave both events and %v", c, err)
		}
		return err
	}
	next, err := engine.Evolve(l.w, events...)
	if err != nil {
		t.Fatalf("Evolve after %T: %v", c, err)
	}
	if whole(t, decided) != whole(t, next) || engine.Next(decided) != engine.Next(next) {
		t.Fatalf("%T led to\n%s\nand its events to\n%s", c, whole(t, decided), whole(t, next))
	}
	if after := whole(t, l.w); after != before {
		t.Fatalf("Evolve after %T changed the workflow it was given", c)
	}
	l.w, l.log = next, append(l.log, events...)
	return nil
}

// must does what has to be allowed.
func (l *life) must(t tester, c engine.Command) {
	t.Helper()
	if err := l.do(t, c); err != nil {
		t.Fatalf("%T %+v: %v", c, c, err)
	}
}

// refused does what must not be allowed.
func (l *life) refused(t tester, why error, c engine.Command) {
	t.Helper()
	if err := l.do(t, c); !errors.Is(err, why) {
		t.Errorf("%T %+v: %v instead of %v", c, c, err, why)
	}
}

// step does what Next says, with the given outcome if that is an activity.
func (l *life) step(t tester, o engine.Outcome) engine.AttemptID {
	t.Helper()
	switch a := engine.Next(l.w); a.Kind {
	case engine.PassPlan:
		l.must(t, engine.SkipPlan{})
	case engine.PassTasks:
		l.must(t, engine.TakeTasks{})
	case engine.RunAttempt, engine.RunCheck:
		l.must(t, engine.Intend{Task: a.Task})
		open := l.w.Task(a.Task).Open
		l.must(t, engine.Finish{ID: open.ID, Outcome: o})
		return open.ID
	default:
		t.Fatalf("nothing to do in state %s: %+v", l.w.State, a)
	}
	return engine.AttemptID{}
}

// want holds what Next says against what it should.
func (l *life) want(t tester, kind engine.ActionKind, task engine.TaskID) {
	t.Helper()
	if got := engine.Next(l.w); got != (engine.Action{Kind: kind, Task: task}) {
		t.Fatalf("in state %s next is %+v instead of %s %s", l.w.State, got, kind, task)
	}
}

// state holds the workflow's state against what it should be.
func (l *life) state(t tester, want engine.WorkflowState) {
	t.Helper()
	if l.w.State != want {
		t.Fatalf("the workflow is %s instead of %s", l.w.State, want)
	}
}

// task holds a task's state and verdict against what they should be.
func (l *life) task(t tester, id engine.TaskID, state engine.TaskState, verified string) {
	t.Helper()
	task := l.w.Task(id)
	got := "unknown"
	if task.Verified != nil {
		got = fmt.Sprint(*task.Verified)
	}
	if task.State != state || got != verified {
		t.Fatalf("task %s is %s, verified %s; not %s, verified %s", id, task.State, got, state, verified)
	}
}

// types lists the events since the given one.
func (l *life) types(after int) []string {
	var list []string
	for _, e := range l.log[after:] {
		s := string(e.Type)
		if e.Task != "" {
			s += " " + string(e.Task)
		}
		list = append(list, s)
	}
	return list
}

// The outcomes of scenarios.
var (
	claims  = engine.Outcome{Signal: engine.SignalComplete, Message: "done", Started: noon, Finished: noon.Add(time.Minute), CostUSD: 0.5, InputTokens: 100, OutputTokens: 10}
	silent  = engine.Outcome{Message: "I stopped", Started: noon, Finished: noon.Add(time.Minute)}
	crashes = engine.Outcome{Signal: engine.SignalComplete, Failed: "exit code 3", ExitCode: 3, Evidence: "panic"}
	asks    = engine.Outcome{Signal: engine.SignalClarify, Message: "Which colour?"}
	blocks  = engine.Outcome{Signal: engine.SignalBlocked, Message: "no network"}
	passes  = checked(true)
	fails   = checked(false)
)

func checked(passed bool) engine.Outcome {
	o := engine.Outcome{Checks: []engine.CheckResult{{Command: "make check", Passed: passed}}, Evidence: "output of the check"}
	if !passed {
		o.Checks[0].ExitCode, o.Checks[0].Output = 1, "FAIL"
	}
	return o
}

func planned(id string, checks int, after ...engine.TaskID) engine.PlannedTask {
	p := engine.PlannedTask{ID: engine.TaskID(id), Title: "task " + id, After: after}
	for range checks {
		p.Checks = append(p.Checks, "make check")
	}
	return p
}

// begun is a workflow that starts from a spec with these tasks and is ready to run them.
func begun(t tester, criteria int, limits engine.Limits, tasks ...engine.PlannedTask) *life {
	t.Helper()
	source := engine.Source{Text: "# Spec", Hash: "h1", Complete: true, Reason: "it is complete", Tasks: tasks, Profiles: []string{"base"}}
	for range criteria {
		source.Criteria = append(source.Criteria, "make check")
	}
	l := &life{}
	l.must(t, engine.Start{ID: "w1", Label: "spec", SpecPath: "specs/a.md", Source: source, GitHead: "abc", Limits: limits})
	l.want(t, engine.PassPlan, engine.PlanTask)
	l.step(t, engine.Outcome{})
	l.want(t, engine.PassTasks, engine.ReadyTask)
	l.step(t, engine.Outcome{})
	l.state(t, engine.Ready)
	return l
}
