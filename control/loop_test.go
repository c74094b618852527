package control

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/store"
)

// patient is an agent that works until it is stopped.
type patient struct{ feed *Feed }

func (p patient) Run(ctx context.Context, w engine.Workflow, a engine.Activity) (engine.Outcome, error) {
	p.feed.Output(w.ID, a.ID)
	<-ctx.Done()
	return engine.Outcome{}, ctx.Err()
}
func (p patient) Resume(context.Context, engine.Workflow, engine.Activity) (engine.Outcome, error) {
	return engine.Outcome{}, engine.ErrLost
}
func (p patient) Release(context.Context, engine.WorkflowID, engine.Activity) error { return nil }
func (p patient) Undo(context.Context, engine.Undoing) (engine.Undone, error) {
	return engine.Undone{}, nil
}
func (p patient) Sweep(context.Context, engine.WorkflowID, []engine.Activity) error { return nil }

type silent struct{}

func (silent) Notify(context.Context, engine.Notification) {}

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

// TestLoopIsReachedWhileItWorks puts everything together as a command does: the loop holds the store and runs an
// attempt, and a person's commands come through the socket.
func TestLoopIsReachedWhileItWorks(t *testing.T) {
	p := newProject(t)
	w := p.start(t, "w", 3)
	runner := &engine.Runner{Store: p.Store, Steps: patient{p.feed}, Notifier: silent{}, Clock: wallClock{}, Observe: p.feed.Observe}
	s := p.serve(t, func(o *Options) {
		o.Backend = struct {
			*store.Store
			*engine.Runner
		}{p.Store, runner}
	})
	looped := make(chan error, 1)
	go func() {
		var err error
		w, err = runner.Loop(testContext(t), w)
		looped <- err
	}()

	follower, c := p.dial(t, nil), p.dial(t, nil)
	do := func(command engine.Command) {
		t.Helper()
		if _, err := c.Do(testContext(t), "w", command); err != nil {
			t.Errorf("%T: %v", command, err)
		}
	}
	outputs := 0
	err := follower.Follow(testContext(t), "w", FollowOptions{After: w.Seq, Output: true}, func(u Update) error {
		if u.Output != nil {
			outputs++
			return nil
		}
		switch e := *u.Event; {
		case e.Type == engine.AttemptIntended && e.Task == "T1":
			if _, err := c.Do(testContext(t), "w", engine.Reply{Task: "T1", Text: "yes"}); !errors.Is(err, engine.ErrNotAllowed) {
				t.Errorf("answered what was not asked: %v", err)
			}
			do(engine.Skip{Task: "T1"})
		case e.Type == engine.AttemptIntended && e.Task == "T2":
			do(engine.Pause{})
			do(engine.Unpause{}) // while the attempt runs, so the loop has not ended yet
			do(engine.Skip{Task: "T2"})
		case e.Type == engine.AttemptIntended && e.Task == "T3":
			do(engine.Cancel{Reason: "enough"})
		}
		return nil
	})
	if err != nil || outputs == 0 {
		t.Errorf("followed with %d notes of output: %v", outputs, err)
	}
	if err := <-looped; err != nil && !errors.Is(err, engine.ErrEnded) {
		t.Errorf("the loop: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	stored, err := p.Load(testContext(t), "w")
	if err != nil || stored.State != engine.Cancelled || stored.Task("T2").State != engine.TaskSkipped || len(stored.OpenActivities()) != 0 {
		t.Errorf("at the end: %s, %v", stored.State, err)
	}
}
