package specs

import (
	"fmt"
	"strings"
)

// Complete says whether a spec can be worked on as it is, so that no agent has
// to plan it first, and why (or why not) in one short sentence. It is complete
// when it has a title, something to do (tasks, requirements or criteria) and
// no error.
func Complete(spec *Spec, ds []Diagnostic) (bool, string) {
	var first Diagnostic
	errors := 0
	for _, d := range ds {
		if d.Severity == Error {
			if errors == 0 {
				first = d
			}
			errors++
		}
	}
	has := inventory(spec)
	switch {
	case errors > 1:
		return false, fmt.Sprintf("line %d: %s (and %s)", first.Line, first.Text, plural(errors-1, "more error", "more errors"))
	case errors == 1:
		return false, fmt.Sprintf("line %d: %s", first.Line, first.Text)
	case len(has) == 0:
		return false, "the spec has no requirements, no success criteria and no tasks"
	}
	return true, "the spec has a title, " + strings.Join(has, ", ")
}

// inventory names how much of what a spec has.
func inventory(spec *Spec) []string {
	var has []string
	for _, part := range []struct {
		n         int
		one, many string
	}{
		{len(spec.Requirements), "requirement", "requirements"},
		{len(spec.Criteria), "success criterion", "success criteria"},
		{len(spec.Tasks), "task", "tasks"},
	} {
		if part.n > 0 {
			has = append(has, plural(part.n, part.one, part.many))
		}
	}
	return has
}
