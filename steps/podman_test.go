package steps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/podman"
	"github.com/wrapix/wrapix/sandbox/sandboxtest"
	"github.com/wrapix/wrapix/steps/agent"
	"github.com/wrapix/wrapix/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

type noNotifier struct{}

func (noNotifier) Notify(context.Context, engine.Notification) {}

// project is a folder with an agent, and everything that runs workflows on it.
type project struct {
	*engine.Runner
	steps   *Steps
	store   *store.Store
	options Options
}

const testImage = "localhost/wrapix-steps-test"

func newProject(t *testing.T, script string) *project {
	t.Helper()
	rt, err := podman.Connect(t.Context(), podman.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rt.Close() })
	if _, err := rt.Image(t.Context(), testImage); err != nil {
		var tar bytes.Buffer
		if err := sandboxtest.ImageTar(&tar); err != nil {
			t.Fatal(err)
		}
		if err := rt.ImportImage(t.Context(), &tar, testImage, nil); err != nil {
			t.Fatal(err)
		}
	}
	dir, state := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "agent.sh"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(filepath.Join(state, "ralph.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	p := &project{store: st, options: Options{
		Runtime: rt, Project: dir, State: state, StoreID: st.ID(), Agent: agent.Command{Args: []string{"./agent.sh"}}, Profiles: []string{"base"},
		Image: func(context.Context, string, string) (string, error) { return testImage, nil }, Network: sandbox.NetworkNone,
		Timeout: time.Minute,
	}}
	p.steps = New(p.options)
	p.Runner = &engine.Runner{Store: st, Steps: p.steps, Notifier: noNotifier{}, Clock: wallClock{}}
	t.Cleanup(func() {
		left, err := rt.List(context.Background(), map[string]string{labelStore: st.ID()})
		if err != nil || len(left) != 0 {
			t.Errorf("containers are left: %v, %v", left, err)
		}
	})
	return p
}

func (p *project) begin(t *testing.T, spec string) engine.Workflow {
	t.Helper()
	if spec != "" {
		if err := os.WriteFile(filepath.Join(p.options.Project, "spec.md"), []byte(spec), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	start, _, err := p.steps.Begin(t.Context(), "spec.md", true)
	if err != nil {
		t.Fatal(err)
	}
	start.ID, start.Limits = "w-1", engine.Limits{MaxAttempts: 3}
	w, err := p.Start(t.Context(), start)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (p *project) loop(t *testing.T, w engine.Workflow, want engine.WorkflowState) engine.Workflow {
	t.Helper()
	w, err := p.Loop(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	if w.State != want {
		t.Fatalf("the workflow is %s and waits for %+v, want %s", w.State, w.Waiting(), want)
	}
	return w
}

func TestTaskFailsItsCheckAndPassesWithTheEvidence(t *testing.T) {
	p := newProject(t, `
echo "task $RALPH_TASK attempt $RALPH_ATTEMPT phase $RALPH_PHASE in $RALPH_WORKFLOW"
[ "$(cat)" = "$(cat "$RALPH_PROMPT")" ] || exit 9
if grep -q "no such greeting" "$RALPH_PROMPT"; then echo hello > greeting; fi
echo RALPH_COMPLETE
`)
	w := p.begin(t, "# G\n\nText.\n\n## Success Criteria\n\n- [ ] Greets. Check: `grep hello greeting`\n\n## Tasks\n\n"+
		"- [ ] **T1** Greet\n  - Check: `touch made-by-check; test -f greeting || { echo no such gree''ting; exit 4; }`\n")
	w = p.loop(t, w, engine.Done)
	task := w.Task("T1")
	if task.Attempts != 2 || task.Verified == nil || !*task.Verified {
		t.Errorf("T1 has %d attempts, verified %v", task.Attempts, task.Verified)
	}
	if _, err := os.Stat(filepath.Join(p.options.Project, "made-by-check")); err == nil {
		t.Error("what the check wrote is in the project")
	}
	log, err := os.ReadFile(filepath.Join(AttemptDir(p.options.State, w.ID, engine.AttemptID{Task: "T1", Number: 2}), TranscriptName))
	if err != nil || !strings.Contains(string(log), "task T1 attempt 2 phase step in w-1\n") {
		t.Errorf("the transcript is %q, %v", log, err)
	}
}

func TestPlanAndTasksByTheAgent(t *testing.T) {
	p := newProject(t, `
case $RALPH_PHASE in
plan)
	grep -q "Answer: in English" "$RALPH_PROMPT" || { echo "RALPH_CLARIFY: which language?"; exit; }
	printf '# Greeter\n\nGreets.\n\n## Requirements\n\n### Functional\n\n1. Says hello.\n\n## Success Criteria\n\n- [ ] It does. Check: `+"`true`"+`\n' > "$RALPH_SPEC" ;;
ready)
	case $RALPH_ATTEMPT in
	1) echo '{"tasks":[{"id":"A","title":"a","after":["B"]},{"id":"B","title":"b","after":["A"]}]}' > "$RALPH_PLAN" ;;
	*) grep -q "wait for each other" "$RALPH_PROMPT" && echo '{"tasks":[{"id":"A","title":"Say it","covers":["R1"],"checks":["test -f hello"]}]}' > "$RALPH_PLAN" ;;
	esac ;;
step) touch hello ;;
esac
echo '{"signal":"complete","cost_usd":0.25,"input_tokens":10,"output_tokens":5}' > "$RALPH_RESULT"
`)
	w := p.begin(t, "")
	w = p.loop(t, w, engine.AwaitingAnswer)
	w, err := p.Do(t.Context(), w.ID, engine.Reply{Task: engine.PlanTask, Text: "in English"})
	if err != nil {
		t.Fatal(err)
	}
	w = p.loop(t, w, engine.Done)
	if len(w.Tasks) != 1 || w.Task("A").State != engine.TaskDone || w.Ready.Attempts != 2 {
		t.Errorf("the plan is %+v after %d attempts", w.Tasks, w.Ready.Attempts)
	}
	if w.CostUSD != 1 || w.Tokens != 60 { // the question has none: three phases, one of them twice
		t.Errorf("cost %v, tokens %d", w.CostUSD, w.Tokens)
	}
}

func TestStopIsAnInterruption(t *testing.T) {
	p := newProject(t, `
if [ -e again ]; then echo RALPH_COMPLETE; exit; fi
trap '' TERM
echo '{"cost_usd":0.5,"input_tokens":7}' > "$RALPH_RESULT"
touch again; echo waiting
while :; do sleep 60; done
`)
	w := p.begin(t, "# G\n\nText.\n\n## Tasks\n\n- [ ] **T1** Wait\n  - Check: `true`\n")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	p.options.Output = func(engine.AttemptID, []byte) { stop() }
	p.Steps = New(p.options)
	w, err := p.Loop(ctx, w)
	if err == nil || w.Task("T1").State != engine.TaskReady || w.Task("T1").Failures != 0 {
		t.Fatalf("stopped: %v, task %+v", err, w.Task("T1"))
	}
	if w.CostUSD != 0.5 || w.Tokens != 7 || w.Spent <= 0 || w.Iterations != 0 {
		t.Errorf("what was stopped used %v USD, %d tokens, %v, and is attempt %d", w.CostUSD, w.Tokens, w.Spent, w.Iterations)
	}
	w = p.loop(t, w, engine.Done)
	if w.Task("T1").Attempts != 2 {
		t.Errorf("%d attempts", w.Task("T1").Attempts)
	}
}

// abandon begins the first attempt of T1, and leaves what a killed process leaves as soon as it has printed something: an
// announced activity, and a container that goes on.
func (p *project) abandon(t *testing.T, w engine.Workflow) (engine.Workflow, engine.Activity, sandbox.Spec) {
	t.Helper()
	for engine.Next(w).Kind != engine.RunAttempt {
		var err error
		if w, _, err = p.Advance(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	w, err := p.Do(t.Context(), w.ID, engine.Intend{Task: "T1"})
	if err != nil {
		t.Fatal(err)
	}
	a := *w.Task("T1").Open
	spec, err := p.steps.prepare(t.Context(), w, a)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cut := context.WithCancel(t.Context())
	defer cut()
	sink := sandbox.Sink{Stdout: writerFunc(func() { cut() })}
	if _, err := sandbox.Run(ctx, p.options.Runtime, spec, sink); err == nil {
		t.Fatal("the follower was not cut")
	}
	return w, a, spec
}

func TestFollowerIsCutAndResumes(t *testing.T) {
	p := newProject(t, `
i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done
while [ ! -e go ]; do sleep 0.02; done
echo RALPH_COMPLETE
`)
	w := p.begin(t, "# G\n\nText.\n\n## Tasks\n\n- [ ] **T1** Print\n  - Check: `true`\n")
	w, a, spec := p.abandon(t, w)
	// The disk under the transcript is full: the attempt stays open and its sandbox runs on, until there is room.
	transcript := filepath.Join(AttemptDir(p.options.State, w.ID, a.ID), TranscriptName)
	if err := os.Symlink("/dev/full", transcript); err != nil {
		t.Fatal(err)
	}
	w, err := p.Loop(t.Context(), w)
	if !errors.Is(err, engine.ErrUnfinished) || w.Task("T1").Open == nil {
		t.Fatalf("with a full disk: %v, task %+v", err, w.Task("T1"))
	}
	if err := os.Remove(transcript); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.options.Project, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	w = p.loop(t, w, engine.Done)
	if w.Task("T1").Attempts != 1 {
		t.Errorf("%d attempts: a running one was not taken up", w.Task("T1").Attempts)
	}
	log, err := os.ReadFile(filepath.Join(AttemptDir(p.options.State, w.ID, a.ID), TranscriptName))
	if lines := strings.Count(string(log), "\n"); err != nil || lines != 2001 {
		t.Errorf("the transcript has %d lines, %v", lines, err)
	}
	// A monitor that had only begun to start makes the record anew after its end.
	for _, c := range []struct {
		keep []engine.Activity
		want error
	}{{[]engine.Activity{a}, nil}, {nil, fs.ErrNotExist}} {
		if err := os.WriteFile(spec.Record, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := p.steps.Sweep(t.Context(), w.ID, c.keep); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(spec.Record); !errors.Is(err, c.want) {
			t.Errorf("swept but for %d activities, the record: %v", len(c.keep), err)
		}
	}
}

type writerFunc func()

func (f writerFunc) Write(b []byte) (int, error) { f(); return len(b), nil }

// An image that somebody removes while a loop works is asked for again, and no attempt is lost.
func TestImageIsGone(t *testing.T) {
	p := newProject(t, "echo RALPH_COMPLETE\n")
	var asked []string
	p.options.Image = func(_ context.Context, _, gone string) (string, error) {
		asked = append(asked, gone)
		if gone == "" {
			return "localhost/wrapix-gone:1", nil
		}
		return testImage, nil
	}
	w := p.begin(t, "# P\n\nText.\n\n## Tasks\n\n- [ ] **T1** See\n  - Check: `true`\n")
	p.steps = New(p.options)
	p.Steps = p.steps
	w = p.loop(t, w, engine.Done)
	if want := "[ localhost/wrapix-gone:1  localhost/wrapix-gone:1]"; w.Task("T1").Attempts != 1 || fmt.Sprint(asked) != want {
		t.Errorf("%d attempts, asked %q", w.Task("T1").Attempts, asked)
	}
}
