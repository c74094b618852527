package report

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/wrapix/wrapix/engine"
)

// story is a workflow with its events, made by the engine's own decisions.
type story struct {
	t      testing.TB
	w      engine.Workflow
	events []engine.Event
	now    time.Time
}

func begin(t testing.TB, label, text string, tasks ...engine.PlannedTask) *story {
	s := &story{t: t, now: time.Date(2026, 3, 1, 22, 0, 0, 0, time.UTC)}
	s.do(engine.Start{
		ID: "night-1", Label: label, SpecPath: "specs/night.md", GitHead: strings.Repeat("ab", 20),
		Source: engine.Source{Text: text, Complete: true, Reason: "it has tasks", Tasks: tasks},
		Limits: engine.Limits{MaxAttempts: 3, MaxCostUSD: 20},
	})
	s.do(engine.SkipPlan{})
	s.do(engine.TakeTasks{})
	return s
}

func (s *story) do(c engine.Command) {
	s.t.Helper()
	events, err := engine.Decide(s.w, c, s.now)
	if err == nil {
		s.w, err = engine.Evolve(s.w, events...)
	}
	if err != nil {
		s.t.Fatalf("%T: %v", c, err)
	}
	s.events = append(s.events, events...)
	s.now = s.now.Add(3 * time.Second)
}

// run performs the next activity of a task.
func (s *story) run(id engine.TaskID, o engine.Outcome) {
	s.t.Helper()
	s.do(engine.Intend{Task: id})
	o.Started, o.Finished = s.now, s.now.Add(94*time.Second)
	s.now = o.Finished
	s.do(engine.Finish{ID: s.w.Task(id).Open.ID, Outcome: o})
}

func (s *story) report(o Options) *Report {
	s.t.Helper()
	if o.Now.IsZero() {
		o.Now = s.now.Add(8 * time.Hour)
	}
	r, err := New(context.Background(), s.w, func(_ context.Context, yield func(engine.Event) error) error {
		for _, e := range s.events {
			if err := yield(e); err != nil {
				return err
			}
		}
		return nil
	}, o)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func text(t testing.TB, write func(context.Context, io.Writer) error) string {
	t.Helper()
	var b strings.Builder
	if err := write(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// leftovers are what every attempt changed and printed.
type leftovers struct {
	changes    []Change
	diff       string
	transcript string
}

func (l leftovers) Changes(context.Context, engine.AttemptID) ([]Change, error) {
	return l.changes, nil
}

func (l leftovers) Diff(_ context.Context, _ engine.AttemptID, to io.Writer) error {
	_, err := io.WriteString(to, l.diff)
	return err
}

func (l leftovers) Transcript(_ engine.AttemptID, limit int) ([]byte, int64, error) {
	return []byte(l.transcript[max(0, len(l.transcript)-limit):]), int64(len(l.transcript)), nil
}

func planned(id, title string, checks ...string) engine.PlannedTask {
	return engine.PlannedTask{ID: engine.TaskID(id), Title: title, Checks: checks}
}

func ways(w engine.OpenWait) []string {
	return []string{fmt.Sprintf("ralph answer %s TEXT", w.Task), fmt.Sprintf("ralph retry %s", w.Task)}
}

// night is what a person finds in the morning: done, done without a check, a question, work that goes on. The words are
// those of an agent that wants out of the page.
func night(t testing.TB, words string) (*story, Options) {
	s := begin(t, "Night "+words, "# Night\n\n"+words+"\n",
		planned("T1", "Greet by name "+words, "go test ./greet/..."),
		planned("T2", "Refuse a missing name "+words),
		planned("T3", "Which colour? "+words, "true"),
		planned("T4", "Write the manual page "+words, "man -l greet.1 "+words))
	s.run("T1", engine.Outcome{Signal: engine.SignalComplete, Message: "greets " + words, CostUSD: 0.42, InputTokens: 120000, OutputTokens: 5100})
	s.run("T1", engine.Outcome{Checks: []engine.CheckResult{{Command: "go test ./greet/...", ExitCode: 1, Output: "--- FAIL: TestGreet\n    got \"Hello,  !\"\n" + words}}})
	s.run("T1", engine.Outcome{Signal: engine.SignalComplete, Message: "now it does " + words, CostUSD: 0.31, InputTokens: 80000, OutputTokens: 3000})
	s.run("T1", engine.Outcome{Checks: []engine.CheckResult{{Command: "go test ./greet/...", Passed: true, Output: "ok  greet 0.01s\n" + words}}})
	s.run("T2", engine.Outcome{Signal: engine.SignalComplete, Message: "refuses " + words, CostUSD: 0.2})
	s.run("T3", engine.Outcome{Signal: engine.SignalClarify, Message: "Which colour shall it be? " + words, CostUSD: 0.1})
	s.do(engine.Intend{Task: "T4"})
	s.do(engine.Interrupt{ID: s.w.Task("T4").Open.ID, Reason: "Podman does not answer " + words, Fault: true})
	s.now = s.now.Add(time.Hour)
	s.do(engine.Wake{})
	s.do(engine.SetLimits{Limits: engine.Limits{MaxAttempts: 5}})
	s.run("T4", engine.Outcome{Failed: "the agent exited with code 3", ExitCode: 3, Message: words})
	return s, Options{Ways: ways, Files: leftovers{
		changes: []Change{{"greet/greet.go", "changed"}, {"greet/" + words + ".go", "added"}},
		diff: "diff --git a/greet/greet.go b/greet/greet.go\nindex 1..2 100644\n--- a/greet/greet.go\n+++ b/greet/greet.go\n@@ -1,3 +1,4 @@\n" +
			" package greet\n-func Greet() {}\n+// Greet says hello. " + words + "\n+func Greet(name string) string { return \"Hello, \" + name + \"!\" }\n",
		transcript: "Reading the spec.\nEditing greet/greet.go.\n" + words + "\nRALPH_COMPLETE\n",
	}}
}
