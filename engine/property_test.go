package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wrapix/wrapix/engine"
)

// TestAnySequence drives a workflow through random commands and outcomes and holds it after each against what must
// always be so. The rules are told here a second time, from the events alone.
func TestAnySequence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newWorld(t)
		t.Repeat(map[string]func(*rapid.T){
			"":          m.check,
			"next":      m.next,
			"finish":    m.finish,
			"finish2":   m.finish, // more often than what goes wrong
			"intend":    m.intend,
			"interrupt": m.interrupt,
			"reply":     m.reply,
			"retry":     m.retry,
			"limits":    m.limits,
			"notified":  m.notified,
			"pause":     m.pause,
			"skip":      m.skip,
			"wake":      m.wake,
			"hook":      m.hook,
			"approval":  m.approval,
			"stranger":  m.stranger,
			"cancel":    m.cancel,
			"undo":      m.undo,
			"put back":  m.putBack,
			"raise":     m.raise,
			"denied":    m.denied,
		})
		m.goodEnd(t)
	})
}

// world is a workflow with what its events alone say about it.
type world struct {
	life
	seen     int // events that were looked at
	after    map[engine.TaskID][]engine.TaskID
	checks   map[engine.TaskID]int
	finished map[engine.TaskID]bool // by task.verified or task.unchecked
	intended map[engine.AttemptID]bool
	closed   map[engine.AttemptID]bool
	ended    bool
	replay   engine.Workflow
}

func newWorld(t *rapid.T) *world {
	m := &world{
		after: map[engine.TaskID][]engine.TaskID{}, checks: map[engine.TaskID]int{},
		finished: map[engine.TaskID]bool{}, intended: map[engine.AttemptID]bool{}, closed: map[engine.AttemptID]bool{},
	}
	for { // a person does not get past an invalid spec
		err := m.do(t, engine.Start{
			ID: "w1", Label: "spec", SpecPath: "specs/a.md", Source: drawSource(t), GitHead: "abc", Limits: drawLimits(t),
		})
		if err == nil {
			return m
		}
		var plan *engine.PlanError
		if !errors.As(err, &plan) || m.w.Seq != 0 {
			t.Fatalf("start: %v", err)
		}
	}
}

func drawSource(t *rapid.T) engine.Source {
	s := engine.Source{
		Text: "# Spec", Hash: rapid.SampledFrom([]string{"h1", "h2", "h3"}).Draw(t, "hash"),
		Complete: rapid.Bool().Draw(t, "complete"), Reason: "because",
		Criteria: repeated("make check", rapid.IntRange(0, 2).Draw(t, "criteria")),
		Profiles: []string{"base", "go"}, Requirements: []string{"R1", "R2"},
	}
	if rapid.Bool().Draw(t, "with tasks") {
		s.Tasks = drawTasks(t)
	}
	return s
}

// drawTasks makes a plan, sometimes one that cannot be taken.
func drawTasks(t *rapid.T) []engine.PlannedTask {
	n := rapid.IntRange(0, 6).Draw(t, "tasks")
	bad := rapid.IntRange(0, 9).Draw(t, "fault")
	var tasks []engine.PlannedTask
	for i := range n {
		p := engine.PlannedTask{
			ID: engine.TaskID(fmt.Sprintf("T%d", i+1)), Title: "a task", Covers: []string{"R1", "R2"},
			Profile: rapid.SampledFrom([]string{"", "base", "go"}).Draw(t, "profile"),
			Checks:  repeated("make check", rapid.IntRange(0, 2).Draw(t, "checks")),
		}
		for j := range i {
			if rapid.IntRange(0, 3).Draw(t, "after") == 0 {
				p.After = append(p.After, engine.TaskID(fmt.Sprintf("T%d", j+1)))
			}
		}
		tasks = append(tasks, p)
	}
	if n == 0 {
		return tasks
	}
	first, last := &tasks[0], &tasks[n-1]
	switch bad {
	case 0:
		first.After = append(first.After, last.ID) // a circle, if the last comes after the first
	case 1:
		last.After = append(last.After, "T99")
	case 2:
		last.ID = first.ID
	case 3:
		last.ID = rapid.SampledFrom([]engine.TaskID{engine.PlanTask, engine.ReadyTask, engine.CriteriaTask, "", "../x", "a b"}).Draw(t, "bad id")
	case 4:
		last.Profile = "no such"
	case 5:
		for i := range tasks {
			tasks[i].Covers = []string{"R1"}
		}
	}
	return tasks
}

func repeated(s string, n int) []string { return slices.Repeat([]string{s}, n) }

func drawLimits(t *rapid.T) engine.Limits {
	return engine.Limits{
		MaxIterations: rapid.SampledFrom([]int{0, 0, 1, 3, 8}).Draw(t, "max iterations"),
		MaxAttempts:   rapid.SampledFrom([]int{0, 1, 2, 3}).Draw(t, "max attempts"),
		MaxTime:       rapid.SampledFrom([]time.Duration{0, 0, time.Minute, time.Hour}).Draw(t, "max time"),
		MaxCostUSD:    rapid.SampledFrom([]float64{0, 0, 0.5, 5}).Draw(t, "max cost"),

		MaxIterationsPerDay: rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(t, "max iterations per day"),
		MaxTimePerDay:       rapid.SampledFrom([]time.Duration{0, 0, time.Minute}).Draw(t, "max time per day"),
		OnBlocked: rapid.SampledFrom([]engine.OnBlocked{
			engine.BlockedWaits, engine.BlockedWaits, engine.BlockedSkips, engine.BlockedFails,
		}).Draw(t, "on blocked"),
	}
}

func drawOutcome(t *rapid.T, a engine.Activity, task *engine.Task) engine.Outcome {
	o := engine.Outcome{
		Started: noon, Finished: noon.Add(time.Duration(rapid.IntRange(0, 120).Draw(t, "seconds")) * time.Second),
		Evidence: "evidence", Message: rapid.SampledFrom([]string{"", "a message"}).Draw(t, "message"),
	}
	if rapid.IntRange(0, 7).Draw(t, "crashed") == 0 {
		o.Failed, o.ExitCode = "exit code 1", 1
	}
	if a.Phase == engine.PhaseVerify {
		ran := len(task.Checks) - rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "missing")
		for range ran {
			o.Checks = append(o.Checks, engine.CheckResult{Command: "make check", Passed: rapid.IntRange(0, 3).Draw(t, "check") > 0})
		}
		return o
	}
	o.Tree = rapid.SampledFrom([]string{"", "t1", "t1", "t2"}).Draw(t, "tree")
	o.Head = rapid.SampledFrom([]string{"", "c1", "c2"}).Draw(t, "head")
	o.CostUSD, o.InputTokens = rapid.SampledFrom([]float64{0, 0.25}).Draw(t, "cost"), 10
	o.Signal = rapid.SampledFrom([]engine.Signal{
		engine.SignalComplete, engine.SignalComplete, engine.SignalComplete, engine.SignalNone, engine.SignalBlocked, engine.SignalClarify,
	}).Draw(t, "signal")
	switch a.Phase {
	case engine.PhasePlan:
		if rapid.IntRange(0, 4).Draw(t, "product") > 0 {
			s := drawSource(t)
			o.Source = &s
		}
	case engine.PhaseReady:
		o.Tasks = drawTasks(t)
	}
	return o
}

// anyTask draws a task's id, now and then one that does not exist.
func (m *world) anyTask(t *rapid.T) engine.TaskID {
	ids := []engine.TaskID{engine.PlanTask, engine.ReadyTask, engine.CriteriaTask, "T99", ""}
	for _, task := range m.w.Tasks {
		ids = append(ids, task.ID, task.ID)
	}
	return rapid.SampledFrom(ids).Draw(t, "task")
}

// try does a command that may be refused, but not for a reason of its own.
func (m *world) try(t *rapid.T, c engine.Command) bool {
	err := m.do(t, c)
	switch {
	case m.ended && !errors.Is(err, engine.ErrEnded):
		t.Fatalf("%T after the end: %v", c, err)
	case err != nil && !errors.Is(err, engine.ErrEnded) && !errors.Is(err, engine.ErrNotAllowed) && !errors.Is(err, engine.ErrNotFound):
		t.Fatalf("%T: %v", c, err)
	}
	return err == nil
}

func (m *world) next(t *rapid.T) {
	switch a := engine.Next(m.w); a.Kind {
	case engine.PassPlan:
		m.must(t, engine.SkipPlan{})
	case engine.PassTasks:
		m.must(t, engine.TakeTasks{})
	case engine.RunHook:
		due := m.w.Due[0]
		m.refused(t, engine.ErrNotAllowed, engine.Intend{Task: due.Task})
		m.must(t, engine.HookEnded{Hook: due.Hook, Task: due.Task, Attempt: due.Attempt, Outcome: drawHook(t)})
	case engine.RunAttempt, engine.RunCheck:
		m.must(t, engine.Intend{Task: a.Task})
	case engine.PutBack:
		m.refused(t, engine.ErrNotAllowed, engine.Intend{Task: a.Task})
		m.must(t, engine.Undone{Before: "s2"})
	}
}

// undo takes back an attempt, with the tasks that the log names.
func (m *world) undo(t *rapid.T) {
	id := engine.AttemptID{Task: m.anyTask(t), Number: rapid.IntRange(1, 3).Draw(t, "number")}
	tasks, since := engine.AttemptedSince(m.log, id)
	busy := len(m.w.OpenActivities()) > 0
	c := engine.Undo{ID: id, Tasks: tasks, Snapshot: "s0", Before: "s1"}
	switch done := m.try(t, c); {
	case done && busy:
		t.Fatalf("%s was undone while something ran", id)
	case done && since.IsZero() && id.Task != engine.CriteriaTask: // whose first number is a check's
		t.Fatalf("%s was undone, and never was", id)
	case done:
		for _, task := range tasks {
			if s := m.w.Task(task).State; s != engine.TaskPending && s != engine.TaskReady && s != engine.TaskSkipped && !task.Reserved() {
				t.Fatalf("the work of %s is gone, and it is %s", task, s)
			}
		}
		m.refused(t, engine.ErrNotAllowed, c)
	}
}

func (m *world) putBack(t *rapid.T) {
	if undoing := m.w.Undo != nil; m.try(t, engine.Undone{Before: "s2", Changed: 1}) != undoing {
		t.Fatalf("the files went back: %t, and were to: %t", !undoing, undoing)
	}
}

// raise raises one limit, or none.
func (m *world) raise(t *rapid.T) {
	key := rapid.SampledFrom(append(engine.LimitKeys(), "no_such")).Draw(t, "key")
	before := m.w.Limits
	if !m.try(t, engine.RaiseLimits{To: map[engine.LimitKey]string{key: rapid.SampledFrom([]string{"0", "4", "-1", "2h", "skip"}).Draw(t, "value")}}) {
		return
	}
	if m.w.Limits == before || !slices.Contains(m.w.Given, key) {
		t.Fatalf("%s was raised from %+v to %+v; given %v", key, before, m.w.Limits, m.w.Given)
	}
	raised := m.w.Limits
	if m.try(t, engine.Configure{Limits: drawLimits(t)}) && m.w.Limits.Text(key) != raised.Text(key) {
		t.Fatalf("%s was raised to %s, and the next run has %s", key, raised.Text(key), m.w.Limits.Text(key))
	}
}

func drawHook(t *rapid.T) engine.HookOutcome {
	return engine.HookOutcome{
		Failed:    rapid.SampledFrom([]string{"", "", "exit code 3"}).Draw(t, "hook failed"),
		OnFailure: rapid.SampledFrom([]engine.OnFailure{engine.OnFailureBlock, engine.OnFailureWarn, engine.OnFailureSkip}).Draw(t, "on failure"),
	}
}

// hook is one before or after the work, which come whatever the state is, and the end of its wait.
func (m *world) hook(t *rapid.T) {
	h := rapid.SampledFrom([]engine.Hook{engine.PreLoop, engine.PreStep, engine.PostLoop, engine.PostStep}).Draw(t, "hook")
	id := m.anyTask(t)
	done := m.try(t, engine.HookEnded{Hook: h, Task: id, Attempt: 1, Outcome: drawHook(t)})
	if due := slices.ContainsFunc(m.w.Due, func(d engine.DueHook) bool { return d.Task == id && d.Attempt == 1 }); done && h == engine.PostStep && due {
		m.try(t, engine.Unblock{}) // it blocks, and stays due
	}
	if rapid.Bool().Draw(t, "unblock") {
		m.try(t, engine.Unblock{})
	}
}

// approval is asked for, with one message or another, and mostly given.
func (m *world) approval(t *rapid.T) {
	message := rapid.SampledFrom([]string{"a hook", "a webhook"}).Draw(t, "message")
	next := func() engine.ActionKind { return engine.Next(m.w).Kind }
	if m.try(t, engine.AwaitApproval{Message: message}) && next() != engine.Nothing && next() != engine.PutBack {
		t.Fatalf("not approved, and next is %+v", engine.Next(m.w))
	}
	if rapid.IntRange(0, 3).Draw(t, "approve") > 0 {
		m.try(t, engine.Approve{})
	}
}

func (m *world) intend(t *rapid.T) { m.try(t, engine.Intend{Task: m.anyTask(t)}) }

func (m *world) finish(t *rapid.T) {
	open := m.w.OpenActivities()
	if len(open) == 0 {
		m.next(t)
		return
	}
	a := rapid.SampledFrom(open).Draw(t, "activity")
	m.must(t, engine.Finish{ID: a.ID, Outcome: drawOutcome(t, a, m.w.Task(a.ID.Task)), PostStep: rapid.Bool().Draw(t, "post_step")})
	m.refused(t, m.notAllowed(), engine.Finish{ID: a.ID})
	m.refused(t, m.notAllowed(), engine.Interrupt{ID: a.ID})
}

func (m *world) notAllowed() error {
	if m.w.State.Ended() {
		return engine.ErrEnded
	}
	return engine.ErrNotAllowed
}

func (m *world) interrupt(t *rapid.T) {
	for _, a := range m.w.OpenActivities() {
		m.must(t, engine.Interrupt{
			ID: a.ID, Reason: "killed", Fault: rapid.Bool().Draw(t, "fault"), Usage: engine.Usage{CostUSD: 0.25, Spent: time.Second},
		})
	}
}

func (m *world) pause(t *rapid.T) {
	if m.try(t, engine.Pause{}) && m.w.State != engine.Paused && m.w.Undo == nil && len(m.w.OpenActivities()) == 0 && m.w.Waiting().Kind == engine.Paused {
		t.Fatalf("paused, and it is %s", m.w.State)
	}
	if rapid.IntRange(0, 3).Draw(t, "resume") > 0 {
		m.try(t, engine.Unpause{})
	}
}

func (m *world) skip(t *rapid.T) {
	if rapid.IntRange(0, 4).Draw(t, "really") == 0 {
		m.try(t, engine.Skip{Task: m.anyTask(t)})
	}
}

// wake comes at the right time, or a little early.
func (m *world) wake(t *rapid.T) {
	if until := m.w.Wakes(); !until.IsZero() && rapid.Bool().Draw(t, "in time") {
		m.skew += max(0, until.Sub(at(m.w.Seq).Add(m.skew)))
	}
	m.try(t, engine.Wake{})
}

func (m *world) reply(t *rapid.T)    { m.try(t, engine.Reply{Task: m.anyTask(t), Text: "blue"}) }
func (m *world) retry(t *rapid.T)    { m.try(t, engine.Retry{Task: m.anyTask(t)}) }
func (m *world) limits(t *rapid.T)   { m.try(t, engine.SetLimits{Limits: drawLimits(t)}) }
func (m *world) notified(t *rapid.T) { m.try(t, engine.Notified{Task: m.anyTask(t)}) }

// stranger does what nobody should.
func (m *world) stranger(t *rapid.T) {
	id := engine.AttemptID{Task: m.anyTask(t), Number: rapid.IntRange(0, 3).Draw(t, "number"), Check: rapid.IntRange(0, 2).Draw(t, "check")}
	for _, a := range m.w.OpenActivities() {
		if a.ID == id {
			return
		}
	}
	for _, c := range []engine.Command{engine.Finish{ID: id, Outcome: claims}, engine.Interrupt{ID: id}, engine.Start{ID: "w2"}} {
		if m.try(t, c) {
			t.Fatalf("%T %+v was allowed", c, c)
		}
	}
	_ = m.try(t, engine.SkipPlan{})
	_ = m.try(t, engine.TakeTasks{})
}

func (m *world) cancel(t *rapid.T) {
	if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
		m.try(t, engine.Cancel{Reason: "enough"})
	}
}

// check holds the workflow against the rules.
func (m *world) check(t *rapid.T) {
	for _, e := range m.log[m.seen:] {
		m.look(t, e)
	}
	m.seen = len(m.log)
	if got, want := whole(t, m.replay), whole(t, m.w); got != want {
		t.Fatalf("the replay of %d events gives\n%s\nand not\n%s", len(m.log), got, want)
	}
	w := m.w
	next, open := engine.Next(w), w.OpenActivities()
	restored := engine.Restore(w, w.Source, w.Tasks)
	if engine.Next(restored) != next || !slices.Equal(restored.OpenActivities(), open) || !slices.Equal(restored.Waits(), w.Waits()) {
		t.Fatalf("after a restart: next %+v, not %+v; open %v, not %v; waits %v, not %v",
			engine.Next(restored), next, restored.OpenActivities(), open, restored.Waits(), w.Waits())
	}
	moves := next.Kind != engine.Nothing || len(open) > 0
	switch {
	case w.State.Ended() && (next.Kind != engine.Nothing || len(w.Waits()) > 0 || len(open) > 0):
		t.Fatalf("%s, and yet: next %+v, waits %+v, open %+v", w.State, next, w.Waits(), open)
	case w.State.Ended():
	case w.State.Waits() == moves:
		t.Fatalf("%s, and next is %+v, open %+v", w.State, next, open)
	case w.State.Waits() && (w.Waiting() == nil || w.Waiting().Kind != w.State):
		t.Fatalf("%s, and it waits for %+v", w.State, w.Waiting())
	}
	if w.State.Ended() && len(w.Due) > 0 {
		t.Fatalf("%s, and the hook of %s is due", w.State, w.Due[0].Task)
	}
	if w.State == engine.Done && w.Undo != nil {
		t.Fatalf("done, and the files are not back")
	}
	if w.State == engine.Done {
		for _, task := range append(slices.Clone(w.Tasks), w.Criteria) {
			if !m.finished[task.ID] && task.State != engine.TaskSkipped && (task != w.Criteria || len(task.Checks) > 0) {
				t.Fatalf("done, and task %s is %s", task.ID, task.State)
			}
		}
	}
	for _, task := range w.Tasks {
		sound := task.Verified != nil && *task.Verified || task.Verified == nil && len(task.Checks) == 0
		if (task.State == engine.TaskDone) != m.finished[task.ID] || task.State == engine.TaskDone && !sound {
			t.Fatalf("task %s is %s with verified %v and %d checks", task.ID, task.State, task.Verified, len(task.Checks))
		}
	}
}

// look follows one event.
func (m *world) look(t *rapid.T, e engine.Event) {
	if e.Seq != m.replay.Seq+1 {
		t.Fatalf("event %d follows %d", e.Seq, m.replay.Seq)
	}
	if m.ended {
		t.Fatalf("event %s after the end", e.Type)
	}
	var err error
	if m.replay, err = engine.Evolve(m.replay, reread(t, e)); err != nil {
		t.Fatalf("replay: %v", err)
	}
	switch data := e.Data.(type) {
	case engine.TasksData:
		for _, p := range data.Tasks {
			m.after[p.ID], m.checks[p.ID] = p.After, len(p.Checks)
		}
		if problems := engine.PlanProblems(data.Tasks, *m.replay.Source); len(problems) > 0 {
			t.Fatalf("a plan was taken with %v", problems)
		}
	case engine.IntendedData:
		id := engine.AttemptID{Task: e.Task, Number: e.Attempt, Check: data.Check}
		if m.intended[id] {
			t.Fatalf("%s is intended again", id)
		}
		m.intended[id] = true
		for _, dep := range m.after[e.Task] {
			if !m.finished[dep] && m.replay.Task(dep).State != engine.TaskSkipped {
				t.Fatalf("%s runs before %s is finished", id, dep)
			}
		}
		if m.replay.Undo != nil {
			t.Fatalf("%s runs, and the files are not back", id)
		}
		if len(m.replay.Holds) > 0 {
			t.Fatalf("%s runs though %s", id, m.replay.Holds[0].Message)
		}
		if len(m.replay.Due) > 0 {
			t.Fatalf("%s runs though the hook of %s is due", id, m.replay.Due[0].Task)
		}
	case engine.FinishedData:
		m.close(t, engine.AttemptID{Task: e.Task, Number: e.Attempt, Check: data.Check})
		if data.Verdict == engine.VerdictPassed && len(data.Outcome.Checks) < m.checks[e.Task] {
			t.Fatalf("%s/%d passed with %d of %d checks", e.Task, e.Attempt, len(data.Outcome.Checks), m.checks[e.Task])
		}
	case engine.InterruptedData:
		m.close(t, engine.AttemptID{Task: e.Task, Number: e.Attempt, Check: data.Check})
	}
	switch e.Type {
	case engine.TaskVerified, engine.TaskUnchecked:
		if m.finished[e.Task] || e.Type == engine.TaskUnchecked && m.checks[e.Task] > 0 {
			t.Fatalf("%s of task %s", e.Type, e.Task)
		}
		m.finished[e.Task] = true
	case engine.TaskReopened:
		delete(m.finished, e.Task)
	case engine.WorkflowDone, engine.WorkflowCancelled, engine.WorkflowFailed:
		m.ended = true
	}
}

func (m *world) close(t *rapid.T, id engine.AttemptID) {
	if !m.intended[id] || m.closed[id] {
		t.Fatalf("%s is closed: intended %t, closed before %t", id, m.intended[id], m.closed[id])
	}
	m.closed[id] = true
}

// goodEnd answers, retries and lets everything succeed: then the workflow must come to its end, wherever it was.
func (m *world) goodEnd(t *rapid.T) {
	if m.ended {
		return
	}
	m.interrupt(t)
	m.must(t, engine.SetLimits{})
	for range 100 {
		m.check(t)
		if m.ended {
			if m.w.State != engine.Done {
				t.Fatalf("it ended %s", m.w.State)
			}
			return
		}
		if until := m.w.Wakes(); !until.IsZero() {
			m.skew += max(0, until.Sub(at(m.w.Seq).Add(m.skew)))
			m.must(t, engine.Wake{})
		}
		m.try(t, engine.Unpause{})
		m.try(t, engine.Approve{})
		m.try(t, engine.Unblock{})
		if due := m.w.Due; len(due) > 0 && len(m.w.Holds) == 0 {
			m.must(t, engine.HookEnded{Hook: due[0].Hook, Task: due[0].Task, Attempt: due[0].Attempt})
			continue
		}
		if wait := m.w.Waiting(); wait != nil && engine.Next(m.w).Kind == engine.Nothing {
			if m.do(t, engine.Reply{Task: wait.Task, Text: "yes"}) != nil {
				m.must(t, engine.Retry{Task: wait.Task})
			}
			continue
		}
		m.next(t)
		for _, a := range m.w.OpenActivities() {
			o := claims
			o.Source = &engine.Source{Hash: "h9", Complete: true, Profiles: []string{"base"}}
			o.Tasks = []engine.PlannedTask{{ID: "T1", Covers: []string{"R1", "R2"}}}
			for range m.w.Task(a.ID.Task).Checks {
				o.Checks = append(o.Checks, engine.CheckResult{Passed: true})
			}
			m.must(t, engine.Finish{ID: a.ID, Outcome: o})
		}
	}
	t.Fatalf("no end in sight: %s, next %+v\n%s", m.w.State, engine.Next(m.w), strings.Join(m.types(0), "\n"))
}

// denied is noted for what runs, and refused for what does not; it moves nothing.
func (m *world) denied(t *rapid.T) {
	id := engine.AttemptID{Task: "T1", Number: rapid.IntRange(0, 2).Draw(t, "number"), Check: rapid.IntRange(0, 1).Draw(t, "check")}
	if open := m.w.OpenActivities(); len(open) > 0 && rapid.Bool().Draw(t, "of what runs") {
		id = open[0].ID
	}
	runs := slices.ContainsFunc(m.w.OpenActivities(), func(a engine.Activity) bool { return a.ID == id })
	next := engine.Next(m.w)
	err := m.do(t, engine.NoteDenied{ID: id, Denied: []engine.Denied{{Host: "a.example", Port: 443, Reason: "not_listed", Count: 1}}})
	if (err == nil) != runs || engine.Next(m.w) != next {
		t.Fatalf("noted for %s, which runs: %t: %v", id, runs, err)
	}
}
