package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/store"
)

// host is a machine on which workflows run: a real store on its disk, and sandboxes and a desktop that are only told.
// What stands on it outlives the process that a test lets die.
type host struct {
	t    *testing.T
	path string
	ctx  context.Context

	script func(w engine.Workflow, a engine.Activity) engine.Outcome

	sandboxes map[engine.AttemptID]engine.Outcome
	runs      map[engine.AttemptID]int
	order     []engine.AttemptID
	told      []engine.Notification
	hooks     func(c engine.HookCall) engine.HookOutcome // nil: none
	called    []engine.HookCall
	undone    []string // snapshots to which the files went back
	minutes   int

	// mishap happens when the count of places reaches at; 0 is never.
	places, at int
	mishap     func(place string) error
	last       string
}

// died is what a process does at a place where it is killed.
type died struct{ place string }

var errMishap = errors.New("mishap")

func newHost(t *testing.T, script func(engine.Workflow, engine.Activity) engine.Outcome) *host {
	// Thousands of appends; what a sync is worth is a matter of the store's own tests.
	folder, err := os.MkdirTemp("/dev/shm", "engine-test-*")
	if err != nil {
		folder = t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	return &host{
		t: t, path: filepath.Join(folder, store.File), ctx: context.Background(), script: script,
		sandboxes: map[engine.AttemptID]engine.Outcome{}, runs: map[engine.AttemptID]int{},
	}
}

// place is where something may happen.
func (h *host) place(name string) error {
	h.places++
	if h.places != h.at {
		return nil
	}
	h.last = name
	return h.mishap(name)
}

func kill(place string) error { panic(died{place}) }

func fault(place string) error { return fmt.Errorf("%s: %w", place, errMishap) }

// process runs f as a process would that has the store open, and says whether it died.
func (h *host) process(f func(r *engine.Runner) error) (err error, dead bool) {
	h.t.Helper()
	s, err := store.Open(h.path, store.Options{Clock: h})
	if err != nil {
		h.t.Fatal(err)
	}
	defer s.Close()
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(died); !ok {
				panic(p)
			}
			dead = true
		}
	}()
	r := &engine.Runner{Store: disk{s, h}, Steps: steps{h}, Notifier: desktop{h}, Clock: h}
	if h.hooks != nil {
		r.Hooks = hooks{h}
	}
	return f(r), false
}

// Now is a clock that moves a minute whenever it is looked at.
func (h *host) Now() time.Time {
	h.minutes++
	return noon.Add(time.Duration(h.minutes) * time.Minute)
}

// disk is the store, with a place before and after each append.
type disk struct {
	engine.Store
	h *host
}

func (d disk) Append(ctx context.Context, prev, next engine.Workflow, events []engine.Event) error {
	if err := d.h.place("before " + string(events[0].Type)); err != nil {
		return err
	}
	if err := d.Store.Append(ctx, prev, next, events); err != nil {
		return err
	}
	return d.h.place("after " + string(events[0].Type))
}

type steps struct{ h *host }

func (s steps) Run(ctx context.Context, w engine.Workflow, a engine.Activity) (engine.Outcome, error) {
	h := s.h
	if err := h.place("create " + a.ID.String()); err != nil {
		return engine.Outcome{}, err
	}
	if ctx.Err() != nil {
		return engine.Outcome{}, ctx.Err()
	}
	if h.runs[a.ID]++; h.runs[a.ID] > 1 {
		h.t.Errorf("%s runs a second time", a.ID)
	}
	h.order = append(h.order, a.ID)
	h.sandboxes[a.ID] = h.script(w, a)
	if err := h.place("run " + a.ID.String()); err != nil {
		delete(h.sandboxes, a.ID) // it could not be run
		return engine.Outcome{}, err
	}
	if ctx.Err() != nil {
		return engine.Outcome{}, ctx.Err()
	}
	return h.sandboxes[a.ID], nil
}

func (s steps) Resume(ctx context.Context, _ engine.Workflow, a engine.Activity) (engine.Outcome, error) {
	if err := s.h.place("resume " + a.ID.String()); err != nil {
		return engine.Outcome{}, err
	}
	if ctx.Err() != nil {
		return engine.Outcome{}, ctx.Err()
	}
	o, ok := s.h.sandboxes[a.ID]
	if !ok {
		return o, engine.ErrLost
	}
	return o, nil
}

func (s steps) Release(_ context.Context, _ engine.WorkflowID, a engine.Activity) error {
	if err := s.h.place("release " + a.ID.String()); err != nil {
		return err
	}
	delete(s.h.sandboxes, a.ID)
	return s.h.place("released " + a.ID.String())
}

func (s steps) Sweep(_ context.Context, _ engine.WorkflowID, keep []engine.Activity) error {
	if err := s.h.place("sweep"); err != nil {
		return err
	}
	for id := range s.h.sandboxes {
		if !slices.ContainsFunc(keep, func(a engine.Activity) bool { return a.ID == id }) {
			delete(s.h.sandboxes, id)
		}
	}
	return s.h.place("swept")
}

type hooks struct{ h *host }

func (hooks) Has(engine.Hook) bool { return true }

func (k hooks) Run(ctx context.Context, c engine.HookCall) (engine.HookOutcome, error) {
	if err := k.h.place("hook " + string(c.Hook)); err != nil {
		return engine.HookOutcome{Failed: err.Error(), OnFailure: engine.OnFailureBlock}, ctx.Err()
	}
	k.h.called = append(k.h.called, c)
	o := k.h.hooks(c)
	_ = k.h.place("hooked " + string(c.Hook))
	return o, ctx.Err()
}

// Undo writes nothing: what is undone is told by its snapshot.
func (s steps) Undo(_ context.Context, u engine.Undoing) (engine.Undone, error) {
	if err := s.h.place("put back " + u.Snapshot); err != nil {
		return engine.Undone{}, err
	}
	s.h.undone = append(s.h.undone, u.Snapshot)
	return engine.Undone{Before: "right before " + u.Snapshot, Changed: 2}, s.h.place("back " + u.Snapshot)
}

type desktop struct{ h *host }

func (d desktop) Notify(_ context.Context, n engine.Notification) {
	_ = d.h.place("notify")
	d.h.told = append(d.h.told, n)
	_ = d.h.place("notified")
}

// events returns the workflow and its log as they lie in the store, after the store found nothing wrong with them.
func (h *host) events(id engine.WorkflowID) (w engine.Workflow, log []engine.Event) {
	h.t.Helper()
	s, err := store.Open(h.path, store.Options{ReadOnly: true})
	if err != nil {
		h.t.Fatal(err)
	}
	defer s.Close()
	if problems, err := s.Verify(h.ctx); err != nil || len(problems) > 0 {
		h.t.Fatalf("the store: %v, %v", problems, err)
	}
	if w, err = s.Load(h.ctx, id); err != nil {
		h.t.Fatal(err)
	}
	err = s.Events(h.ctx, id, 0, func(e engine.Event) error { log = append(log, e); return nil })
	if err != nil {
		h.t.Fatal(err)
	}
	return w, log
}
