package main

import (
	"context"
	"fmt"

	"github.com/wrapix/wrapix/engine"
)

// findAttempt returns the workflow and the attempt or check that a person means; "" is the latest.
func (p *project) findAttempt(ctx context.Context, name string) (w engine.Workflow, id engine.AttemptID, err error) {
	if name != "" {
		if id, err = engine.ParseAttemptID(name); err != nil {
			return w, id, usagef("ralph status", "%w", err)
		}
	}
	s, err := p.reader(ctx)
	if err != nil {
		return w, id, err
	}
	defer s.Close()
	if w, err = p.choose(ctx, s, true); err != nil {
		return w, id, err
	}
	if name == "" {
		id, err = latest(ctx, s, w.ID)
		return w, id, err
	}
	t := w.Task(id.Task)
	switch {
	case t == nil:
		return w, id, fmt.Errorf("task %s of workflow %s: %w", id.Task, w.ID, engine.ErrNotFound)
	case t.Attempts == 0:
		return w, id, fmt.Errorf("task %s of workflow %s has had no attempt: %w", id.Task, w.ID, engine.ErrNotFound)
	case id.Number > t.Attempts:
		return w, id, fmt.Errorf("attempt %s: task %s has had %s: %w", id, t.ID, count(t.Attempts, "attempt"), engine.ErrNotFound)
	case id.Number == 0:
		id.Number = t.Attempts
		if t.ID == engine.CriteriaTask && t.LastFailure == nil {
			id.Check = t.CheckRuns // no agent was needed
		}
	}
	return w, id, nil
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
