package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/store"
)

// The store that is recovered. One process works on a store, and on one workflow at a time, so a crash leaves one attempt
// without an outcome: this is what ten crashes leave after which nobody went on with what was interrupted.
const (
	openWorkflows = 1000
	openTasks     = 10
	eventsOfEach  = 100
	interruptedBy = 100 // every so many of the workflows
)

// recovery measures what a start does before anything new may begin: the store is opened for writing, which checks its
// whole structure, the workflows are listed, and each open one is loaded and recovered by the engine. Of an attempt
// without an outcome nothing is left, so it is recorded as interrupted: each is a durable transaction of its own, which is
// what takes the time. What Podman is asked is not in it; that is one list of containers for a workflow, however many
// events there are.
func (b *bench) recovery() measure {
	return func(ctx context.Context) (float64, error) {
		from, err := b.interrupted(ctx)
		if err != nil {
			return 0, err
		}
		path := filepath.Join(b.dir, "recovered.db")
		if err := copySynced(from, path); err != nil {
			return 0, err
		}
		defer os.Remove(path)
		began := time.Now()
		s, err := store.Open(path, store.Options{Command: "bench"})
		if err != nil {
			return 0, err
		}
		defer s.Close()
		all, err := s.List(ctx)
		if err != nil {
			return 0, err
		}
		r := &engine.Runner{Store: s, Steps: nothingLeft{}, Clock: realClock{}}
		for _, w := range all {
			if w.State.Ended() {
				continue
			}
			if w, err = s.Load(ctx, w.ID); err != nil {
				return 0, err
			}
			if w, err = r.Recover(ctx, w); err != nil {
				return 0, err
			}
			if len(w.OpenActivities()) > 0 {
				return 0, fmt.Errorf("workflow %s was not recovered", w.ID)
			}
		}
		return float64(time.Since(began)), nil
	}
}

// recoveryAllowed is what the promise allows for it: ten times what reading the file once takes, and 200 ms.
func (b *bench) recoveryAllowed() measure {
	return func(ctx context.Context) (float64, error) {
		path, err := b.interrupted(ctx)
		if err != nil {
			return 0, err
		}
		took, err := command(10, b.dir, "cat", path)(ctx)
		return 10*took + 200e6, err
	}
}

// interrupted makes the store once.
func (b *bench) interrupted(ctx context.Context) (string, error) {
	path := filepath.Join(b.dir, "interrupted.db")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	making := path + ".making"
	if err := fill(ctx, making, openWorkflows, openTasks, eventsOfEach-1); err != nil {
		return "", fmt.Errorf("make a store of many workflows: %w", err)
	}
	s, err := store.Open(making, store.Options{Command: "bench"})
	if err != nil {
		return "", err
	}
	r := &engine.Runner{Store: s, Clock: realClock{}}
	all, err := s.List(ctx)
	for i, w := range all {
		if err == nil && i%interruptedBy == 0 {
			_, err = r.Do(ctx, w.ID, engine.Intend{Task: "T1"})
		}
	}
	if err := errors.Join(err, s.Close()); err != nil {
		return "", fmt.Errorf("interrupt the workflows: %w", err)
	}
	return path, os.Rename(making, path)
}

// copySynced copies a file and waits until it is on the disk, so that nobody who syncs it pays for that.
func copySynced(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// nothingLeft is what is found after a reboot: no sandbox and no record.
type nothingLeft struct{ engine.Steps }

func (nothingLeft) Sweep(context.Context, engine.WorkflowID, []engine.Activity) error { return nil }
func (nothingLeft) Resume(context.Context, engine.Workflow, engine.Activity) (engine.Outcome, error) {
	return engine.Outcome{}, engine.ErrLost
}
func (nothingLeft) Release(context.Context, engine.WorkflowID, engine.Activity) error { return nil }

type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }
