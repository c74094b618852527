package engine

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// maxTasks bounds a plan; with more, a person would not find out what is going on.
const maxTasks = 20000

// taskIDPattern allows what is safe as a folder's and a container's name.
var taskIDPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// PlanError says why a plan cannot be taken.
type PlanError struct{ Problems []string }

// Error names all problems, one a line.
func (e *PlanError) Error() string { return "the plan is not valid: " + strings.Join(e.Problems, "\n") }

// PlanProblems says what keeps the tasks from being a plan: names, dependencies that do not exist or go in a circle,
// profiles that are not known. Without problems it returns nothing.
func PlanProblems(tasks []PlannedTask, source Source) []string {
	var problems []string
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if len(tasks) == 0 {
		add("it has no task")
	}
	if len(tasks) > maxTasks {
		add("it has %d tasks, more than %d", len(tasks), maxTasks)
		return problems
	}
	known := make(map[TaskID]bool, len(tasks))
	for _, t := range tasks {
		switch {
		case !taskIDPattern.MatchString(string(t.ID)):
			add("task id %q: use letters, digits, '.', '_' and '-', at most 64", t.ID)
		case t.ID.Reserved():
			add("task id %q is taken by the workflow itself", t.ID)
		case known[t.ID]:
			add("task id %q is used twice", t.ID)
		}
		known[t.ID] = true
		if t.Profile != "" && !slices.Contains(source.Profiles, t.Profile) {
			add("task %s asks for the profile %q; known are: %s", t.ID, t.Profile, strings.Join(source.Profiles, ", "))
		}
	}
	for _, t := range tasks {
		for _, dep := range t.After {
			if !known[dep] {
				add("task %s comes after %q, which does not exist", t.ID, dep)
			}
		}
	}
	if len(problems) == 0 {
		if cycle := findCycle(tasks); cycle != nil {
			add("the tasks wait for each other: %s", strings.Join(cycle, " -> "))
		}
	}
	return problems
}

// uncovered names the requirements that no task covers, unless the tasks do not speak of requirements at all.
func uncovered(tasks []PlannedTask, requirements []string) []string {
	covered := map[string]bool{}
	for _, t := range tasks {
		for _, r := range t.Covers {
			covered[r] = true
		}
	}
	if len(covered) == 0 {
		return nil
	}
	var missing []string
	for _, r := range requirements {
		if !covered[r] {
			missing = append(missing, r)
		}
	}
	return missing
}

// findCycle returns the tasks of a circle, the first again at the end, or nil. It takes away tasks that wait for
// nothing until none is left; what remains holds a circle, found by walking backwards.
func findCycle(tasks []PlannedTask) []string {
	waitsFor := make(map[TaskID]int, len(tasks))
	dependents := make(map[TaskID][]TaskID)
	after := make(map[TaskID][]TaskID, len(tasks))
	var free []TaskID
	for _, t := range tasks {
		waitsFor[t.ID], after[t.ID] = len(t.After), t.After
		if len(t.After) == 0 {
			free = append(free, t.ID)
		}
		for _, dep := range t.After {
			dependents[dep] = append(dependents[dep], t.ID)
		}
	}
	for len(free) > 0 {
		id := free[0]
		free = free[1:]
		delete(waitsFor, id)
		for _, next := range dependents[id] {
			if waitsFor[next]--; waitsFor[next] == 0 {
				free = append(free, next)
			}
		}
	}
	for _, t := range tasks {
		if _, left := waitsFor[t.ID]; left {
			return walkCycle(t.ID, after, waitsFor)
		}
	}
	return nil
}

func walkCycle(from TaskID, after map[TaskID][]TaskID, left map[TaskID]int) []string {
	seen := map[TaskID]int{}
	var path []string
	for id := from; ; {
		if at, again := seen[id]; again {
			cycle := append(path[at:], string(id))
			slices.Reverse(cycle) // from "comes after" to "comes before"
			return cycle
		}
		seen[id] = len(path)
		path = append(path, string(id))
		for _, dep := range after[id] {
			if _, stays := left[dep]; stays {
				id = dep
				break
			}
		}
	}
}
