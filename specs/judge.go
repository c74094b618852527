package specs

import (
	"fmt"
	"strings"
)

// judge resolves the references of tasks, moves them into the spec and reports
// what is wrong between them.
func (p *parse) judge() {
	judgeTasks(p.report, p.spec.Requirements, p.tasks)
	for _, t := range p.tasks {
		p.spec.Tasks = append(p.spec.Tasks, t.Task)
	}
	if len(p.spec.Requirements)+len(p.spec.Criteria)+len(p.spec.Tasks) == 0 {
		p.report.add(Pos{}, CodeNothingToDo, "the spec has no requirements, no success criteria and no tasks")
	}
}

// judgeTasks resolves After and Covers of each task to the ids as they are
// written where they are defined.
func judgeTasks(report *reporter, requirements []Requirement, tasks []parsedTask) {
	byID := map[string]int{}
	for i, t := range tasks {
		key := strings.ToLower(t.ID)
		if first, taken := byID[key]; taken {
			report.add(t.at, CodeDuplicateTask, "task id %s is taken by the task on line %d", quote(t.ID), tasks[first].Pos.Line)
		} else {
			byID[key] = i
		}
		if isReserved(t.ID) {
			report.add(t.at, CodeReservedTask, "task id %s is reserved", quote(t.ID))
		}
		if len(t.Checks) == 0 {
			report.add(t.at, CodeTaskUnchecked, "task %s has no check", quote(t.ID))
		}
	}
	taskIDs := map[string]string{}
	for key, i := range byID {
		taskIDs[key] = tasks[i].ID
	}
	requirementIDs := map[string]string{}
	for _, r := range requirements {
		requirementIDs[strings.ToLower(r.ID)] = r.ID
	}
	covered := map[string]bool{}
	for i := range tasks {
		t := &tasks[i]
		t.After = resolve(t.after, taskIDs, func(ref place) {
			report.add(ref.pos, CodeUnknownAfter, "task %s comes after %s, which is no task", quote(t.ID), quote(ref.id))
		})
		t.Covers = resolve(t.covers, requirementIDs, func(ref place) {
			report.add(ref.pos, CodeUnknownCovers, "task %s covers %s, which is no requirement", quote(t.ID), quote(ref.id))
		})
		for _, id := range t.Covers {
			covered[id] = true
		}
	}
	if len(covered) > 0 {
		for _, r := range requirements {
			if !covered[r.ID] {
				report.add(r.Pos, CodeUncovered, "no task covers requirement %s", quote(r.ID))
			}
		}
	}
	judgeCycles(report, tasks, byID)
}

// resolve returns the known ids among refs, each once, as they are written
// where they are defined.
func resolve(refs []place, known map[string]string, unknown func(place)) []string {
	var ids []string
	seen := map[string]bool{}
	for _, ref := range refs {
		id, ok := known[strings.ToLower(ref.id)]
		switch {
		case !ok:
			unknown(ref)
		case !seen[id]:
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}

// judgeCycles takes away tasks that wait for nothing that is left, until only
// tasks on or behind circles are left, then walks from each of those to what
// it waits for. A walk that meets itself has found a circle. Each task is
// walked over once.
func judgeCycles(report *reporter, tasks []parsedTask, byID map[string]int) {
	waits := make([]int, len(tasks))
	followers := make([][]int, len(tasks))
	for i, t := range tasks {
		for _, id := range t.After {
			before := byID[strings.ToLower(id)]
			waits[i]++
			followers[before] = append(followers[before], i)
		}
	}
	var free []int
	for i, n := range waits {
		if n == 0 {
			free = append(free, i)
		}
	}
	for len(free) > 0 {
		i := free[len(free)-1]
		free = free[:len(free)-1]
		for _, f := range followers[i] {
			if waits[f]--; waits[f] == 0 {
				free = append(free, f)
			}
		}
	}
	walk := make([]int, len(tasks)) // number of the walk that met the task
	for start := range tasks {
		if waits[start] == 0 || walk[start] != 0 {
			continue
		}
		var path []int
		at := start
		for walk[at] == 0 {
			walk[at] = start + 1
			path = append(path, at)
			for _, id := range tasks[at].After {
				if next := byID[strings.ToLower(id)]; waits[next] > 0 {
					at = next
					break
				}
			}
		}
		if walk[at] != start+1 {
			continue
		}
		for path[0] != at {
			path = path[1:]
		}
		report.add(tasks[at].at, CodeCycle, "tasks wait for each other: %s", circle(tasks, path))
	}
}

// circle writes the path of a circle, each task waiting for the next.
func circle(tasks []parsedTask, path []int) string {
	const most = 12
	var b strings.Builder
	for i, t := range path {
		if i == most && len(path) > most+1 {
			fmt.Fprintf(&b, "… (%d more) -> ", len(path)-most)
			break
		}
		b.WriteString(tasks[t].ID + " -> ")
	}
	return b.String() + tasks[path[0]].ID
}
