package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/filesystem"
)

// noRoomError is an error that comes from a full disk, with the file system that is full.
type noRoomError struct {
	err error
	on  filesystem.Info
}

func (e *noRoomError) Error() string {
	if errors.Is(e.err, syscall.EDQUOT) {
		return fmt.Sprintf("%v: your quota on the file system %s is used up (%s)", e.err, e.on, e.on.Room())
	}
	return fmt.Sprintf("%v: the file system %s has not enough room (%s)", e.err, e.on, e.on.Room())
}

func (e *noRoomError) Unwrap() error { return e.err }

// withRoom adds to an error of a full disk which file system that is. Other errors stay as they are.
func (a *app) withRoom(err error) error {
	if !engine.NoRoom(err) || errors.As(err, new(*noRoomError)) {
		return err
	}
	path, state := fullPath(err), ""
	if p, noProject := a.project(); noProject == nil {
		state, _ = p.stateDir()
	}
	if path == "" {
		path = state
	}
	on, unknown := filesystem.Of(path)
	if unknown != nil {
		return err
	}
	try := "free some room on " + on.Mount
	if rel, outside := filepath.Rel(state, path); outside == nil && filepath.IsLocal(rel) {
		try += ", for example with: ralph prune --older-than 30d"
	}
	return &engine.Hint{Err: &noRoomError{err, on}, Try: try}
}

// fullPath finds in an error the path that could not be written because the disk is full.
func fullPath(err error) string {
	switch e := err.(type) {
	case *fs.PathError:
		if engine.NoRoom(e.Err) && filepath.IsAbs(e.Path) {
			return e.Path
		}
	case *os.LinkError:
		if engine.NoRoom(e.Err) && filepath.IsAbs(e.New) {
			return e.New
		}
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return fullPath(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			if path := fullPath(part); path != "" {
				return path
			}
		}
	}
	return ""
}

// roomNeeded is what a file system must take before work on it goes on: less would hold the first event of the next
// attempt, and not its prompt.
const roomNeeded = 1 << 20

// firstLook is how long after a full disk was met it is first looked whether there is room, and lastLook the longest
// that this becomes when there seems to be room and there is not enough, for a snapshot or an image.
const (
	firstLook = 5 * time.Second
	lastLook  = 10 * time.Minute
)

// sitOut lets a workflow advance, and where a full disk keeps it from that, waits for room and lets it go on.
func (s *session) sitOut(ctx context.Context, w engine.Workflow, do advance) (engine.Workflow, error) {
	look := firstLook
	for {
		began := s.now()
		after, err := do(ctx, s, w)
		if !engine.NoRoom(err) || errors.Is(err, engine.ErrStopped) {
			return after, err
		}
		if s.now().Sub(began) > lastLook {
			look = firstLook
		}
		if err := s.awaitRoom(ctx, err, look); err != nil {
			return after, err
		}
		look = min(2*look, lastLook)
		// What was recorded meanwhile decides what is still to be looked after.
		if w, err = s.store.Load(ctx, w.ID); err != nil {
			return after, err
		}
	}
}

// awaitRoom tells a person of a full disk and returns when there is room. When ctx ends before, what still runs is
// stopped: nobody would look after it.
func (s *session) awaitRoom(ctx context.Context, full error, look time.Duration) error {
	full = s.withRoom(full)
	folder := s.state
	if path := fullPath(full); path != "" {
		folder = nearestFolder(path)
	}
	s.show.note(fmt.Sprintf("%v; waiting for room", full))
	s.notify.tell(ctx, "ralph: no room is left on the disk", full.Error())
	for {
		if err := s.sleep(ctx, s.now().Add(look)); err != nil {
			if err := s.steps.Sweep(context.WithoutCancel(ctx), s.works, nil); err != nil {
				s.show.note("whether a sandbox still runs is not known: " + err.Error())
			}
			return fmt.Errorf("%w: %w", engine.ErrStopped, full)
		}
		if hasRoom(folder) {
			s.show.note("there is room: going on")
			return nil
		}
	}
}

// hasRoom asks the file system itself, and where we may not write in the folder, its numbers.
func hasRoom(folder string) bool {
	err := filesystem.Takes(folder, roomNeeded)
	if err == nil || engine.NoRoom(err) {
		return err == nil
	}
	on, err := filesystem.Of(folder)
	return err == nil && on.Free >= roomNeeded
}

// nearestFolder is the path itself or the first folder above it that exists.
func nearestFolder(path string) string {
	for path != filepath.Dir(path) {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			break
		}
		path = filepath.Dir(path)
	}
	return path
}
