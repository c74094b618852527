package engine

import "time"

// NoData is the payload of events whose type says it all.
type NoData struct{}

// CreatedData names the workflow.
type CreatedData struct {
	ID       WorkflowID `json:"id"`
	Label    string     `json:"label"`
	SpecPath string     `json:"spec"`
}

// StartedData is what the workflow starts from.
type StartedData struct {
	Source  Source `json:"source"`
	GitHead string `json:"git_head"`
	Limits  Limits `json:"limits"`
	// Config is the configuration file's text at the start, for the account only.
	Config string `json:"config,omitempty"`
}

// ReasonData says why.
type ReasonData struct {
	Reason string `json:"reason"`
}

// SourceData is the spec that the agent wrote.
type SourceData struct {
	Source Source `json:"source"`
}

// TasksData is the plan.
type TasksData struct {
	From  string        `json:"from"` // "spec" or "agent"
	Tasks []PlannedTask `json:"tasks"`
	// Uncovered names requirements that no task covers.
	Uncovered []string `json:"uncovered,omitempty"`
}

// IntendedData announces an activity.
type IntendedData struct {
	Phase Phase `json:"phase"`
	Check int   `json:"check,omitempty"`
}

// Verdict is what a finished activity means for its task.
type Verdict string

// The verdicts.
const (
	VerdictClaimed Verdict = "claimed" // the agent says it is done: now it is checked
	VerdictAsked   Verdict = "asked"
	VerdictBlocked Verdict = "blocked"
	VerdictFailed  Verdict = "failed"
	VerdictPassed  Verdict = "passed"
)

// FinishedData is how an activity ended and what that means.
type FinishedData struct {
	Phase   Phase   `json:"phase"`
	Check   int     `json:"check,omitempty"`
	Verdict Verdict `json:"verdict"`
	// Reason is for VerdictFailed: one line.
	Reason string `json:"reason,omitempty"`
	// Day is the one, in UTC, on which it counts. Logs from before there were limits per day do not have it.
	Day     time.Time `json:"day,omitzero"`
	Outcome Outcome   `json:"outcome"`
}

// InterruptedData ends an activity of which no outcome exists. It does not count as a failure.
type InterruptedData struct {
	Phase  Phase  `json:"phase"`
	Check  int    `json:"check,omitempty"`
	Reason string `json:"reason"`
	// Fault says that the host could not run it.
	Fault bool `json:"fault,omitempty"`
	// Session is the agent's own name for what it did, where it gave one.
	Session string `json:"session,omitempty"`
	// Model is what it says that it used, or empty.
	Model string `json:"model,omitempty"`
	// Usage is what it used all the same, as far as it is known.
	Usage Usage     `json:"usage,omitzero"`
	Day   time.Time `json:"day,omitzero"`
}

// AnswerData is a person's answer.
type AnswerData struct {
	Question string `json:"question"`
	Text     string `json:"answer"`
}

// WaitData says what is waited for.
type WaitData struct {
	Kind    WorkflowState `json:"kind"`
	Message string        `json:"message"`
	// Until is when it ends by itself; zero is never.
	Until time.Time `json:"until,omitzero"`
	// Quiet says that nobody has to be told: it ends by itself.
	Quiet bool `json:"quiet,omitempty"`
	// Limit is the one that is used up, where it is one of the workflow's.
	Limit LimitKey `json:"limit,omitempty"`
}

// NotifiedData says when a person was told. Logs from before that was repeated do not have it.
type NotifiedData struct {
	At time.Time `json:"at,omitzero"`
}

// WaitLeftData says what ended a wait.
type WaitLeftData struct {
	Kind WorkflowState `json:"kind"`
	By   string        `json:"by"` // "answer", "retry", "skip", "resume", "limits", "time", "clock", "change", "approval", "start", "undo"
}

// HookDueData announces the hook after a step, with what the step came to.
type HookDueData struct {
	Hook    Hook    `json:"hook"`
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason,omitempty"`
}

// HookData is how a hook ended.
type HookData struct {
	Hook    Hook        `json:"hook"`
	Outcome HookOutcome `json:"outcome"`
}

// DeniedData are connections that the network's policy refused to an activity which runs, since the last such event.
type DeniedData struct {
	Check  int      `json:"check,omitempty"`
	Denied []Denied `json:"denied"`
}

// LimitsData are the limits from now on. Given names those that a person gave.
type LimitsData struct {
	Limits Limits     `json:"limits"`
	Given  []LimitKey `json:"given,omitempty"`
}

// UndoData says to which snapshot the files go back, and which one holds what they are now.
type UndoData struct {
	Snapshot string `json:"snapshot"`
	Before   string `json:"before"`
}

// UndoneData says what became of the files.
type UndoneData struct {
	Before  string `json:"before"` // the snapshot right before they were changed
	Changed int    `json:"changed"`
	Left    string `json:"left,omitempty"`
}

// RetriedData makes a task ready again. Forgiven says that its failures are not counted any more.
type RetriedData struct {
	Forgiven bool `json:"forgiven"`
}

// StateData names the state that is entered.
type StateData struct {
	State WorkflowState `json:"state"`
}
