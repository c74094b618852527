//go:build failpoints

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/wrapix/wrapix/internal/failpoint"
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
	write("wrapix.toml", fmt.Sprintf("[agent]\nkind = \"command\"\ncommand = [\"./agent.sh\"]\n[sandbox]\nimage = %q\nnetwork = \"none\"\n[notify]\nenabled = false\n", testImage))
	write("agent.sh", "#!/bin/sh\necho $RALPH_TASK/$RALPH_ATTEMPT >> witness\necho RALPH_COMPLETE\n")
	write("spec.md", "# Two\n\nTwo tasks.\n\n## Tasks\n\n- [ ] **T1** First\n  - Check: `grep T1 witness`\n- [ ] **T2** Second (after: T1)\n  - Check: `grep T2 witness`\n")
	ralph := func(env string, args ...string) (string, error) {
		cmd := exec.Command("ralph", args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "RALPH_STATE_DIR="+state, env)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			err = fmt.Errorf("ralph %s: %w\n%s%s", strings.Join(args, " "), err, out, stderr.String())
		}
		return string(out), err
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
	if err := errors.Join(wholeAccount(state, "spec-1", dir), containersOf(dir)); err != nil {
		t.Error(err)
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
