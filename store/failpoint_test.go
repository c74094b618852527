//go:build failpoints

package store

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// TestKilledBetweenFiles kills a process where a whole file takes its name: a new database, the copy before a
// migration, a compacted one, and a copy for a person.
func TestKilledBetweenFiles(t *testing.T) {
	for _, point := range []string{
		"create-written", "create-named", "storing", "stored", "compact-written", "compact-named", "backup-written", "backup-named",
		"copy-written", "copy-named",
	} {
		t.Run(point, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), File)
			job := "live"
			if point == "copy-written" || point == "copy-named" {
				job = "migrate"
				s := openTest(t, path, Options{})
				begin(t, s, "w", 3)
				_ = s.Close()
			}
			run := func(env string) error {
				cmd := exec.Command(os.Args[0], path)
				cmd.Env = append(os.Environ(), "STORE_TEST_CHILD="+job, env, noRaceSleep)
				return cmd.Run()
			}
			err := run("RALPH_FAILPOINT=" + point)
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("it was not killed: %v", err)
			}
			if err := run("RALPH_FAILPOINT="); err != nil {
				t.Fatalf("the next one: %v", err)
			}
			s, err := open(path, Options{}.withDefaults(), []migration{addBucket, fillBucket})
			if err != nil {
				t.Fatal(err)
			}
			verifyClean(t, s)
			_ = s.Close()
			if copies, _ := filepath.Glob(path + ".schema-*"); job == "migrate" && len(copies) != 1 {
				t.Errorf("copies: %q", copies)
			}
		})
	}
}
