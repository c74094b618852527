package engine

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Phase says what an activity is for; agents see it as RALPH_PHASE.
type Phase string

// The phases, in the order of a workflow's life.
const (
	PhasePlan   Phase = "plan"
	PhaseReady  Phase = "ready"
	PhaseStep   Phase = "step"
	PhaseVerify Phase = "verify"
)

// AttemptID names one activity of a workflow: an agent's attempt at a task, or the k-th verification of it.
type AttemptID struct {
	Task   TaskID `json:"task"`
	Number int    `json:"number"`          // 1, 2, …
	Check  int    `json:"check,omitempty"` // 0 is the agent's attempt itself
}

// String returns the form people type: T1/2, and T1/2/check-1 for a verification.
func (id AttemptID) String() string {
	s := string(id.Task) + "/" + strconv.Itoa(id.Number)
	if id.Check > 0 {
		s += "/check-" + strconv.Itoa(id.Check)
	}
	return s
}

// ParseAttemptID reads what [AttemptID.String] writes. A task alone gives the number 0.
func ParseAttemptID(s string) (AttemptID, error) {
	bad := fmt.Errorf("%q is not TASK, TASK/ATTEMPT or TASK/ATTEMPT/check-N", s)
	parts := strings.Split(s, "/")
	if parts[0] == "" || len(parts) > 3 {
		return AttemptID{}, bad
	}
	id := AttemptID{Task: TaskID(parts[0])}
	for i, p := range parts[1:] {
		if i == 1 {
			var ok bool
			if p, ok = strings.CutPrefix(p, "check-"); !ok {
				return AttemptID{}, bad
			}
		}
		n, err := strconv.Atoi(p)
		if err != nil || n < 1 || strconv.Itoa(n) != p {
			return AttemptID{}, bad
		}
		if i == 0 {
			id.Number = n
		} else {
			id.Check = n
		}
	}
	return id, nil
}

// Activity is a piece of work in one sandbox, announced in the log before anything of it exists.
type Activity struct {
	ID    AttemptID `json:"id"`
	Phase Phase     `json:"phase"`
	Since time.Time `json:"since"`
}

// Signal is how an agent ends its attempt.
type Signal string

// The signals, which are a contract with agents. No signal means: not complete.
const (
	SignalNone     Signal = ""
	SignalComplete Signal = "complete"
	SignalBlocked  Signal = "blocked"
	SignalClarify  Signal = "clarify"
)

// Outcome is what an activity came to, as its sandbox's record tells it.
type Outcome struct {
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`

	// Failed says why the attempt cannot count, whatever the agent said: a non-zero exit, a timeout. Empty: it counts.
	Failed   string `json:"failed,omitempty"`
	ExitCode int    `json:"exit_code"`
	// Evidence is the bounded text that the next prompt quotes when this one failed.
	Evidence string `json:"evidence,omitempty"`

	// Of an agent's attempt.
	Signal       Signal  `json:"signal,omitempty"`
	Message      string  `json:"message,omitempty"`
	CostUSD      float64 `json:"cost_usd,omitempty"`
	InputTokens  int64   `json:"input_tokens,omitempty"`
	OutputTokens int64   `json:"output_tokens,omitempty"`
	// Session is the agent's own name for what it did, where it gave one.
	Session string `json:"session,omitempty"`
	// Model is what the agent says that it used, or empty.
	Model string `json:"model,omitempty"`

	// Of a verification: one entry a check, in order.
	Checks []CheckResult `json:"checks,omitempty"`

	// Snapshot is that of the work tree which an agent's attempt left, and Tree its content. They are empty where none
	// was taken, and SnapshotError says why where one should have been.
	Snapshot      string `json:"snapshot,omitempty"`
	Tree          string `json:"tree,omitempty"`
	Head          string `json:"head,omitempty"` // the project's commit then, as far as it is known
	SnapshotError string `json:"snapshot_error,omitempty"`

	// Transcript says what the sandbox printed, so that the kept file can be held against it.
	Transcript Transcript `json:"transcript"`

	// Source and Tasks are the products of the phases plan and ready. They travel in events of their own.
	Source *Source       `json:"-"`
	Tasks  []PlannedTask `json:"-"`
}

// Passed says whether all checks of a verification passed.
func (o Outcome) Passed() bool {
	for _, c := range o.Checks {
		if !c.Passed {
			return false
		}
	}
	return o.Failed == "" && len(o.Checks) > 0
}

// CheckResult is one check's end.
type CheckResult struct {
	Command  string `json:"command"`
	Passed   bool   `json:"passed"`
	ExitCode int    `json:"exit_code"`
	Output   string `json:"output,omitempty"` // bounded head and tail
}

// Transcript describes what the sandbox printed on its standard output.
type Transcript struct {
	Bytes  int64  `json:"bytes"`
	Cut    int64  `json:"cut,omitempty"` // bytes left out in the middle
	SHA256 string `json:"sha256,omitempty"`
}
