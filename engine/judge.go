package engine

import (
	"fmt"
	"strings"
)

// judgeAttempt says what an agent's attempt means. The agent's word counts only if its process ended well, and a
// claim in the phases plan and ready only if there is a product.
func judgeAttempt(w Workflow, phase Phase, o *Outcome) (Verdict, string) {
	if o.Failed != "" {
		return VerdictFailed, o.Failed
	}
	switch o.Signal {
	case SignalBlocked:
		return VerdictBlocked, ""
	case SignalClarify:
		return VerdictAsked, ""
	case SignalComplete:
	default:
		return VerdictFailed, "the agent ended without a signal (RALPH_COMPLETE, RALPH_BLOCKED: reason or RALPH_CLARIFY: question)"
	}
	switch {
	case phase == PhasePlan && o.Source == nil:
		return VerdictFailed, "the agent says the spec is written, but there is none"
	case phase == PhasePlan && !o.Source.Complete:
		o.Evidence = o.Source.Reason
		return VerdictFailed, "the spec that the agent wrote is not complete"
	case phase == PhasePlan && len(o.Source.Tasks) > 0:
		if problems := PlanProblems(o.Source.Tasks, *o.Source); len(problems) > 0 {
			o.Evidence = strings.Join(problems, "\n")
			return VerdictFailed, "the tasks of the spec that the agent wrote are no plan: " + problems[0]
		}
	case phase == PhaseReady:
		problems := PlanProblems(o.Tasks, *w.Source)
		for _, id := range uncovered(o.Tasks, w.Source.Requirements) {
			problems = append(problems, "requirement "+id+" is covered by no task")
		}
		if len(problems) > 0 {
			o.Evidence = strings.Join(problems, "\n")
			return VerdictFailed, "the proposed plan is not valid: " + problems[0]
		}
	}
	return VerdictClaimed, ""
}

// judgeCheck says what a verification means: all checks of the task ran and passed, or it failed.
func judgeCheck(t *Task, o Outcome) (Verdict, string) {
	if o.Passed() && len(o.Checks) >= len(t.Checks) {
		return VerdictPassed, ""
	}
	if o.Failed != "" {
		return VerdictFailed, o.Failed
	}
	for _, c := range o.Checks {
		if !c.Passed {
			return VerdictFailed, fmt.Sprintf("check failed with exit code %d: %s", c.ExitCode, c.Command)
		}
	}
	return VerdictFailed, fmt.Sprintf("only %d of %d checks ran", len(o.Checks), len(t.Checks))
}
