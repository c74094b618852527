package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/wrapix/wrapix/engine"
)

// TestOldStore holds that a store written before limits had days, tasks could be put back and waits told again opens,
// replays to what it holds, and goes on to its end.
func TestOldStore(t *testing.T) {
	packed, err := os.ReadFile(filepath.Join("testdata", "first.db.gz"))
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	path := testPath(t)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s := openTest(t, path, Options{})
	ctx := context.Background()
	if problems, err := s.Verify(ctx); err != nil || len(problems) > 0 {
		t.Fatalf("%v, %v", problems, err)
	}
	w, err := s.Load(ctx, "w")
	if err != nil {
		t.Fatal(err)
	}
	if w.State != engine.AwaitingAnswer || w.Iterations != 4 || w.CostUSD != 0.5 || w.Task("T1").Attempts != 3 {
		t.Errorf("it is %s with %d attempts, %v USD, T1 at %d", w.State, w.Iterations, w.CostUSD, w.Task("T1").Attempts)
	}
	w = do(t, s, w, engine.SetLimits{})
	w = do(t, s, w, engine.Reply{Task: "T2", Text: "blue"})
	for w.State != engine.Done {
		next := engine.Next(w)
		if next.Kind == engine.Nothing {
			t.Fatalf("it is %s", w.State)
		}
		w = do(t, s, w, engine.Intend{Task: next.Task})
		o := engine.Outcome{Signal: engine.SignalComplete}
		for range w.Task(next.Task).Checks {
			o.Checks = append(o.Checks, engine.CheckResult{Passed: true})
		}
		w = do(t, s, w, engine.Finish{ID: w.Task(next.Task).Open.ID, Outcome: o})
	}
	if problems, err := s.Verify(ctx); err != nil || len(problems) > 0 {
		t.Fatalf("%v, %v", problems, err)
	}
}
