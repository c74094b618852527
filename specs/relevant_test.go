package specs_test

import (
	"strings"
	"testing"

	"github.com/wrapix/wrapix/specs"
)

func relevantSpec(t *testing.T) *specs.Spec {
	t.Helper()
	spec, ds := specs.Parse("x.md", []byte(`# Title

Intro.

## Problem Statement

Why.

## Requirements

- R1 First
  - with a detail
- R2 Second

## Affected Files

- `+"`a.go`"+`: new

## Out of Scope

Rest.

## Implementation Notes

`+strings.Repeat("A long note.\n", 100)+`
## Tasks

- T1 One (covers: R2)
- T2 Two
`))
	if specs.HasErrors(ds) {
		t.Fatal(ds)
	}
	return spec
}

func TestRelevantTextHasWhatTheTaskCovers(t *testing.T) {
	spec := relevantSpec(t)
	one := specs.RelevantText(spec, spec.Tasks[0], 1<<20)
	for _, want := range []string{"**Title**", "### Overview\n\nIntro.", "### Problem Statement\n\nWhy.", "- **R2** Second", "- `a.go`: new", "### Out of Scope\n\nRest.", "### Implementation Notes\n\nA long note."} {
		if !strings.Contains(one, want) {
			t.Errorf("no %q in:\n%s", want, one)
		}
	}
	if strings.Contains(one, "R1") {
		t.Errorf("R1 is not covered by T1:\n%s", one)
	}
	two := specs.RelevantText(spec, spec.Tasks[1], 1<<20)
	if !strings.Contains(two, "- **R1** First\n  - with a detail\n- **R2** Second") {
		t.Errorf("a task that covers nothing gets all requirements:\n%s", two)
	}
	if strings.Contains(two, "Cut to fit") {
		t.Errorf("nothing had to be cut:\n%s", two)
	}
}

func TestRelevantTextFitsItsBudget(t *testing.T) {
	spec := relevantSpec(t)
	whole := len(specs.RelevantText(spec, spec.Tasks[0], 1<<20))
	for budget := range whole + 10 {
		text := specs.RelevantText(spec, spec.Tasks[0], budget)
		if len(text) > budget {
			t.Fatalf("%d bytes, the budget is %d", len(text), budget)
		}
		if cut := len(text) < whole; text != "" && cut != strings.Contains(text, "read the spec itself for: ") {
			t.Fatalf("budget %d: cut %v, but the text is:\n%s", budget, cut, text)
		}
	}
	text := specs.RelevantText(spec, spec.Tasks[0], 600)
	if !strings.HasSuffix(text, "\n\n(Cut to fit, read the spec itself for: notes.)") {
		t.Errorf("the cut part is not named:\n%s", text)
	}
	if !strings.Contains(text, "A long note.\nA long note.") {
		t.Errorf("the head of the cut part is kept:\n%s", text)
	}
}
