package main

import (
	"context"
	"fmt"

	"github.com/wrapix/wrapix/engine"
)

// meant is what a person names of a workflow: all of it (the zero value), a task (without a number), or one attempt or
// check.
type meant engine.AttemptID

// parseMeant reads what a person typed.
func parseMeant(name string) (meant, error) {
	if name == "" {
		return meant{}, nil
	}
	id, err := engine.ParseAttemptID(name)
	if err != nil {
		err = usagef("ralph status", "%w", err)
	}
	return meant(id), err
}

// one says whether exactly one attempt or check is meant.
func (m meant) one() bool { return m.Number > 0 }

// has says whether an attempt or check is among those that are meant.
func (m meant) has(id engine.AttemptID) bool {
	return m == meant(id) || !m.one() && (m.Task == "" || m.Task == id.Task)
}

// findAttempt returns the workflow and the attempt or check that a person means; "" is the latest.
func (p *project) findAttempt(ctx context.Context, name string) (w engine.Workflow, id engine.AttemptID, err error) {
	m, err := parseMeant(name)
	if err != nil {
		return w, id, err
	}
	s, err := p.reader(ctx)
	if err != nil {
		return w, id, err
	}
	defer s.Close()
	if w, err = p.choose(ctx, s, true); err == nil {
		id, err = m.latest(ctx, s, w)
	}
	return w, id, err
}

// latest returns the last of the attempts that are meant.
func (m meant) latest(ctx context.Context, s reader, w engine.Workflow) (id engine.AttemptID, err error) {
	if m.Task == "" {
		return latest(ctx, s, w.ID)
	}
	id = engine.AttemptID(m)
	t := w.Task(id.Task)
	switch {
	case t == nil:
		return id, m.unknown(w)
	case t.Attempts == 0:
		return id, fmt.Errorf("task %s of workflow %s has had no attempt: %w", id.Task, w.ID, engine.ErrNotFound)
	case id.Number > t.Attempts:
		return id, fmt.Errorf("attempt %s: task %s has had %s: %w", id, t.ID, count(t.Attempts, "attempt"), engine.ErrNotFound)
	case id.Number == 0:
		id.Number = t.Attempts
		if t.ID == engine.CriteriaTask && t.LastFailure == nil {
			id.Check = t.CheckRuns // no agent was needed
		}
	}
	return id, nil
}

func (m meant) unknown(w engine.Workflow) error {
	return fmt.Errorf("task %s of workflow %s: %w", m.Task, w.ID, engine.ErrNotFound)
}

// latest returns the last attempt that was begun, or the last check where there was no attempt.
func latest(ctx context.Context, s reader, w engine.WorkflowID) (id engine.AttemptID, err error) {
	err = s.Events(ctx, w, 0, func(e engine.Event) error {
		data, ok := e.Data.(engine.IntendedData)
		if ok && (data.Check == 0 || id.Number == 0 || id.Check > 0) {
			id = engine.AttemptID{Task: e.Task, Number: e.Attempt, Check: data.Check}
		}
		return nil
	})
	if err == nil && id.Number == 0 {
		err = fmt.Errorf("an attempt of workflow %s: %w: none has begun", w, engine.ErrNotFound)
	}
	return id, err
}
