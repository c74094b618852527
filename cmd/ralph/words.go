package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
)

// describe tells an event in words, in one line and clean.
func describe(e engine.Event) string {
	id := engine.AttemptID{Task: e.Task, Number: e.Attempt}
	text := string(e.Type)
	switch data := e.Data.(type) {
	case engine.CreatedData:
		text = fmt.Sprintf("workflow %s of %s", data.ID, data.SpecPath)
	case engine.StartedData:
		text = "started" + at(data.GitHead)
	case engine.ReasonData:
		text = reasonWords(e, data.Reason)
	case engine.SourceData:
		text = "the spec is written: " + data.Source.Reason
	case engine.TasksData:
		text = fmt.Sprintf("%s planned, from the %s", count(len(data.Tasks), "task"), data.From)
		if len(data.Uncovered) > 0 {
			text += "; no task covers " + strings.Join(data.Uncovered, ", ")
		}
	case engine.IntendedData:
		id.Check = data.Check
		text = fmt.Sprintf("%s begins", id)
	case engine.FinishedData:
		id.Check = data.Check
		text = fmt.Sprintf("%s %s", id, finishedWords(data))
	case engine.InterruptedData:
		id.Check = data.Check
		text = fmt.Sprintf("%s interrupted: %s", id, data.Reason)
		if data.Usage.CostUSD > 0 {
			text += fmt.Sprintf(" (%.2f USD)", data.Usage.CostUSD)
		}
	case engine.AnswerData:
		text = fmt.Sprintf("%s answered: %s", e.Task, data.Text)
	case engine.WaitData:
		text = fmt.Sprintf("%s %s%s: %s", subject(e.Task), waitWords(data.Kind), until(data.Until, e.Time), data.Message)
	case engine.WaitLeftData:
		text = fmt.Sprintf("%s goes on (%s)", subject(e.Task), data.By)
	case engine.HookDueData:
		text = fmt.Sprintf("%s has the hook %s to come", id, data.Hook)
	case engine.HookData:
		text = hookWords(e, data)
	case engine.DeniedData:
		id.Check = data.Check
		text = fmt.Sprintf("%s was refused by the network's policy: %s", id, deniedWords(data.Denied))
	case engine.LimitsData:
		text = "limits: " + limitWords(data.Limits)
	case engine.UndoData:
		text = fmt.Sprintf("undo of %s: the files go back to snapshot %.12s; those of now are snapshot %.12s", id, data.Snapshot, data.Before)
	case engine.UndoneData:
		text = fmt.Sprintf("%s is undone: %s; the files right before are snapshot %.12s", id, count(data.Changed, "change"), data.Before)
		if data.Left != "" {
			text += "; " + data.Left
		}
	case engine.NotifiedData:
		text = fmt.Sprintf("a person was told that %s waits", subject(e.Task))
	case engine.RetriedData:
		text = fmt.Sprintf("%s is tried again", e.Task)
	case engine.StateData:
		text = map[engine.EventType]string{engine.WorkflowWaiting: "waits: ", engine.WorkflowResumed: "resumed: "}[e.Type] + string(data.State)
	case engine.NoData:
		text = plainWords(e)
	}
	return terminal.Line(text)
}

func deniedWords(list []engine.Denied) string {
	var all []string
	for _, d := range list {
		all = append(all, d.Words)
	}
	return strings.Join(all, "; ")
}

// matters says whether an event is worth a line while the loop runs: those that are not are told by their neighbours.
func matters(t engine.EventType) bool {
	switch t {
	case engine.TaskReleased, engine.WaitNotified, engine.WorkflowWaiting, engine.WorkflowResumed, engine.WorkflowRunning, engine.HookDue:
		return false
	}
	return true
}

func plainWords(e engine.Event) string {
	switch e.Type {
	case engine.TaskReleased:
		return fmt.Sprintf("%s is ready", e.Task)
	case engine.TaskVerified:
		return fmt.Sprintf("%s is verified", e.Task)
	case engine.TaskUnchecked:
		return fmt.Sprintf("%s is done, unchecked: there is no check for it", e.Task)
	case engine.WorkflowRunning:
		return "works on the tasks"
	case engine.WorkflowVerifying:
		return "all tasks are done; the success criteria come next"
	case engine.WorkflowDone:
		return "done"
	}
	return string(e.Type)
}

func reasonWords(e engine.Event, reason string) string {
	switch e.Type {
	case engine.PlanSkipped:
		return "planning skipped: " + reason
	case engine.TaskSkippedEvent:
		return fmt.Sprintf("%s is skipped: %s", e.Task, reason)
	case engine.TaskStalled:
		return fmt.Sprintf("%s is stopped: %s", e.Task, reason)
	case engine.TaskFailedEvent:
		return fmt.Sprintf("%s failed: %s", e.Task, reason)
	case engine.TaskReopened:
		return fmt.Sprintf("%s is open again: %s", e.Task, reason)
	case engine.WorkflowFailed:
		return "failed: " + reason
	case engine.WorkflowCancelled:
		return "cancelled: " + reason
	}
	return reason
}

func finishedWords(f engine.FinishedData) string {
	took := f.Outcome.Finished.Sub(f.Outcome.Started).Round(100 * time.Millisecond)
	var text string
	switch f.Verdict {
	case engine.VerdictClaimed:
		text = "says it is complete"
	case engine.VerdictAsked:
		text = "asks"
	case engine.VerdictBlocked:
		text = "says it is blocked"
	case engine.VerdictFailed:
		text = "failed: " + f.Reason
	case engine.VerdictPassed:
		text = fmt.Sprintf("passed, %s", count(len(f.Outcome.Checks), "check"))
	}
	if f.Verdict == engine.VerdictClaimed && f.Outcome.Message != "" {
		text += ": " + f.Outcome.Message
	}
	return fmt.Sprintf("%s (%s)", text, took)
}

// hookWords tells how a hook ended, with the last of what it printed.
func hookWords(e engine.Event, data engine.HookData) string {
	o := data.Outcome
	text := fmt.Sprintf("hook %s", data.Hook)
	if e.Task != "" {
		text += fmt.Sprintf(" of %s", engine.AttemptID{Task: e.Task, Number: e.Attempt})
	}
	if o.Failed == "" {
		return fmt.Sprintf("%s ran (%s)", text, o.Took.Round(100*time.Millisecond))
	}
	return fmt.Sprintf("%s failed, %s: %s", text, o.OnFailure, o.Failed)
}

// waitWords says what somebody who waits in this way does.
func waitWords(kind engine.WorkflowState) string {
	switch kind {
	case engine.AwaitingAnswer:
		return "asks"
	case engine.Blocked:
		return "is blocked"
	case engine.BudgetSpent:
		return "has spent its budget"
	case engine.AwaitingApproval:
		return "waits for approval"
	case engine.RateLimited:
		return "waits to try again"
	case engine.Paused:
		return "is paused"
	}
	return string(kind)
}

// stateWords is a state as people say it.
func stateWords(s engine.WorkflowState) string {
	switch s {
	case engine.AwaitingAnswer:
		return "waits for an answer"
	case engine.BudgetSpent:
		return "budget spent"
	case engine.AwaitingApproval, engine.RateLimited:
		return waitWords(s)
	}
	return string(s)
}

// taskWords is a task's state as people say it.
func taskWords(t *engine.Task) string {
	switch {
	case t.State == engine.TaskDone && (t.Verified == nil || !*t.Verified):
		return "unchecked"
	case t.State == engine.TaskDone:
		return "verified"
	case t.State == engine.TaskAwaitingAnswer:
		return "asks"
	}
	return string(t.State)
}

func limitWords(l engine.Limits) string {
	var parts []string
	if l.MaxIterations > 0 {
		parts = append(parts, count(l.MaxIterations, "iteration"))
	}
	if l.MaxAttempts > 0 {
		parts = append(parts, count(l.MaxAttempts, "failed attempt")+" a task")
	}
	if l.MaxTime > 0 {
		parts = append(parts, l.MaxTime.String()+" of sandbox time")
	}
	if l.MaxCostUSD > 0 {
		parts = append(parts, fmt.Sprintf("%.2f USD", l.MaxCostUSD))
	}
	if l.MaxTokens > 0 {
		parts = append(parts, fmt.Sprintf("%d tokens", l.MaxTokens))
	}
	for _, key := range engine.LimitKeys() {
		if text := l.Text(key); strings.HasSuffix(string(key), "_per_day") && text != (engine.Limits{}).Text(key) {
			parts = append(parts, fmt.Sprintf("%s = %s", key, text))
		}
	}
	if l.OnBlocked != engine.BlockedWaits {
		parts = append(parts, "on_blocked = "+l.Text(engine.OnBlockedKey))
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

func subject(task engine.TaskID) string {
	if task == "" {
		return "the workflow"
	}
	return string(task)
}

// until says when a wait ends by itself, to somebody who reads it at that time.
func until(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " until " + moment(t, now, time.TimeOnly)
}

// moment is a time as somebody reads it at another: the day is told where it is not the same, because work goes on for
// days.
func moment(t, now time.Time, clock string) string {
	t, now = t.Local(), now.Local()
	if t.Format(time.DateOnly) != now.Format(time.DateOnly) {
		clock = time.DateOnly + " 15:04"
	}
	return t.Format(clock)
}

func at(head string) string {
	if head == "" {
		return ""
	}
	return " at commit " + head[:min(len(head), 12)]
}

// short is a duration as a clock shows it.
func short(d time.Duration) string {
	d = max(d, 0).Round(time.Second)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	if h > 0 {
		return fmt.Sprintf("%dh%02dm", h, m)
	}
	return fmt.Sprintf("%dm%02ds", m, s)
}
