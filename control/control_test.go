package control

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/store"
)

func TestMain(m *testing.M) {
	if folder := os.Getenv("CONTROL_TEST_CHILD"); folder != "" {
		child(folder)
		return
	}
	if count, err := strconv.Atoi(os.Getenv("CONTROL_TEST_READERS")); err == nil {
		readers(os.Getenv("CONTROL_TEST_FOLDER"), count)
		return
	}
	goleak.VerifyTestMain(m)
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// project is a state folder with a store, a feed, and what a loop does to both.
type project struct {
	*store.Store
	folder string
	feed   *Feed
	mu     sync.Mutex
}

func stateFolder(t testing.TB) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	return folder
}

func newProject(t testing.TB) *project {
	t.Helper()
	p := &project{folder: stateFolder(t), feed: &Feed{}}
	p.open(t)
	return p
}

func (p *project) open(t testing.TB) {
	t.Helper()
	var err error
	if p.Store, err = store.Open(filepath.Join(p.folder, store.File), store.Options{Command: "a test"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Store.Close() })
}

// Do decides and appends like engine.Runner, one command at a time.
func (p *project) Do(ctx context.Context, id engine.WorkflowID, c engine.Command) (engine.Workflow, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w, err := p.Load(ctx, id)
	if err != nil {
		return w, err
	}
	return p.decide(ctx, w, c)
}

func (p *project) decide(ctx context.Context, w engine.Workflow, c engine.Command) (engine.Workflow, error) {
	events, err := engine.Decide(w, c, noon.Add(time.Duration(w.Seq)*time.Second))
	if err != nil || len(events) == 0 {
		return w, err
	}
	next, err := engine.Evolve(w, events...)
	if err != nil {
		return w, err
	}
	if err := p.Append(ctx, w, next, events); err != nil {
		return w, err
	}
	p.feed.Observe(next, events)
	return next, nil
}

func (p *project) do(t testing.TB, id engine.WorkflowID, c engine.Command) engine.Workflow {
	t.Helper()
	w, err := p.Do(context.Background(), id, c)
	if err != nil {
		t.Fatalf("%T: %v", c, err)
	}
	return w
}

// start makes a workflow with tasks T1, T2, … of one check each, ready to run.
func (p *project) start(t testing.TB, id engine.WorkflowID, tasks int) engine.Workflow {
	t.Helper()
	source := engine.Source{Text: "# " + string(id), Hash: "0123", Complete: true, Reason: "it has all sections"}
	for i := range tasks {
		source.Tasks = append(source.Tasks, engine.PlannedTask{
			ID: engine.TaskID(fmt.Sprintf("T%d", i+1)), Title: "Add the command", Checks: []string{"go test ./..."},
		})
	}
	w, err := p.decide(context.Background(), engine.Workflow{}, engine.Start{ID: id, Label: "Demo", SpecPath: "specs/demo.md", Source: source})
	if err != nil {
		t.Fatal(err)
	}
	p.do(t, w.ID, engine.SkipPlan{})
	return p.do(t, w.ID, engine.TakeTasks{})
}

// ask takes a task to the question of its agent.
func (p *project) ask(t testing.TB, id engine.WorkflowID, task engine.TaskID, question string) engine.Workflow {
	t.Helper()
	w := p.do(t, id, engine.Intend{Task: task})
	return p.do(t, id, engine.Finish{ID: w.Task(task).Open.ID, Outcome: engine.Outcome{
		Started: noon, Finished: noon.Add(time.Minute), Signal: engine.SignalClarify, Message: question, CostUSD: 0.25,
	}})
}

// fail takes a task through an attempt that comes to nothing.
func (p *project) fail(t testing.TB, id engine.WorkflowID, task engine.TaskID) engine.Workflow {
	t.Helper()
	w := p.do(t, id, engine.Intend{Task: task})
	return p.do(t, id, engine.Finish{ID: w.Task(task).Open.ID, Outcome: engine.Outcome{Failed: "exit code 1"}})
}

func (p *project) options() Options {
	return Options{
		Folder: p.folder, Backend: p, Feed: p.feed, Program: "v0.5.0", Command: "ralph loop", Since: noon,
		Gather: time.Millisecond,
	}
}

func (p *project) serve(t testing.TB, change func(*Options)) *Server {
	t.Helper()
	o := p.options()
	if change != nil {
		change(&o)
	}
	s, err := Serve(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (p *project) dial(t testing.TB, change func(*ClientOptions)) *Client {
	t.Helper()
	o := ClientOptions{Folder: p.folder, Program: "v0.5.0"}
	if change != nil {
		change(&o)
	}
	c, err := Dial(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// raw connects without a client, to say what no client says.
func (p *project) raw(t testing.TB) *net.UnixConn {
	t.Helper()
	f, err := openFolder(p.folder)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	c, err := f.dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return c
}

// whole is all that is known of a workflow but the text of its source, to compare.
func whole(t testing.TB, w engine.Workflow) string {
	t.Helper()
	source := *w.Source
	source.Text = ""
	b, err := json.Marshal([]any{w, source, w.Tasks})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// testContext ends with the test, and when a test that should not wait does.
func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
