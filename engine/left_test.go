package engine_test

import (
	"context"
	"testing"

	"github.com/wrapix/wrapix/engine"
)

// TestWhatIsLeftIsRemovedFirst holds that a sandbox which could not be removed in its time, and may still run, is removed
// before the next one begins, and that the night goes on.
func TestWhatIsLeftIsRemovedFirst(t *testing.T) {
	h := newHost(t, nil)
	h.script = func(w engine.Workflow, a engine.Activity) engine.Outcome {
		if len(h.sandboxes) > 0 {
			t.Errorf("%s runs beside %v", a.ID, h.sandboxes)
		}
		o := checked(true)
		o.Signal = engine.SignalComplete
		return o
	}
	released := 0
	err, _ := h.process(func(r *engine.Runner) error {
		r.Steps = stuck{r.Steps, &released}
		w, err := r.Start(h.ctx, night())
		if err == nil {
			w, err = r.Loop(h.ctx, w)
		}
		if err == nil && w.State != engine.Done {
			t.Errorf("it is %s", w.State)
		}
		return err
	})
	if err != nil || len(h.sandboxes) > 0 {
		t.Errorf("%v; left are %v", err, h.sandboxes)
	}
	if released < 3 {
		t.Errorf("%d sandboxes were to be removed", released)
	}
}

// stuck cannot remove the first sandbox.
type stuck struct {
	engine.Steps
	released *int
}

func (s stuck) Release(ctx context.Context, id engine.WorkflowID, a engine.Activity) error {
	if *s.released++; *s.released == 1 {
		return errMishap
	}
	return s.Steps.Release(ctx, id, a)
}
