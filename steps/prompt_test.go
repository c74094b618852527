package steps

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wrapix/wrapix/engine"
)

const demoSpec = `# Greeter

Says hello.

## Problem Statement

Nobody greets.

## Requirements

### Functional

1. Prints a greeting.
2. Takes a name.

## Success Criteria

- [ ] It greets. Check: ` + "`sh greet.sh`" + `

## Tasks

- [ ] **T1** Write greet.sh (covers: R1)
  - Check: ` + "`sh greet.sh`" + `
- [ ] **T2** Take a name (after: T1, covers: R2)
  - Check: ` + "`sh greet.sh you | grep you`" + `
`

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// workflowOf starts a workflow of the spec and does what needs no sandbox.
func workflowOf(t *testing.T, s *Steps, text string) engine.Workflow {
	t.Helper()
	source, _ := s.source("specs/x.md", []byte(text))
	w := decide(t, engine.Workflow{}, engine.Start{ID: "x-1", Label: "x", SpecPath: "specs/x.md", Source: source})
	for {
		switch engine.Next(w).Kind {
		case engine.PassPlan:
			w = decide(t, w, engine.SkipPlan{})
		case engine.PassTasks:
			w = decide(t, w, engine.TakeTasks{})
		default:
			return w
		}
	}
}

func decide(t *testing.T, w engine.Workflow, c engine.Command) engine.Workflow {
	t.Helper()
	events, err := engine.Decide(w, c, noon)
	if err != nil {
		t.Fatalf("%T: %v", c, err)
	}
	if w, err = engine.Evolve(w, events...); err != nil {
		t.Fatal(err)
	}
	return w
}

func promptOf(t *testing.T, s *Steps, w engine.Workflow, task engine.TaskID) string {
	t.Helper()
	w = decide(t, w, engine.Intend{Task: task})
	b, err := s.prompt(w, *w.Task(task).Open)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPromptOfAStep(t *testing.T) {
	s := New(Options{Checks: []string{"make lint"}})
	w := workflowOf(t, s, demoSpec)
	text := promptOf(t, s, w, "T1")
	for _, want := range []string{
		"RALPH_COMPLETE", "## Spec", "Prints a greeting.", "## Plan", "- T1 Write greet.sh: this task",
		"- T2 Take a name (after T1): pending", "## Your task", "**T1** Write greet.sh", "It covers: R1",
		"    sh greet.sh\n", "    make lint\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the prompt lacks %q:\n%s", want, text)
		}
	}
	for _, not := range []string{"## Last failure", "## Questions and answers", "<no value>"} {
		if strings.Contains(text, not) {
			t.Errorf("the first prompt has %q:\n%s", not, text)
		}
	}
}

func TestPromptAfterFailureAndAnswer(t *testing.T) {
	s := New(Options{})
	w := workflowOf(t, s, demoSpec)
	first := engine.AttemptID{Task: "T1", Number: 1}
	w = decide(t, w, engine.Intend{Task: "T1"})
	w = decide(t, w, engine.Finish{ID: first, Outcome: engine.Outcome{Signal: engine.SignalComplete}})
	w = decide(t, w, engine.Intend{Task: "T1"})
	w = decide(t, w, engine.Finish{ID: engine.AttemptID{Task: "T1", Number: 1, Check: 1}, Outcome: engine.Outcome{
		Checks:   []engine.CheckResult{{Command: "sh greet.sh", ExitCode: 1}},
		Evidence: "expected ``` and " + strings.Repeat("z", 3*maxEvidence),
	}})
	w = decide(t, w, engine.Intend{Task: "T1"})
	w = decide(t, w, engine.Finish{ID: engine.AttemptID{Task: "T1", Number: 2}, Outcome: engine.Outcome{
		Signal: engine.SignalClarify, Message: "Which language?",
	}})
	w = decide(t, w, engine.Reply{Task: "T1", Text: "English"})
	text := promptOf(t, s, w, "T1")
	for _, want := range []string{
		"## Last failure", "Attempt 1 was not accepted: check failed with exit code 1: sh greet.sh", "````\nexpected ``` and",
		"## Questions and answers", "- Question: Which language?\n  Answer: English", "bytes left out",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the prompt lacks %q:\n%s", want, text)
		}
	}
	if len(text) > 3*maxEvidence {
		t.Errorf("the prompt has %d bytes", len(text))
	}
}

func TestPromptsOfPlanAndReady(t *testing.T) {
	s := New(Options{Profiles: []string{"base"}})
	w := workflowOf(t, s, "# Greeter\n")
	text := promptOf(t, s, w, engine.PlanTask)
	for _, want := range []string{"Write the file specs/x.md", "RALPH_CLARIFY", "# Greeter"} {
		if !strings.Contains(text, want) {
			t.Errorf("the plan prompt lacks %q:\n%s", want, text)
		}
	}
	tasks := strings.Index(demoSpec, "## Tasks")
	text = promptOf(t, s, workflowOf(t, s, demoSpec[:tasks]), engine.ReadyTask)
	for _, want := range []string{"RALPH_PLAN", "Known profiles: base", "Takes a name."} {
		if !strings.Contains(text, want) {
			t.Errorf("the ready prompt lacks %q:\n%s", want, text)
		}
	}
}

func TestPromptOfALargePlan(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Large\n\nText.\n\n## Tasks\n\n")
	for i := 1; i <= 500; i++ {
		fmt.Fprintf(&b, "- [ ] **T%d** Step %d", i, i)
		if i > 1 {
			fmt.Fprintf(&b, " (after: T%d)", i-1)
		}
		b.WriteString("\n  - Check: `true`\n")
	}
	s := New(Options{})
	text := promptOf(t, s, workflowOf(t, s, b.String()), "T1")
	if !strings.Contains(text, "- T2 Step 2 (after T1)") || !strings.Contains(text, "and 498 more tasks") {
		t.Errorf("neighbours or the count are missing:\n%s", text)
	}
}
