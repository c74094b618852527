package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wrapix/wrapix/engine"
)

func isUnknown(err error) bool { return errors.Is(err, engine.ErrUnknownEvent) }

func TestAttemptIDs(t *testing.T) {
	for text, want := range map[string]engine.AttemptID{
		"T1":                 {Task: "T1"},
		"T1/2":               {Task: "T1", Number: 2},
		"T1/2/check-1":       {Task: "T1", Number: 2, Check: 1},
		"add.a_b-c/10":       {Task: "add.a_b-c", Number: 10},
		"criteria/1/check-3": {Task: engine.CriteriaTask, Number: 1, Check: 3},
	} {
		got, err := engine.ParseAttemptID(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if got.Number > 0 && got.String() != text {
			t.Errorf("%s is written %s", text, got)
		}
	}
	for _, text := range []string{
		"", "/", "/1", "T1/", "T1/0", "T1/-1", "T1/+1", "T1/01", "T1/x", "T1/1/1", "T1/1/check-", "T1/1/check-0",
		"T1/1/check-1/2", "T1/1/", "T1/99999999999999999999", "T1/ 1",
	} {
		if got, err := engine.ParseAttemptID(text); err == nil {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

func TestGraphs(t *testing.T) {
	for _, format := range []engine.GraphFormat{engine.GraphText, engine.GraphMermaid, engine.GraphDot} {
		workflow, err := engine.WorkflowGraph(engine.Running, format)
		if err != nil {
			t.Fatal(err)
		}
		task, err := engine.TaskGraph(engine.TaskVerifying, format)
		if err != nil {
			t.Fatal(err)
		}
		for _, state := range []string{"created", "planned", "running", "verifying", "done", "failed", "cancelled", "awaiting_answer", "rate_limited", "paused"} {
			if !strings.Contains(workflow, state) {
				t.Errorf("%s: the workflow's graph has no %s", format, state)
			}
		}
		for _, state := range []string{"pending", "ready", "running", "done", "awaiting_answer", "blocked", "failed", "skipped"} {
			if !strings.Contains(task, state) {
				t.Errorf("%s: the task's graph has no %s", format, state)
			}
		}
		other, _ := engine.WorkflowGraph(engine.Ready, format)
		if other == workflow {
			t.Errorf("%s: the present state is not marked", format)
		}
		again, _ := engine.WorkflowGraph(engine.Running, format)
		if again != workflow {
			t.Errorf("%s: it is drawn in another way each time", format)
		}
	}
	text, _ := engine.TaskGraph(engine.TaskReady, engine.GraphText)
	if strings.Count(text, "* ") != 1 || !strings.Contains(text, "* ready\n") || !strings.Contains(text, "  done\n    reopen                 -> pending\n") {
		t.Errorf("the task's graph is\n%s", text)
	}
	if _, err := engine.TaskGraph(engine.TaskReady, "png"); err == nil {
		t.Error("there is no png")
	}
}

func TestPlanProblems(t *testing.T) {
	source := engine.Source{Profiles: []string{"base", "go"}}
	many := make([]engine.PlannedTask, 20001)
	for i := range many {
		many[i].ID = engine.TaskID(fmt.Sprint("T", i))
	}
	ring := make([]engine.PlannedTask, 5000)
	for i := range ring {
		ring[i] = planned(fmt.Sprint("T", i), 0, engine.TaskID(fmt.Sprint("T", (i+1)%len(ring))))
	}
	for name, c := range map[string]struct {
		tasks []engine.PlannedTask
		want  string
	}{
		"none":          {nil, "it has no task"},
		"fine":          {[]engine.PlannedTask{planned("T2", 0, "T1"), planned("T1", 1)}, ""},
		"a diamond":     {[]engine.PlannedTask{planned("A", 0), planned("B", 0, "A"), planned("C", 0, "A"), planned("D", 0, "B", "C")}, ""},
		"twice after":   {[]engine.PlannedTask{planned("A", 0), planned("B", 0, "A", "A")}, ""},
		"itself":        {[]engine.PlannedTask{planned("T1", 0, "T1")}, "T1 -> T1"},
		"a circle":      {[]engine.PlannedTask{planned("S", 0), planned("A", 0, "C", "S"), planned("B", 0, "A"), planned("C", 0, "B"), planned("E", 0, "C")}, "A -> B -> C -> A"},
		"unknown":       {[]engine.PlannedTask{planned("T1", 0, "T9")}, `after "T9"`},
		"twice":         {[]engine.PlannedTask{planned("T1", 0), planned("T1", 0)}, "used twice"},
		"no id":         {[]engine.PlannedTask{planned("", 0)}, `task id ""`},
		"a path":        {[]engine.PlannedTask{planned("../../x", 0)}, "task id"},
		"dots":          {[]engine.PlannedTask{planned("..", 0)}, "task id"},
		"a newline":     {[]engine.PlannedTask{planned("T1\n", 0)}, "task id"},
		"too long":      {[]engine.PlannedTask{planned(strings.Repeat("x", 65), 0)}, "at most 64"},
		"reserved":      {[]engine.PlannedTask{planned("criteria", 0)}, "taken by the workflow itself"},
		"profile":       {[]engine.PlannedTask{{ID: "T1", Profile: "rust"}}, "base, go"},
		"too many":      {many, "more than 20000"},
		"many, and all": {many[:20000], ""},
		"a long circle": {ring, "the tasks wait for each other"},
	} {
		got := strings.Join(engine.PlanProblems(c.tasks, source), "\n")
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %.200q instead of %q", name, got, c.want)
		}
	}
}
