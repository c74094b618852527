//go:build failpoints

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/failpoint"
	"github.com/wrapix/wrapix/store"
)

// TestKilledBetweenAnyTwoEffects kills `ralph loop` at every failpoint, in an attempt and in its verification, and holds
// that the next loop goes on: nothing is lost, nothing that finished runs again, no container is left.
func TestKilledBetweenAnyTwoEffects(t *testing.T) {
	for _, name := range failpoint.Names {
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
}

func killedAt(t *testing.T, point string) {
	dir, state := t.TempDir(), t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write("wrapix.toml", fmt.Sprintf("[agent]\nkind = \"command\"\ncommand = [\"./agent.sh\"]\n[sandbox]\nimage = %q\nnetwork = \"none\"\n[notify]\nenabled = false\n[secrets]\nTOKEN = { env = \"A_TOKEN\", checks = true }\n", testImage))
	write("agent.sh", "#!/bin/sh\necho $RALPH_TASK/$RALPH_ATTEMPT >> witness\necho RALPH_COMPLETE\n")
	write("spec.md", "# Two\n\nTwo tasks.\n\n## Tasks\n\n- [ ] **T1** First\n  - Check: `grep T1 witness`\n- [ ] **T2** Second (after: T1)\n  - Check: `grep T2 witness`\n")
	run := func(env, program string, args ...string) (string, error) {
		cmd := exec.Command(program, args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "RALPH_STATE_DIR="+state, "A_TOKEN=of-the-host", env)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			err = fmt.Errorf("%s %s: %w\n%s%s", program, strings.Join(args, " "), err, out, stderr.String())
		}
		return string(out), err
	}
	ralph := func(env string, args ...string) (string, error) { return run(env, "ralph", args...) }
	if _, err := run("", "trust"); err != nil {
		t.Fatal(err)
	}
	if _, err := ralph("", "start", "spec.md"); err != nil {
		t.Fatal(err)
	}
	// The start has a sandbox of its own in another process, so the loop's first activity is T1's first attempt.
	_, err := ralph("RALPH_FAILPOINT="+point, "loop")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("it was not killed at %s: %v", point, err)
	}
	if _, err := ralph("", "loop"); err != nil {
		t.Fatal(err)
	}
	out, err := ralph("", "history", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var history struct {
		Events []struct {
			Seq     uint64
			Type    engine.EventType
			Task    engine.TaskID
			Attempt int
		}
	}
	if err := json.Unmarshal([]byte(out), &history); err != nil {
		t.Fatal(err)
	}
	witness, err := os.ReadFile(filepath.Join(dir, "witness"))
	if err != nil {
		t.Fatal(err)
	}
	intended, finished := map[string]int{}, map[string]int{}
	for i, e := range history.Events {
		if e.Seq != uint64(i+1) {
			t.Errorf("event %d has the number %d", i+1, e.Seq)
		}
		id := fmt.Sprintf("%s/%d", e.Task, e.Attempt)
		switch e.Type {
		case engine.AttemptIntended:
			intended[id]++
		case engine.AttemptFinished:
			finished[id]++
			if n := strings.Count(string(witness), id+"\n"); n != 1 {
				t.Errorf("%s finished and ran %d times", id, n)
			}
		}
	}
	for id, n := range intended {
		if n != 1 || finished[id] > 1 {
			t.Errorf("%s was announced %d times and finished %d times", id, n, finished[id])
		}
	}
	if last := history.Events[len(history.Events)-1]; last.Type != engine.WorkflowDone {
		t.Errorf("the last event is %s", last.Type)
	}
	left, err := exec.Command("podman", "ps", "-a", "-q", "--filter", "label=wrapix.project="+dir).Output()
	if err != nil || len(left) > 0 {
		t.Errorf("containers are left: %s, %v", left, err)
	}
	// Secrets of other tests are there while their containers are being made; their names have another store's id.
	opened, err := store.Open(filepath.Join(state, store.File), store.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	secrets, err := exec.Command("podman", "secret", "ls", "--format", "{{.Name}}").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.FieldsSeq(string(secrets)) {
		if strings.HasPrefix(name, "ralph-"+opened.ID()+"-") {
			t.Errorf("a secret is left: %s", name)
		}
	}
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
				cmd.Dir, cmd.Env = dir, append(os.Environ(), "RALPH_STATE_DIR="+state, env)
				out, err := cmd.CombinedOutput()
				return string(out), err
			}
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
