package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/trust"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a project and a folder beside it, in which scripts can be hooks.
type bench struct {
	*testing.T
	project, tools string
}

func newBench(t *testing.T) bench {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := bench{t, filepath.Join(dir, "project"), filepath.Join(dir, "tools")}
	for _, d := range []string{b.project, b.tools} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func (b bench) script(path, text string) string {
	b.Helper()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		b.Fatal(err)
	}
	return path
}

func (b bench) run(ctx context.Context, timeout time.Duration, call engine.HookCall, args ...string) (engine.HookOutcome, error) {
	call.Hook = engine.PostStep
	h := &Hooks{Project: b.project, Programs: map[engine.Hook][]string{call.Hook: args}, OnFailure: engine.OnFailureWarn, Timeout: timeout}
	return h.Run(ctx, call)
}

var call = engine.HookCall{
	Workflow: "w-1", Label: "w", State: engine.Running, Task: "T1", Attempt: 2, Verdict: engine.VerdictFailed,
	Reason: "`touch evil` $(touch evil)\x1b[31m",
}

func TestHookIsTold(t *testing.T) {
	b := newBench(t)
	t.Setenv("PATH", "relative::"+b.project+"/bin:/usr/bin:/bin:"+b.tools)
	t.Setenv("ANTHROPIC_API_KEY", "secret")
	out := filepath.Join(b.tools, "out")
	program := b.script(filepath.Join(b.tools, "hook"), `cat > "$1.json"; env > "$1.env"; pwd; ls -l /proc/self/fd > "$1.fd"; [ ! -t 2 ] && echo "$2"`)
	if err := os.Mkdir(filepath.Join(b.project, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	o, err := b.run(context.Background(), time.Minute, call, program, out, "a b")
	if err != nil || o.Failed != "" || o.Output != "/\na b\n" || o.OnFailure != engine.OnFailureWarn || o.Took <= 0 {
		t.Fatalf("%+v, %v", o, err)
	}
	text, err := os.ReadFile(out + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"schema": 1.0, "hook": "post_step", "project": b.project, "workflow": "w-1", "label": "w", "state": "running", "task": "T1",
		"attempt": 2.0, "phase": nil, "verdict": "failed", "reason": call.Reason, "waits": nil,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("input\n%v\nnot\n%v", got, want)
	}
	docs, err := os.ReadFile("../docs/hooks.md")
	if err != nil {
		t.Fatal(err)
	}
	for key := range want {
		if !strings.Contains(string(docs), "| `"+key+"` |") {
			t.Errorf("docs/hooks.md does not tell of %s", key)
		}
	}
	env, err := os.ReadFile(out + ".env")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(env), "\n")
	for _, want := range []string{
		"PATH=/usr/bin:/bin:" + b.tools, "RALPH_HOOK=post_step", "RALPH_PROJECT=" + b.project, "RALPH_WORKFLOW=w-1", "RALPH_TASK=T1", "RALPH_ATTEMPT=2",
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("the environment has no %s:\n%s", want, env)
		}
	}
	if strings.Contains(string(env), "secret") {
		t.Error("a hook gets our whole environment")
	}
}

func TestHookFails(t *testing.T) {
	b := newBench(t)
	for text, want := range map[string]string{
		"echo no; exit 3": "exit code 3: no",
		"kill -TERM $$":   "signal terminated ended it",
		"echo 'red \x1b[31m\x1b]0;x\x07'; exit 1":      "exit code 1: red",
		"exec 0<&-; exit 0":                            "",
		"head -c 100000 /dev/zero | tr '\\0' x; false": "exit code 1: " + strings.Repeat("x", longestLine) + " …",
	} {
		o, err := b.run(context.Background(), time.Minute, call, b.script(filepath.Join(b.tools, "hook"), text))
		if err != nil || o.Failed != want || len(o.Output) > 2*half+100 {
			t.Errorf("%s: %q, %v; %d bytes", text, o.Failed, err, len(o.Output))
		}
	}
	for path, want := range map[string]string{
		"/nowhere/prog": "there is no such program", b.tools: "no program that can be executed", "/etc/passwd": "no program that can be executed",
	} {
		if o, err := b.run(context.Background(), time.Minute, call, path); err != nil || !strings.Contains(o.Failed, want) {
			t.Errorf("%s: %+v, %v", path, o, err)
		}
	}
}

// A program that an agent can write is never run, whatever the way to it.
func TestHookInTheProjectIsRefused(t *testing.T) {
	b := newBench(t)
	evil := b.script(filepath.Join(b.project, "hook.sh"), "touch "+b.tools+"/ran")
	link := func(target, name string) string {
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
		return name
	}
	beside := link(evil, filepath.Join(b.tools, "to-it"))
	folder := link(b.project, filepath.Join(b.tools, "folder"))
	through := link("/bin", filepath.Join(b.project, "bin"))
	relative := link("../project/../project/hook.sh", filepath.Join(b.tools, "relative"))
	for _, path := range []string{
		evil, beside, relative, filepath.Join(folder, "hook.sh"), filepath.Join(through, "true"), filepath.Join(folder, "bin", "true"),
		b.tools + "/../project/hook.sh", "/proc/self/root" + evil, b.project + "/../project/hook.sh",
		b.project + "/../tools/../project/bin/true",
	} {
		o, err := b.run(context.Background(), time.Minute, call, path)
		if err != nil || !strings.HasSuffix(o.Failed, trust.ErrInProject.Error()) {
			t.Errorf("%s: %+v, %v", path, o, err)
		}
		if err := Check(b.project, path); !errors.Is(err, trust.ErrInProject) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := os.Stat(b.tools + "/ran"); err == nil {
		t.Error("a program of the project ran")
	}
	if err := Check(b.project, link("loop", filepath.Join(b.tools, "loop"))); err == nil {
		t.Error("a circle of links is a program")
	}
	if err := Check(b.project, b.script(b.tools+"/fine", "")); err != nil {
		t.Errorf("beside the project: %v", err)
	}
	if !Mentions(b.project, []string{"-c", "$RALPH_PROJECT/x"}) || !Mentions(b.project, []string{evil}) || Mentions(b.project, []string{"-c", "x"}) {
		t.Error("what names the project is not seen")
	}
}

// At the limit, and when the loop is stopped, everything that the hook started ends.
func TestHookIsKilledWhole(t *testing.T) {
	b := newBench(t)
	pids := filepath.Join(b.tools, "pids")
	program := b.script(filepath.Join(b.tools, "hook"), fmt.Sprintf(`sleep 1000 & echo $! > %s.new; mv %s.new %s; wait`, pids, pids, pids))
	o, err := b.run(context.Background(), 300*time.Millisecond, call, program)
	if err != nil || !strings.HasPrefix(o.Failed, "it took longer than 300ms and was killed") {
		t.Errorf("%+v, %v", o, err)
	}
	gone(t, pids)

	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		_, err := b.run(ctx, time.Minute, call, program)
		done <- err
	}()
	for { // until it is under way
		if _, err := os.Stat(pids); err == nil {
			break
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	gone(t, pids)

	// One that ends leaves nothing behind either.
	program = b.script(filepath.Join(b.tools, "leaves"), fmt.Sprintf(`sleep 1000 & echo $! > %s`, pids))
	if o, err := b.run(context.Background(), time.Minute, call, program); err != nil || o.Failed != "" {
		t.Errorf("%+v, %v", o, err)
	}
	gone(t, pids)
}

// gone waits until the process is no more, and takes the file away.
func gone(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(10 * time.Second); ; {
		state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(state), ") Z ") {
			break
		}
		if time.Now().After(until) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Fatalf("process %d lives on", pid)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}
