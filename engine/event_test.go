package engine_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/wrapix/wrapix/engine"
)

var update = flag.Bool("update", false, "write the golden files anew")

// eventful is a life in which every type of event comes to pass.
func eventful(t tester) *life {
	source := engine.Source{
		Text: "# Spec\n", Hash: "sha256:1", Complete: true, Reason: "it names its tasks", Requirements: []string{"R1", "N1"},
		Criteria: []string{"make check"}, Profiles: []string{"base"},
	}
	l := &life{}
	l.must(t, engine.Start{
		ID: "w1", Label: "spec", SpecPath: "specs/a.md", Source: engine.Source{Reason: "there is no spec"}, GitHead: "abc",
		Limits: engine.Limits{MaxAttempts: 1, MaxTime: time.Hour}, Config: "[agent]\n",
	})
	wrote := claims
	wrote.Source = &source
	l.step(t, wrote)
	proposed := claims
	first := planned("T1", 1)
	first.Description, first.Profile, first.Covers = "Do it.\n", "base", []string{"R1", "N1"}
	proposed.Tasks = []engine.PlannedTask{first, planned("T2", 0, "T1")}
	l.step(t, proposed)
	l.step(t, asks)
	l.must(t, engine.Notified{Task: "T1"})
	l.must(t, engine.Reply{Task: "T1", Text: "blue"})
	l.must(t, engine.Intend{Task: "T1"})
	l.must(t, engine.Interrupt{ID: l.w.Task("T1").Open.ID, Reason: "killed"})
	l.step(t, crashes)
	l.must(t, engine.Retry{Task: "T1"})
	claimed := claims
	claimed.Transcript = engine.Transcript{Bytes: 1000, Cut: 10, SHA256: "00ff"}
	l.step(t, claimed)
	l.must(t, engine.Intend{Task: "T1"})
	l.must(t, engine.Interrupt{ID: l.w.Task("T1").Open.ID, Reason: "killed"})
	l.step(t, passes)
	l.must(t, engine.Configure{Limits: engine.Limits{MaxIterations: 1, MaxCostUSD: 0.01}})
	l.must(t, engine.Configure{})
	l.step(t, claims)
	l.step(t, passes)

	other := &life{}
	other.must(t, engine.Start{ID: "w2", SpecPath: "specs/b.md", Source: engine.Source{Text: "#", Hash: "sha256:2", Complete: true, Reason: "so", Profiles: []string{"base"}}})
	other.step(t, engine.Outcome{})
	other.must(t, engine.Pause{})
	other.must(t, engine.Unpause{})
	other.must(t, engine.Intend{Task: engine.ReadyTask})
	other.must(t, engine.Interrupt{ID: other.w.Ready.Open.ID, Reason: "no space left on device", Fault: true})
	other.skew += time.Hour
	other.must(t, engine.Wake{})
	other.step(t, proposed)
	for range 3 {
		same := silent
		same.Tree, same.Snapshot = "00aa", "00bb"
		other.step(t, same)
	}
	other.must(t, engine.Skip{Task: "T1"})
	other.must(t, engine.Cancel{Reason: "enough"})

	third := begun(t, 0, engine.Limits{}, planned("T1", 0))
	third.must(t, engine.AwaitApproval{Message: "run on this host"})
	third.must(t, engine.Approve{})
	third.must(t, engine.HookEnded{Hook: engine.PreLoop, Outcome: engine.HookOutcome{
		Failed: "exit code 3", ExitCode: 3, Took: time.Second, Output: "not now", OnFailure: engine.OnFailureSkip,
	}})
	third.skew += time.Hour
	third.must(t, engine.Wake{})
	third.must(t, engine.Intend{Task: "T1"})
	third.must(t, engine.NoteDenied{ID: third.w.Task("T1").Open.ID, Denied: []engine.Denied{
		{Host: "a.example", Port: 443, Reason: "not_listed", Count: 2, Words: "a.example:443 (2 times): the name is not on the list"},
	}})
	third.must(t, engine.NoteDenied{ID: third.w.Task("T1").Open.ID})
	third.must(t, engine.Finish{ID: third.w.Task("T1").Open.ID, Outcome: crashes, PostStep: true})
	third.must(t, engine.HookEnded{Hook: engine.PostStep, Task: "T1", Attempt: 1, Outcome: engine.HookOutcome{Took: time.Second, OnFailure: engine.OnFailureBlock}})
	l.log = slices.Concat(l.log, other.log, third.log, later(t).log)
	return l
}

// later is a life of what came later: limits that a person gave, days, an undo, and the end by a task that is blocked.
func later(t tester) *life {
	l := begun(t, 1, engine.Limits{}, planned("T1", 1), planned("T2", 0))
	l.must(t, engine.SetLimits{Limits: engine.Limits{MaxIterationsPerDay: 1, MaxCostUSD: 9}})
	step := claims
	step.Tree, step.Head = "00aa", "00cc"
	l.step(t, step)
	l.must(t, engine.RaiseLimits{To: map[engine.LimitKey]string{"max_iterations_per_day": "2"}})
	l.step(t, fails)
	l.must(t, engine.Intend{Task: "T1"})
	l.must(t, engine.Interrupt{ID: l.w.Task("T1").Open.ID, Reason: "stopped", Usage: engine.Usage{CostUSD: 0.5, Tokens: 3, Spent: time.Second}})
	l.must(t, engine.Undo{ID: engine.AttemptID{Task: "T1", Number: 1}, Tasks: []engine.TaskID{"T1"}, Snapshot: "00aa", Before: "00bb"})
	l.must(t, engine.Undone{Before: "00dd", Changed: 3, Left: "\"a\": permission denied"})
	l.must(t, engine.Configure{Limits: engine.Limits{OnBlocked: engine.BlockedFails}})
	l.step(t, blocks)
	return l
}

// The names and keys in this file are a contract: people's scripts read them from `ralph history --json`, and stores
// hold them. A line may be added. One that changes needs a new event version and a migration.
func TestEventsKeepTheirForm(t *testing.T) {
	var text bytes.Buffer
	log := eventful(t).log
	for _, e := range log {
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(append(b, '\n'))
		reread(t, e)
	}
	name := filepath.Join("testdata", "events.jsonl")
	if *update {
		if err := os.WriteFile(name, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	want, got := bytes.Split(golden, []byte("\n")), bytes.Split(text.Bytes(), []byte("\n"))
	for i := range max(len(want), len(got)) {
		var a, b []byte
		if i < len(want) {
			a = want[i]
		}
		if i < len(got) {
			b = got[i]
		}
		if !bytes.Equal(a, b) {
			t.Fatalf("event %d was\n%s\nand is\n%s", i+1, a, b)
		}
	}

	seen := map[engine.EventType]bool{}
	for _, e := range log {
		seen[e.Type] = true
	}
	for _, name := range []engine.EventType{
		"workflow.created", "workflow.started", "plan.skipped", "plan.written", "tasks.planned", "task.ready",
		"attempt.intended", "attempt.finished", "attempt.interrupted", "check.intended", "check.finished",
		"check.interrupted", "task.verified", "task.unchecked", "task.failed", "task.retried", "task.skipped", "task.stalled", "task.reopened", "undo.begun", "undo.finished", "workflow.failed", "question.answered",
		"wait.entered", "wait.notified", "wait.left", "limits.changed", "hook.due", "hook.finished", "network.denied", "workflow.running", "workflow.waiting",
		"workflow.resumed", "workflow.verifying", "workflow.done", "workflow.cancelled",
	} {
		if !seen[name] {
			t.Errorf("the file has no %s", name)
		}
	}
}

// An event has these keys and no others.
func TestEventKeys(t *testing.T) {
	for _, e := range eventful(t).log {
		b, _ := json.Marshal(e)
		var keys map[string]json.RawMessage
		if err := json.Unmarshal(b, &keys); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"seq", "time", "type", "v", "task", "attempt", "data"} {
			if keys[key] == nil {
				t.Errorf("%s has no %q", b, key)
			}
			delete(keys, key)
		}
		if len(keys) > 0 {
			t.Errorf("%s has more keys", b)
		}
		if (e.Task == "") != (bytes.Contains(b, []byte(`"task":null`))) {
			t.Errorf("%s: a task that is not there is null", b)
		}
	}
}

func TestUnknownEvents(t *testing.T) {
	for text, unknown := range map[string]bool{
		`{"seq":1,"type":"workflow.exploded","v":1,"data":{}}`:           true,
		`{"seq":1,"type":"workflow.done","v":2,"data":{}}`:               true,
		`{"seq":1,"type":"workflow.done","data":{}}`:                     true,
		`{"seq":1,"type":"workflow.done","v":1}`:                         false,
		`{"seq":1,"type":"attempt.intended","v":1,"data":"x"}`:           false,
		`{"seq":-1,"type":"workflow.done","v":1,"data":{}}`:              false,
		`{"seq":1,"type":"workflow.done","v":1,"data":{},"task":7}`:      false,
		`{"seq":1,"type":"workflow.done","v":1,"data":{},"time":"noon"}`: false,
		`[]`: false,
	} {
		var e engine.Event
		if err := json.Unmarshal([]byte(text), &e); err == nil || isUnknown(err) != unknown {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Events that do not fit are refused whole, whatever state they meet.
func TestEvolveRefusesWhatDoesNotFit(t *testing.T) {
	log := eventful(t).log
	log = log[:slices.IndexFunc(log, func(e engine.Event) bool { return e.Type == engine.WorkflowDone })+1]
	var w engine.Workflow
	for i, e := range log {
		before := whole(t, w)
		for _, odd := range []int{0, i + 1, i + 5, len(log) - 1} {
			if odd >= len(log) || odd == i {
				continue
			}
			if _, err := engine.Evolve(w, e, log[odd]); err == nil && odd != i+1 {
				t.Errorf("event %d was taken after event %d", log[odd].Seq, e.Seq)
			}
			stray := log[odd]
			stray.Seq = w.Seq + 1
			got, err := engine.Evolve(w, stray)
			if err != nil && whole(t, got) != before {
				t.Errorf("event %s was refused and yet changed something", stray.Type)
			}
		}
		var err error
		if w, err = engine.Evolve(w, e); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range log {
		e.Seq = w.Seq + 1
		if _, err := engine.Evolve(w, e); err == nil {
			t.Errorf("%s was taken after the end", e.Type)
		}
	}
}

// FuzzEvent reads foreign bytes as events: no panic, and what is read is written the same way again and can be offered
// to any workflow.
func FuzzEvent(f *testing.F) {
	log := eventful(f).log
	for _, e := range log {
		b, err := json.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	var states []engine.Workflow
	var w engine.Workflow
	for _, e := range log {
		states = append(states, w)
		next, err := engine.Evolve(w, e)
		if err != nil {
			break // the second workflow
		}
		w = next
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var e engine.Event
		if json.Unmarshal(b, &e) != nil {
			return
		}
		e = reread(t, e)
		for _, w := range states {
			e.Seq = w.Seq + 1
			before := whole(t, w)
			next, err := engine.Evolve(w, e)
			if whole(t, w) != before {
				t.Fatalf("%s changed the workflow it was applied to", b)
			}
			if err == nil {
				whole(t, next)
				engine.Next(next)
			}
		}
	})
}
