package store

import (
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wrapix/wrapix/engine"
)

// What a process was told is on the disk must be there after it was killed, and nothing half of what it was not told.
func TestKilledWhileAppending(t *testing.T) {
	path := testPath(t)
	s := openTest(t, path, Options{})
	said := begin(t, s, "w", 30).Seq
	_ = s.Close()
	random := rand.New(rand.NewPCG(1, 2))
	rounds := 15
	if soak() {
		rounds = 300
	}
	for range rounds {
		p := spawn(t, "append", path)
		if got := p.line(t); got != "open" {
			t.Fatal(got)
		}
		time.AfterFunc(time.Duration(random.IntN(40_000))*time.Microsecond, func() { _ = p.Process.Kill() })
		for {
			line, err := p.out.ReadString('\n')
			if err != nil {
				break
			}
			n, err := strconv.ParseUint(strings.TrimSpace(line), 10, 64)
			if err != nil {
				t.Fatalf("the process says %q", line)
			}
			said = n
		}
		_ = p.Wait()

		s := openTest(t, path, Options{})
		verifyClean(t, s)
		w := load(t, s, "w")
		if w.Seq < said || w.Seq > said+1 {
			t.Fatalf("at event %d, and %d was accepted", w.Seq, said)
		}
		said = w.Seq
		_ = s.Close()
	}
}

// A full disk, as a limit on the size of files, refuses the append and leaves what was there; with room it goes on.
func TestFullDisk(t *testing.T) {
	if os.Getenv("STORE_TEST_FULL") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFullDisk$", "-test.v")
		cmd.Env = append(os.Environ(), "STORE_TEST_FULL=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "refused") {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	path := testPath(t)
	s := openTest(t, path, Options{})
	w := begin(t, s, "w", 3)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}

	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(info.Size()), Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	big := engine.Finish{Outcome: engine.Outcome{Message: strings.Repeat("x", 1<<20)}}
	w = do(t, s, w, engine.Intend{Task: "T1"})
	big.ID = w.Task("T1").Open.ID
	before := whole(t, w)
	if _, err = try(s, w, big); err == nil {
		t.Fatal("the append was accepted")
	}
	t.Logf("refused: %v", err)
	if got := whole(t, load(t, s, "w")); got != before {
		t.Error("the refused append changed something")
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	w = do(t, s, w, big)
	verifyClean(t, s)
	if got := load(t, s, "w"); got.Seq != w.Seq {
		t.Errorf("at event %d, not %d", got.Seq, w.Seq)
	}
}

// The night's end of a large workflow: appending and reading must not slow down with what is there already.
func TestTenThousandTasks(t *testing.T) {
	s := openTest(t, testPath(t), Options{})
	w := begin(t, s, "w", 10_000)
	for i := range 50 {
		w = attempt(t, s, w, w.Tasks[i*199].ID, i%3 > 0)
	}
	w = do(t, s, w, engine.SetLimits{Limits: engine.Limits{MaxAttempts: 2}})
	if got := whole(t, load(t, s, "w")); got != whole(t, w) {
		t.Error("loaded is not what was appended")
	}
	n := 0
	if err := s.Events(context.Background(), "w", 0, func(engine.Event) error { n++; return nil }); err != nil || uint64(n) != w.Seq {
		t.Errorf("%d events of %d: %v", n, w.Seq, err)
	}
	verifyClean(t, s)
}
