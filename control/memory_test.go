package control

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/store"
)

// The loop whose memory is measured: tasks that fail so often that the workflow's end is 10,000 iterations away.
const (
	memoryTasks    = 100
	memoryAttempts = 100
	memoryEarly    = 100
	memoryLate     = memoryTasks*memoryAttempts - memoryEarly
)

// BenchmarkLoopMemory is a loop of 10,000 iterations: the engine's own, with a real store, socket and feed and a reader
// that follows, and activities that do nothing. It reports what the process has of memory near the begin and near the
// end: its live heap, and all that is resident, without the database's own pages, which the kernel takes back when it
// likes.
func BenchmarkLoopMemory(b *testing.B) {
	for b.Loop() {
		p := newProject(b)
		w := p.start(b, "w", memoryTasks)
		s := p.serve(b, func(o *Options) { o.Gather = 0 }) // the default
		wait := startReaders(b, p.folder, 1)
		steps := &busy{b: b, feed: p.feed}
		runner := &engine.Runner{Store: p.Store, Steps: steps, Notifier: silent{}, Clock: wallClock{}, Observe: p.feed.Observe}
		w, err := runner.Loop(context.Background(), w)
		if err != nil || w.State != engine.Done || w.Iterations != memoryTasks*memoryAttempts {
			b.Fatalf("%s after %d iterations: %v", w.State, w.Iterations, err)
		}
		wait()
		if err := s.Close(); err != nil {
			b.Error(err)
		}
		if err := p.Store.Close(); err != nil {
			b.Error(err)
		}
		for name, at := range map[string]memory{"early": steps.early, "late": steps.late} {
			b.ReportMetric(float64(at.heap), "heap-bytes-"+name)
			b.ReportMetric(float64(at.resident), "resident-bytes-"+name)
		}
	}
}

// busy is an agent whose work is checked and found wanting, until its last attempt. It changes the files each time, or
// the engine would stop it.
type busy struct {
	patient
	b           *testing.B
	feed        *Feed
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
