package engine

import "time"

// TaskID names a task within its workflow: the spec's own id where it has one.
type TaskID string

// The workflow's own work is told as tasks too, so that it has attempts, transcripts and questions like theirs.
const (
	PlanTask     TaskID = "plan"     // the agent writes the spec
	ReadyTask    TaskID = "ready"    // the agent proposes the tasks
	CriteriaTask TaskID = "criteria" // the spec's success criteria are checked
)

// Reserved says whether the id is one of the workflow's own and so not free for a spec's task.
func (id TaskID) Reserved() bool {
	return id == PlanTask || id == ReadyTask || id == CriteriaTask
}

// PlannedTask is a task as a spec or an agent states it, before anything happened to it.
type PlannedTask struct {
	ID          TaskID   `json:"id"`
	Title       string   `json:"title"`
	Description string   `json:"description,omitempty"`
	Profile     string   `json:"profile,omitempty"`
	After       []TaskID `json:"after"`
	Covers      []string `json:"covers"`
	Checks      []string `json:"checks"`
}

// Task is a task of a workflow with what happened to it so far. A *Task reached from a Workflow is never changed:
// Evolve replaces it.
type Task struct {
	PlannedTask
	State TaskState `json:"state"`

	// Attempts counts the attempts ever intended, and is the number of the last one.
	Attempts int `json:"attempts"`
	// CheckRuns counts the verification runs intended for the last attempt.
	CheckRuns int `json:"check_runs,omitempty"`
	// Failures counts the failed attempts since the start or the last retry; [Limits].MaxAttempts bounds it.
	Failures int `json:"failures,omitempty"`
	// Verified is true or false after checks ran, and nil while none did or when there are none.
	Verified *bool `json:"verified"`
	// Open is the activity that was announced and has no outcome yet.
	Open *Activity `json:"open,omitempty"`
	// Wait says what the task waits for a person for.
	Wait *Wait `json:"wait,omitempty"`

	LastFailure *Failure `json:"last_failure,omitempty"`
	Answers     []Answer `json:"answers,omitempty"`
	// Tree is the content that the last finished attempt left, as far as it is known.
	Tree string `json:"tree,omitempty"`
	// Head is the commit that it left, as far as it is known.
	Head string `json:"head,omitempty"`
	// Note is the agent's own last word about the task: its summary, reason or question.
	Note string `json:"note,omitempty"`
}

// Failure is why an attempt was not good enough; the next prompt quotes it.
type Failure struct {
	Attempt  int    `json:"attempt"`
	Reason   string `json:"reason"`
	Evidence string `json:"evidence,omitempty"` // bounded by who made it
	// Tree and Head are what failed, and Same how many times in a row the same content and commit failed for the same
	// reason.
	Tree string `json:"tree,omitempty"`
	Head string `json:"head,omitempty"`
	Same int    `json:"same,omitempty"`
}

// Answer is a question of the agent's with what a person said to it.
type Answer struct {
	Question string    `json:"question"`
	Text     string    `json:"text"`
	Time     time.Time `json:"time"`
}

// clone returns a copy that may be changed.
func (t *Task) clone() *Task {
	c := *t
	c.Answers = append([]Answer(nil), t.Answers...)
	return &c
}
