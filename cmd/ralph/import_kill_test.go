//go:build failpoints

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestKilledWhileImporting kills `ralph import` between its steps: the next command finds the workflow whole or nothing
// of it, and then it can be imported.
func TestKilledWhileImporting(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"wrapix.toml": "agent.command = [\"./agent.sh\"]\nsandbox.image = \"" + testImage + "\"\nsandbox.network = \"none\"\nnotify.enabled = false\n",
		"agent.sh":    "#!/bin/sh\necho $RALPH_TASK >> witness\necho RALPH_COMPLETE\n",
		"spec.md":     "# One\n\n## Tasks\n\n- [ ] **T1** First\n  - Check: `grep T1 witness`\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	ralph := func(state, env string, args ...string) (string, error) {
		cmd := exec.Command("ralph", args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "RALPH_STATE_DIR="+state, env)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	must := func(t *testing.T, state string, args ...string) string {
		t.Helper()
		out, err := ralph(state, "", args...)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return out
	}
	origin, archive := t.TempDir(), filepath.Join(t.TempDir(), "one.tgz")
	approveImage(t, dir, origin)
	must(t, origin, "loop", "spec.md")
	must(t, origin, "export", archive)
	for point, there := range map[string]bool{"import-snapshots": false, "import-attempts": false, "import-stored": true} {
		t.Run(point, func(t *testing.T) {
			state := t.TempDir()
			approveImage(t, dir, state)
			out, err := ralph(state, "RALPH_FAILPOINT="+point, "import", archive)
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("it was not killed: %v\n%s", err, out)
			}
			if listed := must(t, state, "list", "--json"); strings.Contains(listed, "spec-1") != there {
				t.Errorf("the list is %s", listed)
			}
			// A command that writes takes away what is left. The id is free again, also for a workflow that begins here.
			must(t, state, "loop", "spec.md", "--json")
			if there {
				must(t, state, "diff-attempt", "T1/1", "-w", "spec-1")
			} else if out, err := ralph(state, "", "import", archive); err == nil || !strings.Contains(out, "spec-1: there is a workflow of that id already") {
				t.Errorf("%v\n%s", err, out)
			}
			if left, err := os.ReadDir(filepath.Join(state, "importing")); err != nil || len(left) > 0 {
				t.Errorf("left: %v %v", left, err)
			}
			if out := must(t, state, "doctor"); strings.Contains(out, "damaged") {
				t.Error(out)
			}
		})
	}
}
