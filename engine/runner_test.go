package engine_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/store"
)

// night is a spec whose first task fails its check once, whose second asks, whose third follows both, and whose
// criteria fail once and are repaired.
func night() engine.Start {
	return engine.Start{ID: "w1", Label: "night", SpecPath: "specs/night.md", Source: engine.Source{
		Text: "# Night", Hash: "h1", Complete: true, Reason: "so", Criteria: []string{"make check"},
		Tasks: []engine.PlannedTask{planned("T1", 1), planned("T2", 0), planned("T3", 1, "T1", "T2")},
	}}
}

// agent is how the night goes: told by what the workflow knows, so that an interrupted attempt changes nothing.
func agent(w engine.Workflow, a engine.Activity) engine.Outcome {
	t := w.Task(a.ID.Task)
	switch {
	case a.ID.Task == "T2" && len(t.Answers) == 0:
		return asks
	case a.Phase != engine.PhaseVerify:
		return claims
	case a.ID.Task != "T3" && t.LastFailure == nil:
		return fails
	}
	return passes
}

// wake lets a process go on with the night as `ralph loop` would, and answers the question when it waits for that.
func wake(h *host) (err error, dead bool) {
	return h.process(func(r *engine.Runner) error { return advance(h, r) })
}

func advance(h *host, r *engine.Runner) error {
	w, err := r.Store.Load(h.ctx, "w1")
	if errors.Is(err, engine.ErrNotFound) {
		w, err = r.Start(h.ctx, night())
	}
	for err == nil {
		if w, err = r.Loop(h.ctx, w); err != nil || w.State.Ended() {
			break
		}
		w, err = r.Do(h.ctx, w.ID, engine.Reply{Task: w.Waiting().Task, Text: "blue"})
	}
	return err
}

// morning holds what a person finds against what was promised.
func morning(t *testing.T, h *host) {
	t.Helper()
	w, log := h.events("w1")
	if w.State != engine.Done || len(h.sandboxes) > 0 {
		t.Fatalf("%s, with the sandboxes %v", w.State, h.sandboxes)
	}
	intended, closed := map[engine.AttemptID]bool{}, map[engine.AttemptID]string{}
	for _, e := range log {
		id := engine.AttemptID{Task: e.Task, Number: e.Attempt}
		switch data := e.Data.(type) {
		case engine.IntendedData:
			if id.Check = data.Check; intended[id] {
				t.Errorf("%s is there twice", id)
			}
			intended[id] = true
		case engine.FinishedData:
			if id.Check = data.Check; closed[id] != "" || h.runs[id] != 1 {
				t.Errorf("%s is finished, was %q, and ran %d times", id, closed[id], h.runs[id])
			}
			closed[id] = "finished"
		case engine.InterruptedData:
			if id.Check = data.Check; closed[id] != "" {
				t.Errorf("%s is interrupted, and was %s", id, closed[id])
			}
			closed[id] = "interrupted"
		}
	}
	if len(closed) != len(intended) {
		t.Errorf("%d attempts, and %d of them ended", len(intended), len(closed))
	}
	if !slices.ContainsFunc(h.told, func(n engine.Notification) bool {
		return n.Task == "T2" && n.Kind == engine.AwaitingAnswer && n.Message == "Which colour?" && n.Label == "night"
	}) {
		t.Errorf("nobody was told of the question, only of %v", h.told)
	}
	if n := len(w.Task("T2").Answers); n != 1 {
		t.Errorf("it was answered %d times", n)
	}
}

func TestNight(t *testing.T) {
	h := newHost(t, agent)
	if err, dead := wake(h); err != nil || dead {
		t.Fatal(err, dead)
	}
	morning(t, h)
	var order []string
	for _, id := range h.order {
		order = append(order, id.String())
	}
	want := "T1/1 T1/1/check-1 T1/2 T1/2/check-1 T2/1 T2/2 T3/1 T3/1/check-1 criteria/1/check-1 criteria/2 criteria/2/check-1"
	if got := strings.Join(order, " "); got != want {
		t.Errorf("it ran %s\ninstead of %s", got, want)
	}
	if len(h.told) != 1 {
		t.Errorf("a person was told %d times", len(h.told))
	}
	_, before := h.events("w1")
	if err, dead := wake(h); err != nil || dead {
		t.Errorf("an ended workflow was woken: %v", err)
	}
	if _, log := h.events("w1"); len(log) != len(before) {
		t.Errorf("an ended workflow went on: %v", log[len(before):])
	}
}

// places counts the places of an undisturbed night.
func places(t *testing.T) int {
	h := newHost(t, agent)
	if err, dead := wake(h); err != nil || dead {
		t.Fatal(err, dead)
	}
	return h.places
}

// TestKilledAnywhere kills the process at every place of the night, and at some of the recovery too.
func TestKilledAnywhere(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for at := 1; at <= places(t); at++ {
		h := newHost(t, agent)
		h.mishap = kill
		again := random.IntN(12) // a second time so many places later, or not
		for h.at = at; ; {
			err, dead := wake(h)
			if err != nil {
				t.Fatalf("killed %s: %v", h.last, err)
			}
			if !dead {
				break
			}
			if h.at = 0; again > 0 {
				h.at, again = h.places+again, 0
			}
		}
		if morning(t, h); t.Failed() {
			t.Fatalf("killed at place %d, %s", at, h.last)
		}
	}
}

// TestFaultAnywhere lets every place report an error, as a full disk or a broken runtime does.
func TestFaultAnywhere(t *testing.T) {
	for at := 1; at <= places(t); at++ {
		h := newHost(t, agent)
		h.mishap, h.at = fault, at
		for tries := 0; ; tries++ {
			err, dead := wake(h)
			if err == nil && !dead {
				break
			}
			if !errors.Is(err, errMishap) || tries > 1 {
				t.Fatalf("fault %s: %v", h.last, err)
			}
		}
		if morning(t, h); t.Failed() {
			t.Fatalf("fault at place %d, %s", at, h.last)
		}
	}
}

// TestStoppedAnywhere stops the process on request at every place: it ends as stopped, leaves nothing open behind, and
// goes on later.
func TestStoppedAnywhere(t *testing.T) {
	for at := 1; at <= places(t); at++ {
		h := newHost(t, agent)
		ctx, cancel := context.WithCancel(context.Background())
		h.ctx, h.at = ctx, at
		h.mishap = func(string) error { cancel(); return nil }
		err, dead := wake(h)
		h.ctx = context.Background()
		// Not in the loop, but in what was asked for by hand: the start and the answer.
		byHand := slices.ContainsFunc([]string{"workflow.created", "wait.notified", "question.answered"}, func(s string) bool {
			return strings.Contains(h.last, s)
		})
		if dead || err != nil && !errors.Is(err, engine.ErrStopped) && !byHand {
			t.Fatalf("stopped %s: %v", h.last, err)
		}
		if _, statErr := os.Stat(h.path); statErr == nil && h.last != "before workflow.created" {
			w, _ := h.events("w1")
			if open := w.OpenActivities(); len(open) > 0 || len(h.sandboxes) > 0 {
				t.Fatalf("stopped %s: left open %+v, sandboxes %v", h.last, open, h.sandboxes)
			}
			if !w.State.Ended() && !errors.Is(err, engine.ErrStopped) && !byHand {
				t.Errorf("stopped %s: it ends with %v", h.last, err)
			}
		}
		if err, dead := wake(h); err != nil || dead {
			t.Fatalf("after stopped %s: %v", h.last, err)
		}
		if morning(t, h); t.Failed() {
			t.Fatalf("stopped at place %d, %s", at, h.last)
		}
		cancel()
	}
}

func TestRunnerCancels(t *testing.T) {
	h := newHost(t, agent)
	h.mishap, h.at = kill, 14
	if _, dead := wake(h); !dead || len(h.sandboxes) != 1 {
		t.Fatalf("killed %s with %v", h.last, h.sandboxes)
	}
	err, _ := h.process(func(r *engine.Runner) error {
		w, err := r.Store.Load(h.ctx, "w1")
		if err != nil {
			return err
		}
		w, err = r.Cancel(h.ctx, w, "wrong spec")
		if err != nil || w.State != engine.Cancelled || len(h.sandboxes) > 0 {
			t.Errorf("%s, %v, %v", w.State, err, h.sandboxes)
		}
		_, err = r.Cancel(h.ctx, w, "again")
		return err
	})
	if !errors.Is(err, engine.ErrEnded) {
		t.Errorf("cancelled again: %v", err)
	}
	if err, dead := wake(h); err != nil || dead {
		t.Errorf("woken after it was cancelled: %v", err)
	}
}

func TestRunnerRefuses(t *testing.T) {
	h := newHost(t, agent)
	err, _ := h.process(func(r *engine.Runner) error {
		_, err := r.Do(h.ctx, "none", engine.Cancel{})
		return err
	})
	if !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("a workflow that does not exist: %v", err)
	}
	err, _ = h.process(func(r *engine.Runner) error {
		w, err := r.Start(h.ctx, night())
		if err != nil {
			return err
		}
		var seen uint64
		r.Observe = func(w engine.Workflow, events []engine.Event) { seen = w.Seq }
		next, err := r.Do(h.ctx, w.ID, engine.SkipPlan{})
		if err != nil || seen != next.Seq {
			t.Errorf("observed %d of %d: %v", seen, next.Seq, err)
		}
		_, _, err = r.Advance(h.ctx, w) // with what it was before
		return err
	})
	if err != nil { // it looks at the workflow as it is now
		t.Errorf("from an old projection: %v", err)
	}
	_, err = store.Open(h.path, store.Options{Wait: -1})
	if err != nil {
		t.Errorf("a process left the store held: %v", err)
	}
}

// TestCommandsWhileAnActivityRuns holds that a person's commands are decided while an attempt runs, and that a command
// which ends the attempt stops it and has the last word.
func TestCommandsWhileAnActivityRuns(t *testing.T) {
	h := newHost(t, nil)
	err, _ := h.process(func(r *engine.Runner) error {
		w, err := r.Start(h.ctx, night())
		if err != nil {
			return err
		}
		began, stopped := make(chan struct{}), make(chan struct{})
		r.Steps = &blockingSteps{began: began, stopped: stopped}
		ended := make(chan error, 1)
		go func() {
			_, err := r.Loop(h.ctx, w)
			ended <- err
		}()
		<-began
		limits := engine.Limits{MaxAttempts: 7}
		if w, err = r.Do(h.ctx, w.ID, engine.SetLimits{Limits: limits}); err != nil || w.Limits != limits {
			t.Errorf("limits while it runs: %+v, %v", w.Limits, err)
		}
		if w, err = r.Do(h.ctx, w.ID, engine.Cancel{Reason: "enough"}); err != nil || w.State != engine.Cancelled {
			t.Errorf("cancel while it runs: %s, %v", w.State, err)
		}
		<-stopped
		return <-ended
	})
	if err != nil {
		t.Error(err)
	}
}

// TestCommandsOfOtherWorkflows holds that what is decided of one workflow does not stop what runs of another, even
// where their attempts have the same name.
func TestCommandsOfOtherWorkflows(t *testing.T) {
	h := newHost(t, nil)
	err, _ := h.process(func(r *engine.Runner) error {
		other := night()
		other.ID = "w2"
		w2, err := r.Start(h.ctx, other)
		if err != nil {
			return err
		}
		w, err := r.Start(h.ctx, night())
		if err != nil {
			return err
		}
		began, stopped := make(chan struct{}), make(chan struct{})
		steps := &blockingSteps{began: began, stopped: stopped}
		r.Steps = steps
		ended := make(chan error, 1)
		go func() {
			_, err := r.Loop(h.ctx, w)
			ended <- err
		}()
		<-began
		for _, c := range []engine.Command{engine.Pause{}, engine.Unpause{}, engine.Cancel{Reason: "enough"}} {
			if _, err := r.Do(h.ctx, w2.ID, c); err != nil || steps.ctx.Err() != nil {
				t.Errorf("%T of another workflow: %v; what runs: %v", c, err, steps.ctx.Err())
			}
		}
		if _, err = r.Do(h.ctx, w.ID, engine.Cancel{Reason: "enough"}); err != nil {
			t.Error(err)
		}
		<-stopped
		return <-ended
	})
	if err != nil {
		t.Error(err)
	}
}

// blockingSteps runs until it is stopped.
type blockingSteps struct {
	began, stopped chan struct{}
	ctx            context.Context // under which it runs; set before began is closed
}

func (b *blockingSteps) Run(ctx context.Context, _ engine.Workflow, _ engine.Activity) (engine.Outcome, error) {
	b.ctx = ctx
	close(b.began)
	<-ctx.Done()
	close(b.stopped)
	return engine.Outcome{}, ctx.Err()
}

func (*blockingSteps) Resume(context.Context, engine.Workflow, engine.Activity) (engine.Outcome, error) {
	return engine.Outcome{}, engine.ErrLost
}

func (*blockingSteps) Release(context.Context, engine.WorkflowID, engine.Activity) error { return nil }

func (*blockingSteps) Undo(context.Context, engine.Undoing) (engine.Undone, error) {
	return engine.Undone{}, nil
}

func (*blockingSteps) Sweep(context.Context, engine.WorkflowID, []engine.Activity) error { return nil }
