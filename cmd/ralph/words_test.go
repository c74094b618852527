package main

import (
	"strings"
	"testing"
	"time"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
)

// Every event has words of its own: one line, clean, and not just the name of its type.
func TestDescribe(t *testing.T) {
	hostile := "\x1b[31mx\ny\u202e"
	outcome := engine.Outcome{Message: hostile, Checks: []engine.CheckResult{{Passed: true}}}
	events := map[engine.EventType][]any{
		engine.WorkflowCreated:    {engine.CreatedData{ID: "w-1", SpecPath: hostile}},
		engine.WorkflowStarted:    {engine.StartedData{}, engine.StartedData{GitHead: strings.Repeat("a", 40)}},
		engine.PlanSkipped:        {engine.ReasonData{Reason: hostile}},
		engine.PlanWritten:        {engine.SourceData{Source: engine.Source{Reason: hostile}}},
		engine.TasksPlanned:       {engine.TasksData{From: "spec", Uncovered: []string{"R1"}}},
		engine.TaskReleased:       {engine.NoData{}},
		engine.AttemptIntended:    {engine.IntendedData{Phase: engine.PhaseStep}},
		engine.AttemptFinished:    {engine.FinishedData{Verdict: engine.VerdictClaimed, Outcome: outcome}, engine.FinishedData{Verdict: engine.VerdictAsked}, engine.FinishedData{Verdict: engine.VerdictBlocked}, engine.FinishedData{Verdict: engine.VerdictFailed, Reason: hostile}},
		engine.AttemptInterrupted: {engine.InterruptedData{Reason: hostile}},
		engine.CheckIntended:      {engine.IntendedData{Phase: engine.PhaseVerify, Check: 2}},
		engine.CheckFinished:      {engine.FinishedData{Check: 2, Verdict: engine.VerdictPassed, Outcome: outcome}},
		engine.CheckInterrupted:   {engine.InterruptedData{Check: 2, Reason: hostile}},
		engine.TaskVerified:       {engine.NoData{}},
		engine.TaskUnchecked:      {engine.NoData{}},
		engine.TaskFailedEvent:    {engine.ReasonData{Reason: hostile}},
		engine.TaskStalled:        {engine.ReasonData{Reason: hostile}},
		engine.TaskSkippedEvent:   {engine.ReasonData{Reason: hostile}},
		engine.TaskRetried:        {engine.RetriedData{}},
		engine.QuestionAnswered:   {engine.AnswerData{Text: hostile}},
		engine.WaitEntered:        {engine.WaitData{Kind: engine.AwaitingAnswer, Message: hostile}, engine.WaitData{Kind: engine.RateLimited, Until: time.Now()}},
		engine.WaitNotified:       {engine.NotifiedData{}},
		engine.TaskReopened:       {engine.ReasonData{Reason: hostile}},
		engine.UndoBegun:          {engine.UndoData{Snapshot: hostile, Before: "abc"}},
		engine.UndoFinished:       {engine.UndoneData{Before: "abc", Changed: 1, Left: hostile}},
		engine.WorkflowFailed:     {engine.ReasonData{Reason: hostile}},
		engine.WaitLeft:           {engine.WaitLeftData{Kind: engine.Blocked, By: "retry"}},
		engine.LimitsChanged:      {engine.LimitsData{}, engine.LimitsData{Limits: engine.Limits{MaxIterations: 1, MaxAttempts: 2, MaxTime: time.Hour, MaxCostUSD: 3}}},
		engine.WorkflowRunning:    {engine.NoData{}},
		engine.WorkflowWaiting:    {engine.StateData{State: engine.Blocked}},
		engine.WorkflowResumed:    {engine.StateData{State: engine.Running}},
		engine.WorkflowVerifying:  {engine.NoData{}},
		engine.WorkflowDone:       {engine.NoData{}},
		engine.WorkflowCancelled:  {engine.ReasonData{Reason: hostile}},
	}
	for kind, payloads := range events {
		for _, data := range payloads {
			words := describe(engine.Event{Seq: 1, Type: kind, Task: "T1", Attempt: 3, Data: data})
			if words == "" || words == string(kind) || words != terminal.Line(words) {
				t.Errorf("%s: %q", kind, words)
			}
		}
	}
	check := engine.Event{Type: engine.CheckFinished, Task: "T1", Attempt: 3, Data: engine.FinishedData{Check: 2, Verdict: engine.VerdictPassed, Outcome: outcome}}
	if got := describe(check); got != "T1/3/check-2 passed, 1 check (0s)" {
		t.Errorf("check: %q", got)
	}
}

func TestWaysNameTheWorkflowOnlyWhereNeeded(t *testing.T) {
	w := engine.Workflow{ID: "a-1", State: engine.BudgetSpent, Limits: engine.Limits{MaxIterations: 5}, Iterations: 5}
	question := engine.OpenWait{Task: "T1", Wait: engine.Wait{Kind: engine.AwaitingAnswer}}
	if got := ways(w, question, inWorkflow(w, 1)); got[0] != "ralph answer T1 TEXT" {
		t.Errorf("one open: %q", got)
	}
	if got := ways(w, question, inWorkflow(w, 2)); got[0] != "ralph answer -w a-1 T1 TEXT" {
		t.Errorf("two open: %q", got)
	}
	budget := engine.OpenWait{Wait: engine.Wait{Kind: engine.BudgetSpent}}
	if got := ways(w, budget, ""); got[0] != "ralph loop --raise max_iterations=10" {
		t.Errorf("iterations: %q", got)
	}
	w.Iterations, w.Limits.MaxTime, w.Spent = 1, time.Hour, 2*time.Hour
	if got := ways(w, budget, ""); got[0] != "ralph loop --raise max_time=4h0m0s" { // two hours are used up already
		t.Errorf("time: %q", got)
	}
}

func TestTimesOfOtherDaysHaveTheirDay(t *testing.T) {
	evening := time.Date(2026, 3, 1, 23, 30, 0, 0, time.Local)
	for _, test := range []struct {
		now  time.Time
		want string
	}{{evening.Add(time.Minute), "23:30"}, {evening.Add(time.Hour), "2026-03-01 23:30"}, {evening.AddDate(0, 0, -1), "2026-03-01 23:30"}} {
		if got := moment(evening, test.now, "15:04"); got != test.want {
			t.Errorf("at %v: %q, want %q", test.now, got, test.want)
		}
	}
}

func TestSlug(t *testing.T) {
	for label, want := range map[string]string{
		"demo": "demo", "My Spec (v2)": "my-spec-v2", "../../etc": "etc", "日本": "spec", "": "spec",
		strings.Repeat("long ", 20): "long-long-long-long-long-long-lo",
	} {
		if got := slug(label); got != want {
			t.Errorf("slug(%q) = %q, want %q", label, got, want)
		}
	}
	taken := []engine.Workflow{{ID: "demo-1"}, {ID: "demo-3"}}
	if id := newID("demo", taken); id != "demo-2" {
		t.Errorf("newID: %s", id)
	}
}
