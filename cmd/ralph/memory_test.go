package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wrapix/wrapix/control"
	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/store"
)

// The loop whose memory is measured: tasks that fail so often that the workflow's end is 10,000 iterations away.
const (
	memoryTasks    = 100
	memoryAttempts = 100
	memoryEarly    = 100
	memoryLate     = memoryTasks*memoryAttempts - memoryEarly
)

// BenchmarkLoopMemory is a loop of 10,000 iterations in this program, as a session puts it together: the engine, a real
// store, the socket and a reader that follows, and the lines that are printed. Its activities do nothing. It reports
// what the process has of memory near the begin and near the end: its live heap, and all that is resident, without the
// database's own pages, which the kernel takes back when it likes.
func BenchmarkLoopMemory(b *testing.B) {
	for b.Loop() {
		out := terminal.NewOutput(io.Discard)
		s := &session{
			project: &project{app: &app{streams: &terminal.Streams{Out: out, Err: out}, now: time.Now}},
			show:    &plain{out: out, events: true}, feed: &control.Feed{}, state: filepath.Join(b.TempDir(), "state"), works: "w",
		}
		if err := os.Mkdir(s.state, 0o700); err != nil {
			b.Fatal(err)
		}
		var err error
		if s.store, err = store.Open(filepath.Join(s.state, store.File), store.Options{}); err != nil {
			b.Fatal(err)
		}
		steps := &busy{b: b, feed: s.feed}
		s.runner = &engine.Runner{Store: s.store, Steps: steps, Notifier: silent{}, Clock: clock{s.now}, Observe: s.observe}
		w, err := s.runner.Start(b.Context(), startOfMemory())
		if err != nil {
			b.Fatal(err)
		}
		s.serve(b.Context(), "loop")
		followed := make(chan error, 1)
		go func() { followed <- followAll(b.Context(), s.state, w.ID) }()
		if w, err = s.runner.Loop(b.Context(), w); err != nil || w.State != engine.Done || w.Iterations != memoryTasks*memoryAttempts {
			b.Fatalf("%s after %d iterations: %v", w.State, w.Iterations, err)
		}
		if err := <-followed; err != nil {
			b.Errorf("the reader: %v", err)
		}
		if err := s.Close(); err != nil {
			b.Error(err)
		}
		for name, at := range map[string]memory{"early": steps.early, "late": steps.late} {
			b.ReportMetric(float64(at.heap), "heap-bytes-"+name)
			b.ReportMetric(float64(at.resident), "resident-bytes-"+name)
		}
	}
}

func startOfMemory() engine.Start {
	source := engine.Source{Text: "# A long night", Hash: "h", Complete: true, Reason: "it is complete"}
	for i := range memoryTasks {
		source.Tasks = append(source.Tasks, engine.PlannedTask{
			ID: engine.TaskID(fmt.Sprintf("T%d", i+1)), Title: "Greet another person", Checks: []string{"go test ./..."},
		})
	}
	return engine.Start{ID: "w", Label: "Night", SpecPath: "specs/night.md", Source: source}
}

// followAll is a reader to the end of the workflow.
func followAll(ctx context.Context, state string, id engine.WorkflowID) error {
	c, err := control.Dial(ctx, control.ClientOptions{Folder: state, Program: version})
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Follow(ctx, id, control.FollowOptions{Output: true}, func(control.Update) error { return nil })
}

type silent struct{}

func (silent) Notify(context.Context, engine.Notification) {}

// busy is an agent whose work is checked and found wanting, until its last attempt. It changes the files each time, or
// the engine would stop it.
type busy struct {
	engine.Steps
	b           *testing.B
	feed        *control.Feed
	attempts    int
	early, late memory
}

func (s *busy) Run(_ context.Context, w engine.Workflow, a engine.Activity) (engine.Outcome, error) {
	now := time.Now()
	o := engine.Outcome{Started: now, Finished: now, Transcript: engine.Transcript{Bytes: 4096}}
	s.feed.Output(w.ID, a.ID)
	if a.ID.Check > 0 {
		passed := a.ID.Number == memoryAttempts
		o.Checks = []engine.CheckResult{{Command: "go test ./...", Passed: passed, Output: strings.Repeat("--- FAIL: TestGreet\n", 50)}}
		o.Evidence = o.Checks[0].Output
		return o, nil
	}
	switch s.attempts++; s.attempts {
	case memoryEarly:
		s.early = memoryNow(s.b)
	case memoryLate:
		s.late = memoryNow(s.b)
	}
	o.Signal, o.Message, o.CostUSD = engine.SignalComplete, fmt.Sprintf("Attempt %d: the greeting is printed now.", s.attempts), 0.1
	o.Tree, o.Snapshot = fmt.Sprintf("%040x", s.attempts), fmt.Sprintf("%040x", s.attempts)
	return o, nil
}

func (s *busy) Release(context.Context, engine.WorkflowID, engine.Activity) error { return nil }
func (s *busy) Sweep(context.Context, engine.WorkflowID, []engine.Activity) error { return nil }

// memory is what a process has of it, in bytes.
type memory struct{ heap, resident uint64 }

func memoryNow(b *testing.B) memory {
	debug.FreeOSMemory() // else it would be told how far the collector happens to be
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return memory{heap: stats.HeapAlloc, resident: resident(b)}
}

// resident adds up what of the process's mappings is in memory, but for the database.
func resident(b *testing.B) (bytes uint64) {
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		b.Skip("the kernel does not tell what is in memory: ", err)
	}
	database := false
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		switch {
		case !strings.HasSuffix(fields[0], ":"): // the begin of a mapping
			database = strings.HasSuffix(fields[len(fields)-1], "/"+store.File)
		case fields[0] == "Rss:" && !database:
			kb, err := strconv.ParseUint(fields[1], 10, 64)
			if err != nil {
				b.Fatal(err)
			}
			bytes += kb << 10
		}
	}
	return bytes
}
