package steps

import (
	"bytes"
	"embed"
	"fmt"
	"strings"
	"text/template"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/specs"
)

//go:embed prompts
var promptFiles embed.FS

var prompts = template.Must(template.New("").ParseFS(promptFiles, "prompts/*.md"))

// Bounds on the parts of a prompt, in bytes and tasks. What is cut is named in the prompt itself.
const (
	maxSpecText  = 64 << 10
	maxPlanTasks = 60
)

// promptView is what the templates in prompts/ show.
type promptView struct {
	Phase       engine.Phase
	Task        *engine.Task
	Spec        string
	SpecPath    string
	SpecReason  string
	Plan        []planLine
	PlanLeftOut int
	Profiles    string
	Checks      []string
	Evidence    string // fenced
}

// planLine is one task of the plan as its neighbours see it.
type planLine struct {
	*engine.Task
	Here bool
}

// AfterText names the tasks that come before.
func (p planLine) AfterText() string {
	names := make([]string, len(p.After))
	for i, id := range p.After {
		names[i] = string(id)
	}
	return strings.Join(names, ", ")
}

// prompt writes what the agent is given. What is the same for all tasks comes first.
func (s *Steps) prompt(w engine.Workflow, a engine.Activity) ([]byte, error) {
	t := w.Task(a.ID.Task)
	v := promptView{
		Phase: a.Phase, Task: t, SpecPath: w.SpecPath, SpecReason: w.Source.Reason,
		Profiles: strings.Join(w.Source.Profiles, ", "), Checks: t.Checks,
	}
	spec, _ := specs.Parse(w.SpecPath, []byte(w.Source.Text))
	if a.Phase == engine.PhasePlan { // as the file is, to go on writing it
		v.Spec = fenced(bounded(w.Source.Text, maxSpecText))
	} else {
		v.Spec = specs.RelevantText(spec, specs.Task{ID: string(t.ID), Covers: t.Covers}, maxSpecText)
	}
	v.Plan, v.PlanLeftOut = planAround(w, t)
	if f := t.LastFailure; f != nil {
		v.Evidence = fenced(bounded(f.Evidence, maxEvidence))
	}
	var b bytes.Buffer
	if err := prompts.ExecuteTemplate(&b, string(a.Phase)+".md", v); err != nil {
		return nil, fmt.Errorf("prompt of phase %s: %w", a.Phase, err)
	}
	return b.Bytes(), nil
}

// planAround lists the plan; of a large one only the task, those it waits for and those that wait for it.
func planAround(w engine.Workflow, t *engine.Task) (lines []planLine, leftOut int) {
	near := map[engine.TaskID]bool{t.ID: true}
	for _, id := range t.After {
		near[id] = true
	}
	for _, other := range w.Tasks {
		for _, id := range other.After {
			near[other.ID] = near[other.ID] || id == t.ID
		}
	}
	for _, other := range w.Tasks {
		if len(w.Tasks) > maxPlanTasks && (!near[other.ID] || len(lines) == maxPlanTasks) {
			leftOut++
			continue
		}
		lines = append(lines, planLine{other, other.ID == t.ID})
	}
	return lines, leftOut
}

// fenced puts text into a code fence that it cannot close.
func fenced(text string) string {
	if text == "" {
		return ""
	}
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + "\n" + strings.TrimRight(text, "\n") + "\n" + fence
}
