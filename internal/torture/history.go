package main

import (
	"fmt"
	"strconv"
	"strings"
)

// history is what `ralph history --json` prints, as far as it matters here.
type history struct{ Events []event }

type event struct {
	Seq     int
	Type    string
	Task    string
	Attempt int
	Data    struct {
		Check   int
		Outcome struct {
			Failed     string
			ExitCode   int `json:"exit_code"`
			Transcript struct {
				Bytes  int64
				SHA256 string
			}
		}
	}
}

// id is the attempt that the event is about.
func (e event) id() string { return e.Task + "/" + strconv.Itoa(e.Attempt) }

// number is that of the event's task.
func (e event) number() int {
	n, _ := strconv.Atoi(strings.TrimPrefix(e.Task, "T"))
	return n
}

// ranToItsEnd says whether a finished attempt is one that the agent itself ended. One that was killed or stopped from
// outside is finished, too, as failed.
func (e event) ranToItsEnd() bool {
	failed := e.Data.Outcome.Failed
	return failed == "" || strings.HasPrefix(failed, "the agent exited")
}

// check looks for attempts that were announced or recorded twice, and for anything that moved after its end.
func (h history) check() (problems []string) {
	intended := map[string]bool{}
	ended := map[string]string{}
	verified := map[string]bool{}
	last := map[string]int{}
	done := false
	for i, e := range h.Events {
		if e.Seq != i+1 {
			problems = append(problems, fmt.Sprintf("event %d has the number %d", i+1, e.Seq))
		}
		if done {
			problems = append(problems, fmt.Sprintf("%s after the workflow was done", e.Type))
		}
		id := e.id()
		switch e.Type {
		case "attempt.intended":
			if intended[id] || e.Attempt != last[e.Task]+1 {
				problems = append(problems, fmt.Sprintf("attempt %s after %s/%d", id, e.Task, last[e.Task]))
			}
			if verified[e.Task] {
				problems = append(problems, "attempt "+id+" of a task that was verified")
			}
			intended[id], last[e.Task] = true, e.Attempt
		case "attempt.finished", "attempt.interrupted":
			if before := ended[id]; before != "" || !intended[id] {
				problems = append(problems, fmt.Sprintf("%s of %s after %q", e.Type, id, before))
			}
			ended[id] = e.Type
		case "task.verified", "task.unchecked":
			if verified[e.Task] {
				problems = append(problems, e.Task+" verified twice")
			}
			verified[e.Task] = true
		case "workflow.done":
			done = true
		}
	}
	for id := range intended {
		if ended[id] == "" {
			problems = append(problems, "attempt "+id+" has no end")
		}
	}
	if !done {
		problems = append(problems, "the workflow is not done")
	}
	return problems
}

// status is what `ralph status --json` prints, as far as it matters here.
type status struct {
	Workflows []struct {
		ID, State string
		Tasks     []struct {
			ID, State string
			Verified  *bool
		}
	}
}

// check holds that all is done: verified where there is a check.
func (s status) check() (problems []string) {
	if len(s.Workflows) != 1 || s.Workflows[0].State != "done" || len(s.Workflows[0].Tasks) != tasks {
		return []string{fmt.Sprintf("status: %+v", s)}
	}
	for i, t := range s.Workflows[0].Tasks {
		checked := (i+1)%5 > 0
		if t.State != "done" || (t.Verified != nil && *t.Verified) != checked {
			problems = append(problems, fmt.Sprintf("task %s is %s, and verified is %v", t.ID, t.State, t.Verified))
		}
	}
	return problems
}
