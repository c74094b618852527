package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wrapix/wrapix/engine"
)

func TestApprovalHoldsTheWorkflow(t *testing.T) {
	l := begun(t, 0, engine.Limits{}, planned("T1", 0))
	l.must(t, engine.AwaitApproval{Message: "a hook"})
	l.state(t, engine.AwaitingApproval)
	l.want(t, engine.Nothing, "")
	l.refused(t, engine.ErrNotAllowed, engine.Intend{Task: "T1"})
	l.must(t, engine.Notified{})
	seen := len(l.log)
	l.must(t, engine.AwaitApproval{Message: "a hook"}) // the same changes nothing
	if len(l.log) != seen {
		t.Fatalf("the same wait is entered again: %v", l.types(seen))
	}
	l.must(t, engine.AwaitApproval{Message: "another hook"}) // another is told of anew
	if w := l.w.Waiting(); w.Message != "another hook" || w.Notified {
		t.Errorf("it waits for %+v", w)
	}
	l.must(t, engine.Approve{})
	l.must(t, engine.Approve{})
	l.want(t, engine.RunAttempt, "T1")
}

// A step is an attempt with its verification: the hook after it comes when its end is known, and nothing new begins
// before.
func TestPostStepIsDueAtTheEndOfAStep(t *testing.T) {
	finish := func(l *life, task engine.TaskID, o engine.Outcome) {
		l.must(t, engine.Intend{Task: task})
		l.must(t, engine.Finish{ID: l.w.Task(task).Open.ID, Outcome: o, PostStep: true})
	}
	l := begun(t, 1, engine.Limits{}, planned("T1", 1))
	finish(l, "T1", claims)
	l.want(t, engine.RunCheck, "T1")
	finish(l, "T1", fails)
	l.want(t, engine.RunHook, "T1")
	l.refused(t, engine.ErrNotAllowed, engine.Intend{Task: "T1"})
	l.refused(t, engine.ErrNotAllowed, engine.HookEnded{Hook: engine.PostStep, Task: "T1", Attempt: 2})
	l.must(t, engine.HookEnded{Hook: engine.PostStep, Task: "T1", Attempt: 1, Outcome: engine.HookOutcome{Failed: "exit code 1", OnFailure: engine.OnFailureBlock}})
	l.state(t, engine.Blocked)
	l.must(t, engine.Unblock{})
	l.want(t, engine.RunHook, "T1") // it blocks, so it has to succeed
	l.must(t, engine.HookEnded{Hook: engine.PostStep, Task: "T1", Attempt: 1})
	l.refused(t, engine.ErrNotAllowed, engine.HookEnded{Hook: engine.PostStep, Task: "T1", Attempt: 1})
	finish(l, "T1", claims)
	finish(l, "T1", passes)
	l.must(t, engine.HookEnded{Hook: engine.PostStep, Task: "T1", Attempt: 2, Outcome: engine.HookOutcome{Failed: "exit code 1", OnFailure: engine.OnFailureWarn}})
	l.want(t, engine.RunCheck, engine.CriteriaTask)
	finish(l, engine.CriteriaTask, passes) // no attempt came before it
	l.state(t, engine.Done)
}

// The last step's hook comes before the end, after which nothing is recorded.
func TestTheEndWaitsForTheLastHook(t *testing.T) {
	l := begun(t, 0, engine.Limits{}, planned("T1", 0))
	l.must(t, engine.Intend{Task: "T1"})
	l.must(t, engine.Finish{ID: l.w.Task("T1").Open.ID, Outcome: claims, PostStep: true})
	l.want(t, engine.RunHook, "T1")
	if v := l.w.Due[0].Verdict; v != engine.VerdictClaimed {
		t.Errorf("the verdict of an unchecked task is %s", v)
	}
	l.must(t, engine.HookEnded{Hook: engine.PostStep, Task: "T1", Attempt: 1})
	l.state(t, engine.Done)
}

func calls(h *host) string {
	var list []string
	for _, c := range h.called {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s %d %s", c.Hook, c.Task, c.Attempt, c.Verdict)))
	}
	return strings.Join(list, ", ")
}

func hooked(h *host) func(r *engine.Runner) error {
	return func(r *engine.Runner) error {
		w, err := r.Store.Load(h.ctx, "w1")
		if err != nil {
			source := engine.Source{Text: "#", Hash: "h", Complete: true, Reason: "so", Profiles: []string{"base"}, Tasks: []engine.PlannedTask{planned("T1", 1), planned("T2", 0)}}
			if w, err = r.Start(h.ctx, engine.Start{ID: "w1", Label: "spec", SpecPath: "a.md", Source: source}); err != nil {
				return err
			}
		}
		if w.State.Ended() {
			return nil
		}
		if w, err = r.Do(h.ctx, w.ID, engine.Unblock{}); err != nil {
			return err
		}
		if w, err = r.Loop(h.ctx, w); err != nil {
			return err
		}
		_, err = r.EndLoop(h.ctx, w)
		return err
	}
}

func honest(_ engine.Workflow, a engine.Activity) engine.Outcome {
	if a.Phase == engine.PhaseVerify {
		return passes
	}
	return claims
}

func TestHooksAroundALoop(t *testing.T) {
	h := newHost(t, honest)
	h.hooks = func(engine.HookCall) engine.HookOutcome { return engine.HookOutcome{} }
	if err, _ := h.process(hooked(h)); err != nil {
		t.Fatal(err)
	}
	want := "pre_loop  0, pre_step T1 1, post_step T1 1 passed, pre_step T2 1, post_step T2 1 claimed, post_loop  0"
	if got := calls(h); got != want {
		t.Errorf("called\n%s\nnot\n%s", got, want)
	}
}

// A hook that fails with block stops before what it stands for, and is asked again when the loop starts again.
func TestHookThatBlocks(t *testing.T) {
	for _, hook := range []engine.Hook{engine.PreLoop, engine.PreStep, engine.PostStep, engine.PostLoop} {
		h := newHost(t, honest)
		broken := true
		h.hooks = func(c engine.HookCall) engine.HookOutcome {
			if c.Hook == hook && broken {
				return engine.HookOutcome{Failed: "exit code 3", ExitCode: 3, OnFailure: engine.OnFailureBlock}
			}
			return engine.HookOutcome{}
		}
		ran := map[engine.Hook]int{engine.PostStep: 2, engine.PostLoop: 3}[hook]
		for range 2 { // however often it is started
			if err, _ := h.process(hooked(h)); err != nil {
				t.Fatal(err)
			}
			w, _ := h.events("w1")
			if hook == engine.PostLoop {
				if w.State != engine.Done {
					t.Errorf("%s: after the end it is %s", hook, w.State)
				}
			} else if w.State != engine.Blocked || w.Waiting().Message != "hook "+string(hook)+" failed: exit code 3" || len(h.told) == 0 {
				t.Errorf("%s: it is %s, %+v, told %v", hook, w.State, w.Waiting(), h.told)
			}
			if len(h.order) != ran {
				t.Errorf("%s: ran %v", hook, h.order)
			}
		}
		broken = false
		if err, _ := h.process(hooked(h)); err != nil {
			t.Fatal(err)
		}
		if w, _ := h.events("w1"); w.State != engine.Done {
			t.Errorf("%s: mended, and it is %s", hook, w.State)
		}
	}
}

// A person's command while a hook runs is no error of the loop.
func TestCommandsWhileAHookRuns(t *testing.T) {
	for _, hook := range []engine.Hook{engine.PreLoop, engine.PreStep, engine.PostStep} {
		for state, c := range map[engine.WorkflowState]engine.Command{
			engine.Cancelled: engine.Cancel{Reason: "enough"}, engine.Paused: engine.Pause{},
		} {
			h := newHost(t, honest)
			err, _ := h.process(func(r *engine.Runner) error {
				h.hooks = func(call engine.HookCall) engine.HookOutcome {
					if call.Hook == hook {
						if _, err := r.Do(h.ctx, "w1", c); err != nil {
							t.Errorf("%T during %s: %v", c, hook, err)
						}
					}
					return engine.HookOutcome{}
				}
				r.Hooks = hooks{h}
				return hooked(h)(r)
			})
			if w, _ := h.events("w1"); err != nil || w.State != state {
				t.Errorf("%T during %s: %s, %v", c, hook, w.State, err)
			}
		}
	}
}

// With skip a step is not begun now: the hook is asked again after five minutes, and nobody is called.
func TestHookThatSays(t *testing.T) {
	for _, hook := range []engine.Hook{engine.PreLoop, engine.PreStep} {
		h := newHost(t, honest)
		no := 2
		h.hooks = func(c engine.HookCall) engine.HookOutcome {
			if c.Hook == hook && no > 0 {
				no--
				return engine.HookOutcome{Failed: "exit code 1", OnFailure: engine.OnFailureSkip}
			}
			return engine.HookOutcome{}
		}
		run := hooked(h)
		for range 3 { // this runner does not sleep: it returns while the wait lasts
			if err, _ := h.process(run); err != nil {
				t.Fatal(err)
			}
			w, _ := h.events("w1")
			if until := w.Wakes(); !until.IsZero() {
				if left := until.Sub(w.Updated); left > 5*time.Minute || left < 3*time.Minute {
					t.Errorf("%s: it waits %v", hook, left)
				}
				h.minutes += 10
			}
		}
		if w, _ := h.events("w1"); w.State != engine.Done || len(h.told) > 0 || no > 0 {
			t.Errorf("%s: it is %s, told %v; %d to go", hook, w.State, h.told, no)
		}
	}
}

// Killed at every place: attempts run once, a hook at least once, and the hook after a step never without its step's
// outcome in the log.
func TestHooksAndKills(t *testing.T) {
	for at := 1; ; at++ {
		h := newHost(t, honest)
		h.at, h.mishap = at, kill
		h.hooks = func(c engine.HookCall) engine.HookOutcome { return engine.HookOutcome{} }
		_, dead := h.process(hooked(h))
		if !dead {
			if at < 30 {
				t.Fatalf("only %d places", at)
			}
			return
		}
		h.at = 0
		if err, _ := h.process(hooked(h)); err != nil {
			t.Fatalf("place %d, %s: %v", at, h.last, err)
		}
		w, log := h.events("w1")
		if w.State != engine.Done {
			t.Fatalf("place %d, %s: %s", at, h.last, w.State)
		}
		finished := 0
		for _, e := range log {
			if d, ok := e.Data.(engine.HookData); ok && d.Hook == engine.PostStep {
				finished++
			}
		}
		again := len(slices.Compact(slices.Sorted(slices.Values(strings.Split(calls(h), ", ")))))
		if finished != 2 || again < 5 { // after the end there is no loop any more to have a last hook
			t.Errorf("place %d, %s: %d hooks recorded, called %s", at, h.last, finished, calls(h))
		}
	}
}

// A loop that stays for a person does not stay for what only its next start looks at.
func TestStayingEndsWhereOnlyAStartHelps(t *testing.T) {
	h := newHost(t, honest)
	h.hooks = func(c engine.HookCall) engine.HookOutcome {
		return engine.HookOutcome{Failed: "exit code 3", OnFailure: engine.OnFailureBlock}
	}
	err, _ := h.process(func(r *engine.Runner) error {
		r.Stay, r.Sleep = true, func(ctx context.Context, _ time.Time) error { return ctx.Err() }
		return hooked(h)(r)
	})
	if w, _ := h.events("w1"); err != nil || w.State != engine.Blocked {
		t.Errorf("%s, %v", w.State, err)
	}
}
