package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/powercut"
)

func TestMain(m *testing.M) {
	if job := os.Getenv("STORE_TEST_CHILD"); job != "" {
		child(job, os.Args[1:])
		return
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction(powercut.Serve))
}

// soak says whether the tests may take their time.
func soak() bool { return os.Getenv("WRAPIX_SOAK") != "" }

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func openTest(t *testing.T, path string, opts Options) *Store {
	t.Helper()
	s, err := Open(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func testPath(t *testing.T) string { return filepath.Join(t.TempDir(), "state", File) }

// do decides a command and appends what it causes.
func do(t testing.TB, s *Store, w engine.Workflow, c engine.Command) engine.Workflow {
	t.Helper()
	next, err := try(s, w, c)
	if err != nil {
		t.Fatalf("%T: %v", c, err)
	}
	return next
}

func try(s *Store, w engine.Workflow, c engine.Command) (engine.Workflow, error) {
	events, err := engine.Decide(w, c, noon.Add(time.Duration(w.Seq)*time.Second))
	if err != nil {
		return w, err
	}
	next, err := engine.Evolve(w, events...)
	if err != nil {
		return w, err
	}
	return next, s.Append(context.Background(), w, next, events)
}

// begin makes a workflow with tasks T1, T2, … of one check each, ready to run.
func begin(t testing.TB, s *Store, id engine.WorkflowID, tasks int) engine.Workflow {
	t.Helper()
	source := engine.Source{Text: "# " + string(id), Hash: "h-" + string(id), Complete: true, Criteria: []string{"true"}}
	for i := range tasks {
		source.Tasks = append(source.Tasks, engine.PlannedTask{
			ID: engine.TaskID(fmt.Sprintf("T%d", i+1)), Title: "a task", Checks: []string{"go test ./..."},
		})
	}
	w := do(t, s, engine.Workflow{}, engine.Start{ID: id, SpecPath: "specs/a.md", Source: source})
	w = do(t, s, w, engine.SkipPlan{})
	return do(t, s, w, engine.TakeTasks{})
}

// attempt takes a task through one attempt and its check.
func attempt(t testing.TB, s *Store, w engine.Workflow, id engine.TaskID, passed bool) engine.Workflow {
	t.Helper()
	w = do(t, s, w, engine.Intend{Task: id})
	w = do(t, s, w, engine.Finish{ID: w.Task(id).Open.ID, Outcome: engine.Outcome{Signal: engine.SignalComplete, Message: "did it"}})
	w = do(t, s, w, engine.Intend{Task: id})
	checks := []engine.CheckResult{{Command: "go test ./...", Passed: passed}}
	return do(t, s, w, engine.Finish{ID: w.Task(id).Open.ID, Outcome: engine.Outcome{Checks: checks}})
}

// whole is all that is known of a workflow, as text to compare.
func whole(t testing.TB, w engine.Workflow) string {
	t.Helper()
	b, err := json.Marshal(struct {
		Workflow engine.Workflow
		Source   *engine.Source
		Tasks    []*engine.Task
	}{w, w.Source, w.Tasks})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func load(t testing.TB, s *Store, id engine.WorkflowID) engine.Workflow {
	t.Helper()
	w, err := s.Load(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func verifyClean(t testing.TB, s *Store) {
	t.Helper()
	problems, err := s.Verify(context.Background())
	if err != nil || len(problems) > 0 {
		t.Fatalf("Verify: %v, %v", problems, err)
	}
}

func TestWhatWasAppendedIsThereAfterReopening(t *testing.T) {
	path := testPath(t)
	s := openTest(t, path, Options{})
	w := begin(t, s, "w1", 3)
	w = attempt(t, s, w, "T2", false)
	w = attempt(t, s, w, "T2", true)
	other := begin(t, s, "a-later-one", 1)
	id := s.ID()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatalf("closed again: %v", err)
	}

	for _, opts := range []Options{{ReadOnly: true}, {}} {
		s = openTest(t, path, opts)
		if s.ID() != id || len(id) != 12 {
			t.Errorf("id %q was %q", s.ID(), id)
		}
		if got := whole(t, load(t, s, "w1")); got != whole(t, w) {
			t.Errorf("loaded\n%s\nappended\n%s", got, whole(t, w))
		}
		over, err := s.Overview(context.Background(), "w1")
		if err != nil || over.Seq != w.Seq || len(over.Tasks) != 3 || over.Task("T2").State != engine.TaskDone || over.Source.Hash != w.Source.Hash || over.Source.Text != "" {
			t.Errorf("overview: %+v, %v", over, err)
		}
		list, err := s.List(context.Background())
		if err != nil || len(list) != 2 || list[0].ID != "w1" || list[1].ID != other.ID || list[0].Tasks != nil || list[0].Source != nil {
			t.Errorf("list: %v, %v", list, err)
		}
		verifyClean(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s = openTest(t, path, Options{})
	w = attempt(t, s, load(t, s, "w1"), "T1", true) // goes on from what was loaded
	if got := whole(t, load(t, s, "w1")); got != whole(t, w) {
		t.Error("what was loaded does not go on")
	}
	verifyClean(t, s)
}

func TestEvents(t *testing.T) {
	s := openTest(t, testPath(t), Options{})
	begin(t, s, "before", 2)
	w := begin(t, s, "w", 700) // more than a batch
	begin(t, s, "behind", 2)

	next := uint64(3)
	err := s.Events(context.Background(), "w", 2, func(e engine.Event) error {
		if e.Seq != next {
			t.Fatalf("event %d where %d was due", e.Seq, next)
		}
		if next++; next == 100 {
			w = do(t, s, w, engine.SetLimits{Limits: engine.Limits{MaxAttempts: 3}}) // a writer within a reader
		}
		return nil
	})
	if err != nil || next != w.Seq+1 {
		t.Errorf("read to %d of %d: %v", next-1, w.Seq, err)
	}

	stop := errors.New("enough")
	if err := s.Events(context.Background(), "w", 0, func(engine.Event) error { return stop }); err != stop {
		t.Errorf("the error of yield came back as %v", err)
	}
	if err := s.Events(context.Background(), "w", w.Seq, func(engine.Event) error { return stop }); err != nil {
		t.Errorf("events after the last: %v", err)
	}
	if err := s.Events(context.Background(), "none", 0, nil); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("events of no workflow: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Events(ctx, "w", 0, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("events with an ended context: %v", err)
	}
}

func TestConflict(t *testing.T) {
	s := openTest(t, testPath(t), Options{})
	old := begin(t, s, "w", 2)
	w := do(t, s, old, engine.Intend{Task: "T1"})
	before := whole(t, load(t, s, "w"))

	if _, err := try(s, old, engine.Intend{Task: "T2"}); !errors.Is(err, engine.ErrConflict) {
		t.Errorf("from an old projection: %v", err)
	}
	if _, err := try(s, engine.Workflow{}, engine.Start{ID: "w", Source: engine.Source{Complete: true}}); !errors.Is(err, engine.ErrConflict) {
		t.Errorf("a second workflow of that id: %v", err)
	}
	ghost := w
	ghost.ID = "ghost"
	events, err := engine.Decide(ghost, engine.Cancel{}, noon)
	if err != nil {
		t.Fatal(err)
	}
	next, _ := engine.Evolve(ghost, events...)
	if err := s.Append(context.Background(), ghost, next, events); !errors.Is(err, engine.ErrConflict) {
		t.Errorf("a workflow that does not exist: %v", err)
	}
	if got := whole(t, load(t, s, "w")); got != before {
		t.Error("a refused append changed something")
	}
	if _, err := s.Load(context.Background(), "ghost"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("load of what never was: %v", err)
	}
	verifyClean(t, s)
}

func TestAppendRefusesWhatCannotBeReplayed(t *testing.T) {
	s := openTest(t, testPath(t), Options{})
	w := begin(t, s, "w", 2)
	events, err := engine.Decide(w, engine.Intend{Task: "T1"}, noon)
	if err != nil {
		t.Fatal(err)
	}
	next, _ := engine.Evolve(w, events...)
	fewer := next
	fewer.Tasks = fewer.Tasks[:1]
	gap := append([]engine.Event(nil), events...)
	gap[len(gap)-1].Seq++
	for name, call := range map[string]func() error{
		"no event":       func() error { return s.Append(context.Background(), w, next, nil) },
		"one missing":    func() error { return s.Append(context.Background(), w, next, events[:len(events)-1]) },
		"a gap":          func() error { return s.Append(context.Background(), w, next, gap) },
		"a task is gone": func() error { return s.Append(context.Background(), w, fewer, events) },
	} {
		if call() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	verifyClean(t, s)
}

func TestWhereFilesLieAndWhoMayReadThem(t *testing.T) {
	path := testPath(t)
	if _, err := Open(path, Options{ReadOnly: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a reader where nothing is: %v", err)
	}
	if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a reader made the folder")
	}
	openTest(t, path, Options{})
	for name, want := range map[string]fs.FileMode{filepath.Dir(path): 0o700 | fs.ModeDir, path: 0o600, holderPath(path): 0o600} {
		if info, err := os.Stat(name); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	entries, _ := os.ReadDir(filepath.Dir(path))
	if len(entries) != 2 {
		t.Errorf("the folder holds %v", entries)
	}
	if _, err := Open(t.TempDir(), Options{}); err == nil || errors.Is(err, ErrDamaged) {
		t.Errorf("a folder as a store: %v", err)
	}
}

func TestEmptyFileIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), File)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{ReadOnly: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a reader of an empty file: %v", err)
	}
	s := openTest(t, path, Options{})
	begin(t, s, "w", 1)
	verifyClean(t, s)
}

func TestReaderCannotAppend(t *testing.T) {
	path := testPath(t)
	s := openTest(t, path, Options{})
	w := begin(t, s, "w", 1)
	_ = s.Close()
	s = openTest(t, path, Options{ReadOnly: true})
	if _, err := try(s, w, engine.Cancel{}); err == nil {
		t.Error("a reader appended")
	}
}
