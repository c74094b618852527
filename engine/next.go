package engine

import "slices"

// ActionKind says what can be done next in a workflow.
type ActionKind string

// The kinds of action.
const (
	Nothing    ActionKind = ""            // it waits or has ended
	PassPlan   ActionKind = "skip_plan"   // the spec is complete
	PassTasks  ActionKind = "take_tasks"  // the spec states its tasks
	RunAttempt ActionKind = "run_attempt" // an agent's attempt
	RunCheck   ActionKind = "run_check"   // a verification
	RunHook    ActionKind = "run_hook"    // a hook that is due
	InFlight   ActionKind = "in_flight"   // all that could run is running
	PutBack    ActionKind = "put_back"    // an undo was decided, and the files are not back yet
)

// Action is the next thing to do, and to which task.
type Action struct {
	Kind ActionKind
	Task TaskID
}

// Next says what to do next. It prefers to verify what was claimed over starting something new, and keeps the order
// of the plan. Tasks that run already are left out, so it can be asked again while they do.
func Next(w Workflow) Action {
	if w.Undo != nil && !w.State.Ended() {
		return Action{Kind: PutBack, Task: w.Undo.ID.Task}
	}
	if len(w.Holds) > 0 {
		return Action{}
	}
	if len(w.Due) > 0 {
		return Action{Kind: RunHook, Task: w.Due[0].Task}
	}
	switch w.phase() {
	case Started:
		if w.Source.Complete {
			return Action{Kind: PassPlan, Task: PlanTask}
		}
		return actionOf(w.Plan)
	case Planned:
		if len(w.Source.Tasks) > 0 {
			return Action{Kind: PassTasks, Task: ReadyTask}
		}
		return actionOf(w.Ready)
	case Ready, Running:
		return nextTask(w)
	case Verifying:
		return actionOf(w.Criteria)
	}
	return Action{}
}

// Rests says whether nothing can be done in a workflow before a person does something: what ends by itself does not
// help while something else holds it, such as a pause.
func Rests(w Workflow) bool {
	held := slices.ContainsFunc(w.Holds, func(h Wait) bool { return h.Until.IsZero() })
	return Next(w).Kind == Nothing && (held || w.Wakes().IsZero())
}

// phase is the state with waits looked through.
func (w Workflow) phase() WorkflowState {
	if w.State.Waits() {
		return w.Behind
	}
	return w.State
}

func nextTask(w Workflow) Action {
	wanted := RunCheck
	switch {
	case w.tally.claimed > 0:
	case w.tally.ready > 0:
		wanted = RunAttempt
	case w.tally.open > 0:
		wanted = InFlight
	default:
		return Action{}
	}
	for _, t := range w.Tasks[w.tally.from:] {
		if a := actionOf(t); a.Kind == wanted {
			return a
		}
	}
	return Action{}
}

func actionOf(t *Task) Action {
	switch {
	case t.Open != nil:
		return Action{Kind: InFlight, Task: t.ID}
	case phaseOf(t) == PhaseVerify:
		return Action{Kind: RunCheck, Task: t.ID}
	case phaseOf(t) != "":
		return Action{Kind: RunAttempt, Task: t.ID}
	}
	return Action{}
}
