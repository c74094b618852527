package engine

import (
	"iter"
	"time"
)

// WorkflowID names a workflow within its project's store.
type WorkflowID string

// Workflow is the projection: everything the engine knows about one run of a spec, as the fold of its events.
//
// It is a value. Evolve returns a new one that shares unchanged tasks with the old by pointer, which is how a store
// sees what to write.
type Workflow struct {
	ID       WorkflowID    `json:"id"`
	Label    string        `json:"label"`
	SpecPath string        `json:"spec"` // relative to the project where it lies inside
	SpecHash string        `json:"spec_hash"`
	GitHead  string        `json:"git_head,omitempty"`
	State    WorkflowState `json:"state"`
	// Behind is the state that a wait interrupted, and to which its end returns.
	Behind  WorkflowState `json:"behind,omitempty"`
	Seq     uint64        `json:"seq"` // of the last event
	Created time.Time     `json:"created"`
	Updated time.Time     `json:"updated"`
	Limits  Limits        `json:"limits"`
	// Given names the limits that a person gave, in order: they hold whatever the configuration says.
	Given []LimitKey `json:"given,omitempty"`
	// Holds are the workflow's own waits, one of a kind. While there is any, nothing new begins.
	Holds []Wait `json:"holds,omitempty"`
	// Due are the hooks that have to run before anything new begins.
	Due []DueHook `json:"due,omitempty"`
	// Faults counts the activities in a row that the host could not run.
	Faults int `json:"faults,omitempty"`
	// Undo is the one whose files are not back yet. Nothing else begins before they are.
	Undo *Undoing `json:"undo,omitempty"`

	// Totals over all attempts that ended.
	Iterations int           `json:"iterations"`
	CostUSD    float64       `json:"cost_usd"`
	Tokens     int64         `json:"tokens"`
	Spent      time.Duration `json:"spent"` // sandbox time
	// Today are those of the last day on which something ended.
	Today Day `json:"today,omitzero"`

	// The workflow's own work, told as tasks.
	Plan     *Task `json:"plan"`
	Ready    *Task `json:"ready"`
	Criteria *Task `json:"criteria"`

	// Source and Tasks are kept apart from the rest because they are large and change rarely.
	Source *Source `json:"-"`
	Tasks  []*Task `json:"-"`
	index  *taskIndex
	tally  tally
}

// Source is the spec as the engine uses it, with the text that was read.
type Source struct {
	Text string `json:"text"`
	Hash string `json:"hash"`
	// Complete says that planning can be skipped, Reason why (not).
	Complete bool   `json:"complete"`
	Reason   string `json:"reason"`
	// Tasks are those that the spec states itself; without any the agent proposes them.
	Tasks        []PlannedTask `json:"tasks,omitempty"`
	Requirements []string      `json:"requirements,omitempty"`
	// Checks are the project's: they run after each task's own. They are not of the spec, but kept with it, because a
	// workflow keeps the checks that it started with.
	Checks []string `json:"checks,omitempty"`
	// Criteria are the checks of the spec's success criteria.
	Criteria []string `json:"criteria,omitempty"`
	// Profiles are the names that a task may ask for.
	Profiles []string `json:"profiles,omitempty"`
}

// Wait says what is waited for and since when.
type Wait struct {
	Kind    WorkflowState `json:"kind"` // awaiting_answer, blocked, budget_spent, …
	Message string        `json:"message"`
	Since   time.Time     `json:"since"`
	// Until is when the wait ends by itself; zero is never.
	Until time.Time `json:"until,omitzero"`
	// Limit is the one that is used up, where it is one of the workflow's.
	Limit LimitKey `json:"limit,omitempty"`
	// Notified says that a person was told, and Told when that was last.
	Notified bool      `json:"notified,omitempty"`
	Told     time.Time `json:"told,omitzero"`
}

// OpenWait is a wait with the task it belongs to; the task is empty for the workflow's own.
type OpenWait struct {
	Task TaskID
	Wait
}

// Restore puts a projection together from the parts in which a store keeps it.
func Restore(w Workflow, source *Source, tasks []*Task) Workflow {
	w.Source, w.Tasks = source, tasks
	w.reindex()
	return w
}

// Task returns the task of that id, the workflow's own included, or nil.
func (w Workflow) Task(id TaskID) *Task {
	switch id {
	case PlanTask:
		return w.Plan
	case ReadyTask:
		return w.Ready
	case CriteriaTask:
		return w.Criteria
	}
	return w.planned(id)
}

// all yields the workflow's own tasks and then, where there are any of the kind that is looked for, those of the spec
// from the first on that is not finished.
func (w Workflow) all(ofKind int) iter.Seq[*Task] {
	return func(yield func(*Task) bool) {
		for _, t := range []*Task{w.Plan, w.Ready, w.Criteria} {
			if t != nil && !yield(t) {
				return
			}
		}
		for i := w.tally.from; ofKind > 0 && i < len(w.Tasks); i++ {
			if !yield(w.Tasks[i]) {
				return
			}
		}
	}
}

// OpenActivities lists what was announced and has no outcome yet.
func (w Workflow) OpenActivities() []Activity {
	var open []Activity
	for t := range w.all(w.tally.open) {
		if t.Open != nil {
			open = append(open, *t.Open)
		}
	}
	return open
}

// isOpen says whether the activity was announced and has no outcome yet.
func (w Workflow) isOpen(id AttemptID) bool {
	t := w.Task(id.Task)
	return t != nil && t.Open != nil && t.Open.ID == id
}

// Waits lists all that is waited for, the workflow's own wait first, then by task. A workflow that has ended waits for
// nothing.
func (w Workflow) Waits() []OpenWait {
	if w.State.Ended() {
		return nil
	}
	var waits []OpenWait
	for _, h := range w.Holds {
		waits = append(waits, OpenWait{Wait: h})
	}
	for t := range w.all(w.tally.waits) {
		if t.Wait != nil {
			waits = append(waits, OpenWait{Task: t.ID, Wait: *t.Wait})
		}
	}
	return waits
}

// hold returns the workflow's own wait of that kind, or nil.
func (w Workflow) hold(kind WorkflowState) *Wait {
	for i := range w.Holds {
		if w.Holds[i].Kind == kind {
			return &w.Holds[i]
		}
	}
	return nil
}

// Wakes returns when the first wait ends by itself, or the zero time when none does.
func (w Workflow) Wakes() time.Time {
	var first time.Time
	for _, wait := range w.Waits() {
		if u := wait.Until; !u.IsZero() && (first.IsZero() || u.Before(first)) {
			first = u
		}
	}
	return first
}

// Waiting returns the wait that a person should look at first, or nil when there is none.
func (w Workflow) Waiting() *OpenWait {
	var first *OpenWait
	for _, o := range w.Waits() {
		if first == nil || urgency[o.Kind] < urgency[first.Kind] {
			first = &o
		}
	}
	return first
}

// urgency orders the kinds of wait by how much a person is needed.
var urgency = map[WorkflowState]int{
	AwaitingAnswer: 1, Blocked: 2, AwaitingApproval: 3, BudgetSpent: 4, RateLimited: 5, Paused: 6,
}
