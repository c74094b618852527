package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

type history struct {
	Events []struct {
		Seq     int
		Type    string
		Task    string
		Attempt int
		Data    json.RawMessage
	}
}

type status struct {
	Workflows []struct {
		ID, State string
		Tasks     []struct {
			ID, State string
			Verified  *bool
		}
	}
}

// verify holds what is left against the promises, and prints what it saw.
func (d *demo) verify(ctx context.Context) error {
	var h history
	if err := d.read(ctx, &h, "history", "--json", "-w", d.workflow); err != nil {
		return err
	}
	var s status
	if err := d.read(ctx, &s, "status", "--json", "-w", d.workflow); err != nil {
		return err
	}
	interrupted, problems := checkHistory(h)
	problems = append(problems, checkStatus(s)...)
	runs, more := d.checkRuns(h)
	problems = append(problems, more...)
	left, err := exec.CommandContext(ctx, "podman", "ps", "--all", "--filter", "label=wrapix.workflow="+d.workflow, "--format", "{{.Names}}").Output()
	if err != nil {
		return fmt.Errorf("podman ps: %w", err)
	}
	for name := range strings.FieldsSeq(string(left)) {
		problems = append(problems, "container left: "+name)
	}
	fmt.Printf("killloop: %d events, %d runs of the agent, %d attempts or checks interrupted, %d problems\n",
		len(h.Events), runs, interrupted, len(problems))
	if len(problems) > 0 {
		return errors.New("promises broken:\n  " + strings.Join(problems, "\n  "))
	}
	return nil
}

func (d *demo) read(ctx context.Context, into any, args ...string) error {
	out, err := d.ralph(ctx, args...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(out, into); err != nil {
		return fmt.Errorf("ralph %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// checkHistory looks for attempts that were recorded twice, and for anything that moved after its end.
func checkHistory(h history) (interrupted int, problems []string) {
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
		id := fmt.Sprintf("%s/%d", e.Task, e.Attempt)
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
		case "task.verified":
			if verified[e.Task] {
				problems = append(problems, e.Task+" verified twice")
			}
			verified[e.Task] = true
		case "workflow.done":
			done = true
		}
		if strings.HasSuffix(e.Type, ".interrupted") {
			interrupted++
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
	return interrupted, problems
}

func checkStatus(s status) (problems []string) {
	if len(s.Workflows) != 1 || s.Workflows[0].State != "done" || len(s.Workflows[0].Tasks) == 0 {
		return []string{fmt.Sprintf("status: %+v", s)}
	}
	for _, t := range s.Workflows[0].Tasks {
		if t.State != "done" || t.Verified == nil || !*t.Verified {
			problems = append(problems, fmt.Sprintf("task %s is %s and not verified", t.ID, t.State))
		}
	}
	return problems
}

// checkRuns compares what the agents noted with the history: each attempt ran at most once, and each that has a result
// ran.
func (d *demo) checkRuns(h history) (runs int, problems []string) {
	noted, err := os.ReadFile(filepath.Join(d.project, ".runs"))
	if err != nil {
		return 0, []string{err.Error()}
	}
	ran := map[string]bool{}
	for id := range strings.FieldsSeq(string(noted)) {
		if ran[id] {
			problems = append(problems, "attempt "+id+" ran twice")
		}
		ran[id] = true
	}
	for _, e := range h.Events {
		if id := fmt.Sprintf("%s/%d", e.Task, e.Attempt); e.Type == "attempt.finished" && strings.HasPrefix(e.Task, "T") && !ran[id] {
			problems = append(problems, "attempt "+id+" has a result and never ran")
		}
	}
	return len(ran), problems
}
