package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/store"
)

// TestSitOut meets a full disk again and again: each look comes later than the one before, and what is not a full disk
// is not waited for.
func TestSitOut(t *testing.T) {
	var out bytes.Buffer
	var waited []time.Duration
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	a := &app{streams: &terminal.Streams{Out: terminal.NewOutput(&out), Err: terminal.NewOutput(&out)}, dir: t.TempDir()}
	a.now = func() time.Time { return now }
	a.sleep = func(_ context.Context, until time.Time) error {
		waited = append(waited, until.Sub(now))
		return nil
	}
	state := t.TempDir()
	db, err := store.Open(filepath.Join(state, store.File), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	runner := &engine.Runner{Store: db, Clock: clock{a.now}}
	w, err := runner.Start(t.Context(), engine.Start{ID: "w-1", SpecPath: "a.md", Source: engine.Source{Text: "# A", Hash: "h"}})
	if err != nil {
		t.Fatal(err)
	}
	s := &session{project: &project{app: a}, state: state, store: db, show: &plain{out: a.streams.Out}, notify: &notifier{}}
	tries := 0
	_, err = s.sitOut(t.Context(), w, func(context.Context, *session, engine.Workflow) (engine.Workflow, error) {
		if tries++; tries < 10 {
			return w, fmt.Errorf("do it: %w", &fs.PathError{Op: "write", Path: filepath.Join(state, "gone", "file"), Err: syscall.ENOSPC})
		}
		return w, errors.New("something else")
	})
	if err == nil || err.Error() != "something else" {
		t.Errorf("it ends with %v", err)
	}
	want := []time.Duration{5, 10, 20, 40, 80, 160, 320, 600, 600}
	for i, d := range waited {
		if len(waited) != len(want) || d != want[i]*time.Second {
			t.Fatalf("waited %v, not %v seconds", waited, want)
		}
	}
	text := out.String()
	if n := strings.Count(text, "no space left on device: the file system "); n != 9 || strings.Count(text, "going on") != 9 {
		t.Errorf("a person was told %d times:\n%s", n, text)
	}
}
