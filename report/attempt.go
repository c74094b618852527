package report

import (
	"fmt"
	"time"

	"github.com/wrapix/wrapix/engine"
)

// task is a task with the attempts at it.
type task struct {
	*engine.Task
	Attempts []*attempt
	Events   []string // what else happened to it: retried, skipped, stalled
	asked    []question
}

// question is one of the agent's, with when it was asked and answered.
type question struct {
	Asked    time.Time
	Text     string
	Answered time.Time // zero while it is open
	Answer   string
}

// attempt is one number of a task: the agent's run, if there was one, and the verifications of it.
type attempt struct {
	ID     engine.AttemptID
	Runs   []*run
	Full   bool // output, diff and transcript are told
	latest bool
	seq    uint64
}

// run is one activity in one sandbox.
type run struct {
	ID       engine.AttemptID
	Phase    engine.Phase
	Began    time.Time
	Took     time.Duration
	Ended    bool
	Verdict  engine.Verdict // empty where it was interrupted or goes on
	Reason   string
	Fault    bool
	Cost     float64
	Tokens   int64
	ExitCode int
	Checks   int // how many ran
	Passed   int
	// Only of those that are told in full.
	Message string
	Results []engine.CheckResult
	Cut     int64 // bytes that the transcript lacks
}

// Check says that it is a verification.
func (r *run) Check() bool { return r.ID.Check > 0 }

// maxReason bounds what is kept of every run.
const maxReason = 300

// take adds what an event says, without what is large.
func (r *Report) take(e engine.Event) {
	switch data := e.Data.(type) {
	case engine.IntendedData:
		r.begin(e, data)
	case engine.FinishedData:
		r.finish(e, data)
	case engine.InterruptedData:
		if run := r.run(e, data.Check); run != nil {
			run.Ended, run.Reason, run.Fault = true, clip(data.Reason, maxReason), data.Fault
			run.Took, run.Cost, run.Tokens = data.Usage.Spent, data.Usage.CostUSD, data.Usage.Tokens
			if run.Took == 0 {
				run.Took = e.Time.Sub(run.Began)
			}
		}
		r.lost++
		if data.Fault {
			r.faults++
		}
	case engine.WaitData:
		if t := r.byTask[e.Task]; t != nil && data.Kind == engine.AwaitingAnswer {
			t.asked = append(t.asked, question{Asked: e.Time, Text: clip(data.Message, 4<<10)})
		}
	case engine.AnswerData:
		r.answer(e, data)
	case engine.StateData:
		if e.Type == engine.WorkflowWaiting {
			r.since = e.Time
		} else if e.Type == engine.WorkflowResumed && !r.since.IsZero() {
			r.waited, r.since = r.waited+max(0, e.Time.Sub(r.since)), time.Time{}
		}
	}
	r.note(e)
}

func (r *Report) begin(e engine.Event, data engine.IntendedData) {
	t := r.byTask[e.Task]
	if t == nil {
		return
	}
	if r.first.IsZero() {
		r.first = e.Time
	}
	id := engine.AttemptID{Task: e.Task, Number: e.Attempt}
	if n := len(t.Attempts); n == 0 || t.Attempts[n-1].ID != id {
		t.Attempts = append(t.Attempts, &attempt{ID: id})
		r.attempts++
	}
	a := t.Attempts[len(t.Attempts)-1]
	id.Check = data.Check
	a.seq = e.Seq
	a.Runs = append(a.Runs, &run{ID: id, Phase: data.Phase, Began: e.Time})
}

func (r *Report) finish(e engine.Event, data engine.FinishedData) {
	run, o := r.run(e, data.Check), data.Outcome
	if data.Verdict == engine.VerdictFailed {
		r.failed++
	}
	if run == nil {
		return
	}
	run.Ended, run.Verdict, run.Reason = true, data.Verdict, clip(data.Reason, maxReason)
	run.Took, run.Cost, run.Tokens, run.ExitCode = o.Finished.Sub(o.Started), o.CostUSD, o.InputTokens+o.OutputTokens, o.ExitCode
	for _, c := range o.Checks {
		run.Checks++
		if c.Passed {
			run.Passed++
		}
	}
}

func (r *Report) answer(e engine.Event, data engine.AnswerData) {
	t := r.byTask[e.Task]
	if t == nil {
		return
	}
	answer := clip(data.Text, 4<<10)
	if n := len(t.asked); n > 0 && t.asked[n-1].Answered.IsZero() {
		t.asked[n-1].Answered, t.asked[n-1].Answer = e.Time, answer
		return
	}
	t.asked = append(t.asked, question{Asked: e.Time, Text: clip(data.Question, 4<<10), Answered: e.Time, Answer: answer})
}

// run returns the run that an event ends, which is the latest of its number.
func (r *Report) run(e engine.Event, check int) *run {
	t := r.byTask[e.Task]
	if t == nil {
		return nil
	}
	id := engine.AttemptID{Task: e.Task, Number: e.Attempt, Check: check}
	for i := len(t.Attempts) - 1; i >= 0; i-- {
		if t.Attempts[i].ID.Number != e.Attempt {
			continue
		}
		for _, run := range t.Attempts[i].Runs {
			if run.ID == id {
				return run
			}
		}
	}
	return nil
}

// takeWords adds what is large to the runs that are told in full.
func (r *Report) takeWords(e engine.Event) {
	data, ok := e.Data.(engine.FinishedData)
	t := r.byTask[e.Task]
	if !ok || t == nil {
		return
	}
	for i := len(t.Attempts) - 1; i >= 0; i-- {
		if a := t.Attempts[i]; a.ID.Number == e.Attempt {
			if !a.Full {
				return
			}
			break
		}
	}
	run := r.run(e, data.Check)
	if run == nil {
		return
	}
	run.Message, run.Cut = clip(data.Outcome.Message, 4<<10), data.Outcome.Transcript.Cut
	for _, c := range data.Outcome.Checks[:min(len(data.Outcome.Checks), maxChecks)] {
		c.Command, c.Output = clip(c.Command, 1<<10), middle(c.Output, r.o.Bounds.Output)
		run.Results = append(run.Results, c)
	}
}

// maxChecks bounds the checks of one run that are told one by one.
const maxChecks = 30

// Words says how a run ended, and how good that is: "good", "bad", "warn" or "plain".
func (r *run) Words() (words, tone string) {
	switch {
	case !r.Ended:
		return "goes on", "plain"
	case r.Fault:
		return "could not run", "warn"
	case r.Verdict == "":
		return "interrupted", "warn"
	case r.Verdict == engine.VerdictPassed:
		return "passed", "good"
	case r.Verdict == engine.VerdictFailed:
		return "failed", "bad"
	case r.Verdict == engine.VerdictAsked:
		return "asked", "warn"
	case r.Verdict == engine.VerdictBlocked:
		return "blocked", "warn"
	case r.Verdict == engine.VerdictClaimed:
		return "claimed", "plain"
	}
	return string(r.Verdict), "plain"
}

// Words says how an attempt ended: as its last run did that was not cut short.
func (a *attempt) Words() (words, tone string) {
	for i := len(a.Runs) - 1; i >= 0; i-- {
		run := a.Runs[i]
		words, tone = run.Words()
		if run.Verdict == "" && i > 0 && run.Ended {
			continue
		}
		switch {
		case run.Check() && run.Verdict == engine.VerdictPassed:
			return "verified", tone
		case run.Check() && run.Verdict == engine.VerdictFailed:
			return "checks failed", tone
		case run.Verdict == engine.VerdictClaimed:
			return "says it is complete", tone
		}
		return words, tone
	}
	return words, tone
}

// Reason is why it was not good enough: its last run's.
func (a *attempt) Reason() string {
	for i := len(a.Runs) - 1; i >= 0; i-- {
		if a.Runs[i].Reason != "" || a.Runs[i].Verdict != "" {
			return clip(a.Runs[i].Reason, 160)
		}
	}
	return ""
}

// Took is how long its sandboxes ran.
func (a *attempt) Took() (d time.Duration) {
	for _, run := range a.Runs {
		d += run.Took
	}
	return d
}

// Cost is what the agent says it cost.
func (a *attempt) Cost() (usd float64) {
	for _, run := range a.Runs {
		usd += run.Cost
	}
	return usd
}

// Agent says whether the agent worked, and not only checks.
func (a *attempt) Agent() bool { return !a.Runs[0].Check() }

// happening is an event that is worth a line.
type happening struct {
	Time time.Time
	Text string
}

// note keeps the latest events that tell more than the tasks do.
func (r *Report) note(e engine.Event) {
	switch e.Type {
	case engine.AttemptIntended, engine.CheckIntended, engine.AttemptFinished, engine.CheckFinished, engine.TaskReleased,
		engine.WaitNotified, engine.HookDue, engine.WorkflowRunning, engine.WorkflowWaiting, engine.WorkflowResumed, engine.WorkflowCreated:
		return
	}
	text := string(e.Type)
	if e.Task != "" {
		text = fmt.Sprintf("%s: %s", e.Task, e.Type)
	}
	if r.o.Describe != nil {
		text = r.o.Describe(e)
	}
	r.timeline = append(r.timeline, happening{e.Time, clip(text, 600)})
	if over := len(r.timeline) - r.o.Bounds.Timeline; over >= r.o.Bounds.Timeline || over > 4096 {
		r.dropped += over
		r.timeline = append(r.timeline[:0], r.timeline[over:]...)
	}
	switch e.Type {
	case engine.TaskRetried, engine.TaskSkippedEvent, engine.TaskStalled, engine.TaskFailedEvent, engine.TaskReopened, engine.UndoBegun, engine.UndoFinished:
		if t := r.byTask[e.Task]; t != nil && len(t.Events) < 50 {
			t.Events = append(t.Events, clock(e.Time)+" "+clip(text, maxReason))
		}
	}
}

// happenings returns the latest events that are worth a line, and how many there were before them.
func (r *Report) happenings() (latest []happening, before int) {
	over := max(0, len(r.timeline)-r.o.Bounds.Timeline)
	return r.timeline[over:], r.dropped + over
}
