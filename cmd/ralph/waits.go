package main

import (
	"fmt"
	"strings"

	"github.com/wrapix/wrapix/engine"
)

// ways returns the commands that end a wait, the likeliest first. in is "" or " -w ID", where the workflow has to be
// named.
func ways(w engine.Workflow, wait engine.OpenWait, in string) []string {
	switch {
	case wait.Kind == engine.AwaitingAnswer:
		return []string{fmt.Sprintf("ralph answer%s %s TEXT", in, wait.Task)}
	case wait.Kind == engine.AwaitingApproval:
		return []string{"wrapix trust && ralph loop" + in} // a loop is what looks at the approval
	case wait.Kind == engine.Blocked && wait.Task == "": // a hook
		return []string{"ralph loop" + in}
	case wait.Kind == engine.Blocked:
		return []string{fmt.Sprintf("ralph answer%s %s TEXT", in, wait.Task), fmt.Sprintf("ralph retry%s %s", in, wait.Task)}
	case wait.Kind == engine.BudgetSpent && wait.Task != "":
		return []string{fmt.Sprintf("ralph logs%s %s", in, wait.Task), fmt.Sprintf("ralph retry%s %s", in, wait.Task)}
	case wait.Kind == engine.BudgetSpent:
		return []string{"ralph loop" + in + raise(w, wait)}
	case wait.Kind == engine.RateLimited:
		return []string{"ralph loop" + in}
	case wait.Kind == engine.Paused:
		return []string{"ralph resume" + in}
	}
	return nil
}

// raise names the limit that gives the workflow more of what it has used up.
func raise(w engine.Workflow, wait engine.OpenWait) string {
	key := wait.Limit
	if key == "" { // entered by an older version
		key, _, _ = w.UsedUp(wait.Since)
	}
	if key == "" {
		return ""
	}
	return fmt.Sprintf(" --raise %s=%s", key, w.Enough(key, wait.Since))
}

// inWorkflow is how commands have to name the workflow: not at all where it is the only open one.
func inWorkflow(w engine.Workflow, open int) string {
	if open <= 1 && !w.State.Ended() {
		return ""
	}
	return " -w " + string(w.ID)
}

// tally says how many tasks stand how, in words.
func tally(tasks []*engine.Task) string {
	var order []string
	counts := map[string]int{}
	for _, t := range tasks {
		words := taskWords(t)
		if counts[words] == 0 {
			order = append(order, words)
		}
		counts[words]++
	}
	parts := make([]string, len(order))
	for i, words := range order {
		parts[i] = fmt.Sprintf("%d %s", counts[words], words)
	}
	return strings.Join(parts, ", ")
}
