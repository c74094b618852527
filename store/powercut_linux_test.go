package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wrapix/wrapix/internal/powercut"
)

// TestKilledAtEveryWrite kills a process at each operation on the database's file and those beside it: while it is made,
// before each of bbolt's writes and syncs of a transaction, in compacting and in copying. What was accepted is there,
// what was not is there whole or not at all, and the next process goes on.
func TestKilledAtEveryWrite(t *testing.T) {
	var left atomic.Int64
	var killed atomic.Bool
	mount := t.TempDir()
	recorder := record(t, mount, func(_ int, op powercut.Op) bool {
		if strings.HasSuffix(op.Path, ".holder") {
			return true
		}
		if left.Add(-1) == 0 {
			killed.Store(true)
			_ = syscall.Kill(op.PID, syscall.SIGKILL)
		}
		return left.Load() > 0
	})
	said, kills := uint64(0), 0
	for n := int64(1); ; n++ {
		left.Store(n)
		killed.Store(false)
		cmd := exec.Command(os.Args[0], filepath.Join(mount, File))
		cmd.Env = append(os.Environ(), "STORE_TEST_CHILD=live", noRaceSleep)
		out, err := cmd.Output()
		var exit *exec.ExitError
		if err != nil && (!errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL) {
			t.Fatalf("the process: %v\n%s", err, out)
		}
		for _, word := range strings.Fields(string(out)) {
			if seq, err := strconv.ParseUint(word, 10, 64); err == nil {
				said = seq
			}
		}
		log := recorder.Log()
		if said, err = reopen(t, log.State(log.Len(), powercut.All, powercut.All), said, nil); err != nil {
			t.Fatalf("killed at operation %d: %v", n, err)
		}
		if !killed.Load() {
			break
		}
		kills++
	}
	t.Logf("killed at %d operations; %d events, none lost", kills, said)
}

// TestPowerCut lets the power go before and after each operation on the file and those beside it, while a database is
// made, written, compacted, copied, and brought to a newer schema. Each state must open and hold what was accepted.
func TestPowerCut(t *testing.T) {
	mount := t.TempDir()
	recorder := record(t, mount, nil)
	for _, job := range []string{"live", "migrate"} {
		cmd := exec.Command(os.Args[0], filepath.Join(mount, File))
		cmd.Env = append(os.Environ(), "STORE_TEST_CHILD="+job, noRaceSleep)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", job, err, out)
		}
	}
	log := recorder.Log()
	seed, randoms := uint64(time.Now().UnixNano()), 3
	if soak() {
		randoms = 100
	}
	random := rand.New(rand.NewPCG(seed, 0))
	known := map[[32]byte]bool{}
	var said uint64
	copied, states := false, 0
	for at := range log.Len() + 1 {
		if at < log.Len() {
			if op := log.Op(at); op.Kind == powercut.Make && strings.HasPrefix(op.Path, "said-") {
				what := strings.TrimPrefix(op.Path, "said-")
				copied = copied || what == "copied"
				if seq, err := strconv.ParseUint(what, 10, 64); err == nil {
					said = seq
				}
			}
		}
		look := func(how string, tree powercut.Tree) {
			states++
			for path := range tree {
				if strings.HasPrefix(path, "said-") {
					delete(tree, path)
				}
			}
			if sum := tree.Sum(); known[sum] {
				return
			} else {
				known[sum] = true
			}
			if _, err := reopen(t, tree, said, []migration{addBucket, fillBucket}); err != nil {
				t.Errorf("power cut %d (%s) before %v: %v", at, how, log.Op(min(at, log.Len()-1)), err)
			}
			if _, ok := tree["copy.db"]; copied && !ok {
				t.Errorf("power cut %d (%s): the copy is lost", at, how)
			}
		}
		for _, names := range []powercut.Keep{powercut.Synced, powercut.All} {
			for _, content := range []powercut.Keep{powercut.Synced, powercut.All} {
				look(fmt.Sprintf("all names: %t, all content: %t", names, content), log.State(at, names, content))
			}
		}
		for range randoms {
			look("random", log.Random(at, random))
		}
	}
	t.Logf("%d operations, %d states, %d different, all reopened; %d events, none lost; seed %d", log.Len(), states, len(known), said, seed)
}

// reopen opens the database of a folder that a process left, brings it up to date, and returns at which event it is. All
// that must be whole is verified: the database, and every copy of it that has its name.
func reopen(t *testing.T, tree powercut.Tree, said uint64, steps []migration) (uint64, error) {
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := tree.Write(dir); err != nil {
		return 0, err
	}
	copies, err := filepath.Glob(filepath.Join(dir, File+".schema-*"))
	if err != nil {
		return 0, err
	}
	if _, ok := tree["copy.db"]; ok {
		copies = append(copies, filepath.Join(dir, "copy.db"))
	}
	for _, name := range copies {
		if err := verifyCopy(t.Context(), name); err != nil {
			return 0, fmt.Errorf("the copy %s: %w", filepath.Base(name), err)
		}
	}
	if _, ok := tree[File]; !ok && said == 0 {
		return 0, nil
	}
	s, err := open(filepath.Join(dir, File), Options{}.withDefaults(), steps)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	problems, err := s.Verify(t.Context())
	if err != nil || len(problems) > 0 {
		return 0, fmt.Errorf("verify: %v, %w", problems, err)
	}
	w, err := s.Load(t.Context(), "w")
	if said == 0 && err != nil {
		return 0, nil
	}
	if err != nil || w.Seq < said {
		return 0, fmt.Errorf("at event %d, and %d was accepted: %w", w.Seq, said, err)
	}
	return w.Seq, nil
}

func record(t *testing.T, dir string, watch func(int, powercut.Op) bool) *powercut.Recorder {
	t.Helper()
	recorder, err := powercut.Mount(dir, watch)
	if err != nil {
		t.Fatalf("%v (scripts/deps installs what this needs)", err)
	}
	t.Cleanup(func() {
		if err := recorder.Close(); err != nil {
			t.Error(err)
		}
	})
	return recorder
}
