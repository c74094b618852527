package engine

import "github.com/looplab/fsm"

// WorkflowState is where a workflow stands.
type WorkflowState string

// The states of a workflow: its life, its waits, its ends.
const (
	Created   WorkflowState = "created"
	Started   WorkflowState = "started"
	Planned   WorkflowState = "planned"
	Ready     WorkflowState = "ready"
	Running   WorkflowState = "running"
	Verifying WorkflowState = "verifying"

	AwaitingAnswer   WorkflowState = "awaiting_answer"
	Blocked          WorkflowState = "blocked"
	AwaitingApproval WorkflowState = "awaiting_approval"
	RateLimited      WorkflowState = "rate_limited"
	BudgetSpent      WorkflowState = "budget_spent"
	Paused           WorkflowState = "paused"

	Done      WorkflowState = "done"
	Failed    WorkflowState = "failed"
	Cancelled WorkflowState = "cancelled"
)

var (
	activeStates = []string{"started", "planned", "ready", "running", "verifying"}
	waitStates   = []string{"awaiting_answer", "blocked", "awaiting_approval", "rate_limited", "budget_spent", "paused"}
)

// workflowMachine holds the legal transitions of a workflow. A wait is entered by "wait_KIND" and left by
// "resume_STATE" to the state that it interrupted.
var workflowMachine = newMachine("workflow", string(Created), workflowEvents())

func workflowEvents() fsm.Events {
	events := fsm.Events{
		{Name: "start", Src: []string{"created"}, Dst: "started"},
		{Name: "plan", Src: []string{"started"}, Dst: "planned"},
		{Name: "ready", Src: []string{"planned"}, Dst: "ready"},
		{Name: "run", Src: []string{"ready", "verifying"}, Dst: "running"},
		{Name: "verify", Src: []string{"running", "ready"}, Dst: "verifying"},
		{Name: "finish", Src: []string{"verifying"}, Dst: "done"},
		{Name: "fail", Src: append(activeStates, waitStates...), Dst: "failed"},
		{Name: "cancel", Src: append(activeStates, waitStates...), Dst: "cancelled"},
	}
	for _, wait := range waitStates {
		events = append(events, fsm.EventDesc{Name: "wait_" + wait, Src: activeStates, Dst: wait})
	}
	for _, active := range activeStates {
		events = append(events, fsm.EventDesc{Name: "resume_" + active, Src: waitStates, Dst: active})
	}
	return events
}

// Waits says whether the state is one of waiting.
func (s WorkflowState) Waits() bool { return urgency[s] > 0 }

// Ended says whether nothing moves any more.
func (s WorkflowState) Ended() bool { return s == Done || s == Failed || s == Cancelled }
