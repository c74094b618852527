package engine

import "github.com/looplab/fsm"

// TaskState is where a task stands.
type TaskState string

// The states of a task.
const (
	TaskPending        TaskState = "pending" // waits for the tasks before it
	TaskReady          TaskState = "ready"
	TaskRunning        TaskState = "running"
	TaskVerifying      TaskState = "verifying"
	TaskDone           TaskState = "done"
	TaskAwaitingAnswer TaskState = "awaiting_answer"
	TaskBlocked        TaskState = "blocked"
	TaskFailed         TaskState = "failed" // its attempts are used up
	TaskSkipped        TaskState = "skipped"
)

// taskMachine holds the legal transitions of a task. The criteria have no agent, so they go from ready straight to
// verifying, and have one only after they failed; a plan that the spec makes unnecessary goes from ready to skipped.
var taskMachine = newMachine("task", string(TaskPending), fsm.Events{
	{Name: "release", Src: []string{"pending"}, Dst: "ready"},
	{Name: "run", Src: []string{"ready"}, Dst: "running"},
	{Name: "verify", Src: []string{"running", "ready"}, Dst: "verifying"},
	{Name: "pass", Src: []string{"verifying"}, Dst: "done"},
	{Name: "again", Src: []string{"running", "verifying"}, Dst: "ready"},
	{Name: "ask", Src: []string{"running"}, Dst: "awaiting_answer"},
	{Name: "block", Src: []string{"running", "ready"}, Dst: "blocked"},
	{Name: "fail", Src: []string{"ready"}, Dst: "failed"},
	{Name: "answer", Src: []string{"awaiting_answer", "blocked"}, Dst: "ready"},
	{Name: "retry", Src: []string{"blocked", "failed"}, Dst: "ready"},
	{Name: "reopen", Src: []string{"ready", "verifying", "done", "awaiting_answer", "blocked", "failed", "skipped"}, Dst: "pending"},
	{Name: "skip", Src: []string{"pending", "ready", "verifying", "awaiting_answer", "blocked", "failed"}, Dst: "skipped"},
})

// Finished says whether nothing is left to do for the task.
func (s TaskState) Finished() bool { return s == TaskDone || s == TaskSkipped }
