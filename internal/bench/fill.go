package main

import (
	"context"
	"fmt"
	"time"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/store"
)

// fill makes a store with so many workflows, each of so many tasks and at least so many events: the tasks fail and are
// tried again, as in a bad week, and a tenth of them is done in the end.
func fill(ctx context.Context, path string, workflows, tasks, events int) error {
	s, err := store.Open(path, store.Options{Command: "bench"})
	if err != nil {
		return err
	}
	defer s.Close()
	for i := range workflows {
		if err := fillOne(ctx, s, engine.WorkflowID(fmt.Sprintf("w%d", i+1)), tasks, events); err != nil {
			return err
		}
	}
	return nil
}

func fillOne(ctx context.Context, s *store.Store, id engine.WorkflowID, tasks, events int) error {
	f := filler{ctx: ctx, store: s, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	source := engine.Source{Text: "# A large spec", Hash: "h", Complete: true, Reason: "it is complete"}
	for i := range tasks {
		source.Tasks = append(source.Tasks, engine.PlannedTask{
			ID: engine.TaskID(fmt.Sprintf("T%d", i+1)), Title: fmt.Sprintf("Greet person %d in every language", i+1),
			Description: "The greeting stands in greet.go.\nIt is tested in each language.\n", Profile: "base",
			Covers: []string{fmt.Sprintf("R%d", i+1)}, Checks: []string{"go test ./greet/..."},
		})
	}
	source.Profiles = []string{"base"}
	for _, c := range []engine.Command{
		engine.Start{ID: id, Label: "large", SpecPath: "specs/large.md", Source: source}, engine.SkipPlan{}, engine.TakeTasks{},
		engine.Intend{Task: "T1"}, engine.Interrupt{ID: engine.AttemptID{Task: "T1", Number: 1}, Reason: "killed"},
	} {
		more, err := engine.Decide(f.w, c, f.now)
		if err != nil {
			return err
		}
		if err := f.append(more...); err != nil {
			return err
		}
	}
	for int(f.w.Seq) < events {
		for i := 0; i < tasks && int(f.w.Seq)+len(f.pending) < events; i++ {
			if err := f.attempt(source.Tasks[i].ID, i%10 == 9); err != nil {
				return err
			}
		}
		if err := f.flush(); err != nil {
			return err
		}
	}
	return nil
}

// filler appends many events in one transaction, which the engine never does.
type filler struct {
	ctx     context.Context
	store   *store.Store
	now     time.Time
	w       engine.Workflow
	pending []engine.Event
}

// attempt appends what one attempt at a task comes to.
func (f *filler) attempt(id engine.TaskID, good bool) error {
	t := f.w.Task(id)
	if t.State == engine.TaskDone {
		return nil
	}
	next := t.Attempts + 1
	outcome := engine.Outcome{Started: f.now, Finished: f.now.Add(time.Minute), Signal: engine.SignalComplete, Message: "The greeting is printed now."}
	if !good {
		outcome.Signal, outcome.Evidence = engine.SignalNone, "--- FAIL: TestGreet\n    greet_test.go:17: no greeting\n"
		return f.events(id, next,
			engine.AttemptIntended, engine.IntendedData{Phase: engine.PhaseStep},
			engine.AttemptFinished, engine.FinishedData{Phase: engine.PhaseStep, Verdict: engine.VerdictFailed, Reason: "no signal", Outcome: outcome})
	}
	return f.events(id, next,
		engine.AttemptIntended, engine.IntendedData{Phase: engine.PhaseStep},
		engine.AttemptFinished, engine.FinishedData{Phase: engine.PhaseStep, Verdict: engine.VerdictClaimed, Outcome: outcome},
		engine.CheckIntended, engine.IntendedData{Phase: engine.PhaseVerify, Check: 1},
		engine.CheckFinished, engine.FinishedData{Phase: engine.PhaseVerify, Check: 1, Verdict: engine.VerdictPassed, Outcome: outcome},
		engine.TaskVerified, engine.NoData{})
}

// events takes types and payloads in turns.
func (f *filler) events(id engine.TaskID, attempt int, list ...any) error {
	for i := 0; i < len(list); i += 2 {
		f.now = f.now.Add(time.Second)
		f.pending = append(f.pending, engine.Event{
			Seq: f.w.Seq + uint64(len(f.pending)) + 1, Time: f.now, Type: list[i].(engine.EventType), Task: id, Attempt: attempt, Data: list[i+1],
		})
	}
	if len(f.pending) > 5000 {
		return f.flush()
	}
	return nil
}

func (f *filler) flush() error {
	pending := f.pending
	f.pending = nil
	return f.append(pending...)
}

func (f *filler) append(events ...engine.Event) error {
	if len(events) == 0 {
		return nil
	}
	next, err := engine.Evolve(f.w, events...)
	if err == nil {
		err = f.store.Append(f.ctx, f.w, next, events)
	}
	f.w = next
	return err
}
