package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/given"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/sandbox/podman"
)

// pick finds the workflow to work on.
type pick func(ctx context.Context, s *session) (engine.Workflow, error)

// advance does something of a workflow and returns the workflow after it.
type advance func(ctx context.Context, s *session, w engine.Workflow) (engine.Workflow, error)

// job is one command's work on a workflow.
type job struct {
	command string // as others are told
	starts  bool   // it may be the first in the project
	endless bool   // it ends only when nothing is left to do
	stays   bool   // it waits for a person, too
	limits  *limitFlags
	raise   engine.RaiseLimits
	pick    pick
	advance advance
}

// run opens the project, brings the workflow that the job picks up to date, and lets it advance. Then it says where the
// workflow stands. An error, too, comes after the account of what was reached.
func (p *project) run(ctx context.Context, j job) (engine.Workflow, error) {
	s, err := p.session(j.command, j.starts, p.newProgress())
	if err != nil {
		return engine.Workflow{}, err
	}
	defer s.Close()
	w, err := j.pick(ctx, s)
	if err != nil {
		return w, err
	}
	if w.State.Ended() {
		s.sweep(ctx, w.ID)
	} else if w, err = s.work(ctx, w, j); w.Seq == 0 {
		return w, err
	}
	all, listErr := s.store.List(context.WithoutCancel(ctx))
	if closeErr := s.Close(); err == nil {
		err = closeErr
	}
	if listErr == nil {
		p.account(w, len(openOnes(all)))
	}
	return w, err
}

// work advances a workflow, reachable for other commands meanwhile. What one of them wanted at the last moment is not
// left undone.
func (s *session) work(ctx context.Context, w engine.Workflow, j job) (engine.Workflow, error) {
	if err := s.connect(ctx); err != nil {
		return engine.Workflow{}, err
	}
	if err := errors.Join(s.checkMounts(w), s.openWebhook(ctx)); err != nil {
		return engine.Workflow{}, err
	}
	if err := s.openKey(ctx); err != nil {
		return engine.Workflow{}, err
	}
	stopNote := context.AfterFunc(ctx, func() { s.show.note("stopping; press Ctrl-C again to leave at once") })
	defer stopNote()
	s.works, s.runner.Stay = w.ID, j.stays
	s.show.begin(w)
	for _, text := range podman.Warnings(given.Limits(s.conf.Sandbox)) {
		s.show.note(text)
	}
	let := s.sitOut
	if !j.endless {
		let = func(ctx context.Context, w engine.Workflow, do advance) (engine.Workflow, error) {
			return do(ctx, s, w)
		}
	}
	w, err := let(ctx, w, func(ctx context.Context, s *session, w engine.Workflow) (engine.Workflow, error) {
		w, err := s.runner.Do(ctx, w.ID, j.limits.configure(s.conf.Loop))
		if err == nil && len(j.raise.To) > 0 {
			if w, err = s.runner.Do(ctx, w.ID, j.raise); err == nil {
				j.raise.To = nil // once, though this may be called again
			}
		}
		if err != nil {
			return w, raiseHint(err)
		}
		return s.approval(ctx, w)
	})
	for err == nil {
		s.serve(ctx, j.command)
		if err = s.leave(w); err == nil {
			w, err = let(ctx, w, j.advance)
		}
		s.unserve()
		reached, loadErr := s.store.Load(context.WithoutCancel(ctx), w.ID)
		if loadErr == nil {
			w = reached
		}
		if !j.endless || engine.Next(w).Kind == engine.Nothing {
			break
		}
	}
	if j.endless {
		w = s.endLoop(ctx, w)
	}
	return w, err
}

// sweep removes what is left of a workflow that has ended: the process that ended it may have died before it could. A
// person is told where that does not work, and nothing depends on it.
func (s *session) sweep(ctx context.Context, id engine.WorkflowID) {
	err := s.connect(ctx)
	if err == nil {
		err = s.steps.Sweep(ctx, id, nil)
	}
	if err != nil {
		s.show.note(fmt.Sprintf("whether sandboxes of %s are left is not known: %v", id, err))
	}
}

// pickChosen picks the workflow that is meant.
func pickChosen(ctx context.Context, s *session) (engine.Workflow, error) {
	return s.choose(ctx, s.store, true)
}

// account says where the workflow stands and how to go on; with --json it is the same document as that of status.
func (p *project) account(w engine.Workflow, open int) {
	if p.json {
		_ = p.printJSON(statusDocument{Schema: schema, Workflows: []workflowDocument{newWorkflowDocument(w)}})
		return
	}
	out := p.streams.Out
	fmt.Fprint(out, summary(out, w, open, "", p.now()))
}

// summary is the account in words: the state, what is waited for, what was done without a check. The ways on begin with
// from, for a reader who is not in the project.
func summary(out *terminal.Output, w engine.Workflow, open int, from string, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", terminal.Line(string(w.ID)), out.Paint(workflowStyle(w.State), stateWords(w.State)))
	if len(w.Tasks) > 0 {
		fmt.Fprintf(&b, "; %s: %s", count(len(w.Tasks), "task"), tally(w.Tasks))
	}
	b.WriteString("; " + count(w.Iterations, "attempt"))
	if w.CostUSD > 0 {
		fmt.Fprintf(&b, ", %.2f USD", w.CostUSD)
	}
	b.WriteString("\n")
	unchecked := func(t *engine.Task) bool { return t.State == engine.TaskDone && (t.Verified == nil || !*t.Verified) }
	if ids := tasksThat(w, unchecked); ids != "" {
		b.WriteString("  done on the agent's word only, because they have no check: " + ids + "\n")
	}
	if ids := tasksThat(w, func(t *engine.Task) bool { return t.State == engine.TaskSkipped }); ids != "" {
		b.WriteString("  done without, as ralph history tells: " + ids + "\n")
	}
	b.WriteString(waitLines(out, w, open, from, now))
	return b.String()
}

// waitLines say what is waited for, since when, and what ends it.
func waitLines(out *terminal.Output, w engine.Workflow, open int, from string, now time.Time) string {
	var b strings.Builder
	if w.Undo != nil && !w.State.Ended() {
		fmt.Fprintf(&b, "  the files are on their way back to before %s; they were snapshot %.12s\n", w.Undo.ID, w.Undo.Before)
		b.WriteString(tryLine(out, from+"ralph loop"+inWorkflow(w, open)))
	}
	for _, wait := range w.Waits() {
		fmt.Fprintf(&b, "  %s %s since %s%s: %s\n", terminal.Line(subject(wait.Task)), waitWords(wait.Kind),
			moment(wait.Since, now, "15:04"), until(wait.Until, now), terminal.Line(wait.Message))
		for _, way := range ways(w, wait, inWorkflow(w, open)) {
			b.WriteString(tryLine(out, from+way))
		}
	}
	return b.String()
}

// tasksThat names those tasks of the spec for which something holds.
func tasksThat(w engine.Workflow, holds func(*engine.Task) bool) string {
	var ids []string
	for _, t := range w.Tasks {
		if holds(t) {
			ids = append(ids, string(t.ID))
		}
	}
	return terminal.Line(strings.Join(ids, ", "))
}
