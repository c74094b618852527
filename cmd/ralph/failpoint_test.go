//go:build failpoints

package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/wrapix/wrapix/internal/failpoint"
	"github.com/wrapix/wrapix/store"
)

// TestKilledBetweenAnyTwoEffects kills `ralph loop` at every failpoint, in an attempt and in its verification, and holds
// that the next loop goes on: nothing is lost, nothing that finished runs again, no container is left.
func TestKilledBetweenAnyTwoEffects(t *testing.T) {
	for _, name := range failpoint.Activity {
		for n, during := range []string{"attempt", "verification"} {
			t.Run(name+"/"+during, func(t *testing.T) {
				t.Parallel()
				killedAt(t, fmt.Sprintf("%s:%d", name, n+1))
			})
		}
	}
	// Behind the last outcome of the workflow: it is done, and its sandbox is still there.
	t.Run("recorded/last", func(t *testing.T) {
		t.Parallel()
		killedAt(t, "recorded:4")
	})
	for _, name := range failpoint.Inner {
		for n := range 3 {
			point := fmt.Sprintf("%s:%d", name, n+1)
			t.Run(point, func(t *testing.T) {
				t.Parallel()
				killedAt(t, point)
			})
		}
	}
	// The loop that recovers is killed too.
	for _, name := range []string{"storing", "stored", "reported", "synced", "snapshot-written", "performed", "recorded", "released"} {
		t.Run("recovering/"+name, func(t *testing.T) {
			t.Parallel()
			killedAt(t, "started", name)
		})
	}
}

// twoTasks is a project with a spec of two tasks and a state folder.
type twoTasks struct {
	t          *testing.T
	dir, state string
}

// newTwoTasks makes one whose agent does what the script says after it has left its line in the file witness.
func newTwoTasks(t *testing.T, agent, configuration string) twoTasks {
	p := twoTasks{t, t.TempDir(), t.TempDir()}
	for name, text := range map[string]string{
		"wrapix.toml": fmt.Sprintf("agent.command = [\"./agent.sh\"]\nsandbox.image = %q\nsandbox.network = \"none\"\nnotify.enabled = false\n%s", testImage, configuration),
		"agent.sh":    "#!/bin/sh\necho $RALPH_TASK/$RALPH_ATTEMPT >> witness\n" + agent,
		"spec.md":     "# Two\n\nTwo tasks.\n\n## Tasks\n\n- [ ] **T1** First\n  - Check: `grep T1 witness`\n- [ ] **T2** Second (after: T1)\n  - Check: `grep T2 witness`\n",
	} {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	approveImage(t, p.dir, p.state)
	return p
}

// ralph runs a command and returns what it said.
func (p twoTasks) ralph(env string, args ...string) (string, error) {
	cmd := exec.Command("ralph", args...)
	if args[0] == "trust" {
		cmd = exec.Command(args[0])
	}
	cmd.Dir, cmd.Env = p.dir, append(os.Environ(), noRaceSleep, "RALPH_STATE_DIR="+p.state, "A_TOKEN=of-the-host", env)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (p twoTasks) must(args ...string) string {
	p.t.Helper()
	out, err := p.ralph("", args...)
	if err != nil {
		p.t.Fatalf("%q: %v\n%s", args, err, out)
	}
	return out
}

// killed runs a command that kills itself at the point.
func (p twoTasks) killed(point string, args ...string) {
	p.t.Helper()
	out, err := p.ralph("RALPH_FAILPOINT="+point, args...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		p.t.Fatalf("it was not killed at %s: %v\n%s", point, err, out)
	}
}

func (p twoTasks) whole() {
	p.t.Helper()
	if err := errors.Join(wholeAccount(p.state, "spec-1", p.dir), containersOf(p.dir), secretsOf(p.state)); err != nil {
		p.t.Error(err)
	}
}

func killedAt(t *testing.T, points ...string) {
	p := newTwoTasks(t, "echo RALPH_COMPLETE\n", "secrets.TOKEN = { env = \"A_TOKEN\", checks = true }\n")
	p.must("trust")
	p.must("start", "spec.md")
	// The start has a sandbox of its own in another process, so the loop's first activity is T1's first attempt.
	for _, point := range points {
		p.killed(point, "loop")
	}
	p.must("loop")
	p.whole()
}

const asksFirst = "grep -q blue $RALPH_PROMPT && echo RALPH_COMPLETE || echo 'RALPH_CLARIFY: Which colour?'\n"

// TestKilledAroundTheDatabase kills commands where a file is whole and takes its name, and holds that a loop goes on.
func TestKilledAroundTheDatabase(t *testing.T) {
	for point, command := range map[string][]string{
		"create-written": {"start", "spec.md"}, "create-named": {"start", "spec.md"}, "storing": {"start", "spec.md"}, "stored": {"start", "spec.md"},
		"compact-written": {"prune", "--older-than", "0m"}, "compact-named": {"prune", "--older-than", "0m"},
		"backup-written": {"backup", "--force", "copy.db"}, "backup-named": {"backup", "--force", "copy.db"},
	} {
		t.Run(command[0]+" "+point, func(t *testing.T) {
			t.Parallel()
			p := newTwoTasks(t, asksFirst, "")
			if command[0] != "start" {
				p.must("start", "spec.md")
				if out, err := p.ralph("", "loop"); !strings.Contains(out, "T1 asks") {
					t.Fatalf("%v\n%s", err, out)
				}
				p.must("backup", "copy.db")
				// As bbolt grows it: else there is nothing to make smaller.
				if err := os.Truncate(filepath.Join(p.state, "ralph.db"), 1<<20); err != nil {
					t.Fatal(err)
				}
			}
			p.killed(point, command...)
			switch {
			case command[0] != "start":
				p.must(command...) // what the first one left is in nobody's way
			case point != "stored": // else it was started
				p.must("start", "spec.md")
			}
			for _, task := range []string{"T1", "T2"} {
				if out, _ := p.ralph("", "loop"); !strings.Contains(out, task+" asks") {
					t.Fatal(out)
				}
				p.must("answer", task, "blue")
			}
			p.must("loop")
			p.whole()
		})
	}
}

// TestKilledBeforeItIsNoted kills `ralph loop` when somebody outside was told and the log does not know. That happens
// again rather than never: the hook runs once more, the person is told once more, and the webhook once more under the
// same id.
func TestKilledBeforeItIsNoted(t *testing.T) {
	t.Run("hook-ran", func(t *testing.T) {
		t.Parallel()
		tools := t.TempDir()
		hook, ran := filepath.Join(tools, "hook"), filepath.Join(tools, "ran")
		if err := os.WriteFile(hook, []byte("#!/bin/sh\necho >> "+ran+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		p := newTwoTasks(t, "echo RALPH_COMPLETE\n", fmt.Sprintf("hooks.post_step = [%q]\n", hook))
		p.must("trust")
		p.killed("hook-ran", "loop", "spec.md")
		p.must("loop")
		p.whole()
		if text, err := os.ReadFile(ran); err != nil || len(text) != 3 {
			t.Errorf("two steps, and the hook ran %d times: %v", len(text), err)
		}
	})
	t.Run("notified", func(t *testing.T) {
		t.Parallel()
		p := newTwoTasks(t, asksFirst, "")
		p.killed("notified", "loop", "spec.md")
		told := func() int { return strings.Count(p.must("history", "--json"), `"wait.notified"`) }
		if n := told(); n != 0 {
			t.Errorf("told %d times before", n)
		}
		if out, _ := p.ralph("", "loop"); !strings.Contains(out, "Which colour?") {
			t.Error(out)
		}
		if n := told(); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
	t.Run("delivered", func(t *testing.T) {
		t.Parallel()
		var mu sync.Mutex
		var ids []string
		hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			ids = append(ids, r.Header.Get("Ralph-Delivery"))
		}))
		defer hook.Close()
		p := newTwoTasks(t, asksFirst, fmt.Sprintf("notify.webhook = %q\n", hook.URL))
		p.must("trust")
		p.killed("delivered", "loop", "spec.md")
		if out, _ := p.ralph("", "loop"); !strings.Contains(out, "Which colour?") {
			t.Error(out)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(ids) != 2 || ids[0] != ids[1] {
			t.Errorf("delivered: %q", ids)
		}
	})
}

// TestKilledDuringUndo holds that an undo which a kill interrupts is told, and finished by the next command before it
// works on anything.
func TestKilledDuringUndo(t *testing.T) {
	for _, point := range []string{"undo-begun", "files-back"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			dir, state := t.TempDir(), t.TempDir()
			write := func(name, text string) {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			write("wrapix.toml", fmt.Sprintf("[agent]\ncommand = [\"./agent.sh\"]\n[sandbox]\nimage = %q\nnetwork = \"none\"\n[notify]\nenabled = false\n", testImage))
			write("agent.sh", "#!/bin/sh\necho $RALPH_ATTEMPT >> made\n[ $RALPH_ATTEMPT$RALPH_TASK = 1T2 ] && echo 'RALPH_CLARIFY: so?' || echo RALPH_COMPLETE\n")
			write("spec.md", "# Two\n\n## Tasks\n\n- [ ] **T1** First\n  - Check: `test -e made`\n- [ ] **T2** Second (after: T1)\n  - Check: `test -e made`\n")
			ralph := func(env string, args ...string) (string, error) {
				cmd := exec.Command("ralph", args...)
				cmd.Dir, cmd.Env = dir, append(os.Environ(), noRaceSleep, "RALPH_STATE_DIR="+state, env)
				out, err := cmd.CombinedOutput()
				return string(out), err
			}
			approveImage(t, dir, state)
			if out, _ := ralph("", "loop", "spec.md"); !strings.Contains(out, "T2 asks") {
				t.Fatal(out)
			}
			out, err := ralph("RALPH_FAILPOINT="+point, "undo", "--yes", "T1/1")
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("it was not killed: %v\n%s", err, out)
			}
			if out, err := ralph("", "status"); err != nil || !strings.Contains(out, "on their way back to before T1/1") || strings.Contains(out, " done ") {
				t.Errorf("status: %v\n%s", err, out)
			}
			out, err = ralph("", "loop")
			back, again := strings.Index(out, "T1/1 is undone"), strings.Index(out, "T1/2 begins")
			if err != nil || back < 0 || again < back {
				t.Errorf("the next loop: %v\n%s", err, out)
			}
			if made, err := os.ReadFile(filepath.Join(dir, "made")); err != nil || string(made) != "2\n2\n" {
				t.Errorf("the files of before: %q, %v", made, err)
			}
		})
	}
}

// secretsOf says which of Podman's secrets of the store are left. Those of other tests are there while their containers are
// being made; their names have another store's id.
func secretsOf(state string) error {
	s, err := store.Open(filepath.Join(state, store.File), store.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer s.Close()
	names, err := exec.Command("podman", "secret", "ls", "--format", "{{.Name}}").Output()
	if err != nil {
		return err
	}
	for name := range strings.FieldsSeq(string(names)) {
		if strings.HasPrefix(name, "ralph-"+s.ID()+"-") {
			return fmt.Errorf("a secret is left: %s", name)
		}
	}
	return nil
}
