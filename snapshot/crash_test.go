package snapshot

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// childVariable makes the test binary a process that only takes snapshots, for others to kill.
const childVariable = "SNAPSHOT_TEST_DIR"

// undoVariable makes such a process go to and fro between two snapshots instead.
const undoVariable = "SNAPSHOT_TEST_UNDO"

func undoForever(repo *Repo, ids []string) error {
	for i := 0; ; i++ {
		fmt.Println("undo")
		if _, _, err := repo.Undo(context.Background(), ids[i%2]); err != nil {
			return err
		}
	}
}

func takeForever() {
	dir := os.Getenv(childVariable)
	repo, err := Open(filepath.Join(filepath.Dir(dir), "snapshots.git"), dir, Options{})
	if ids := os.Getenv(undoVariable); ids != "" && err == nil {
		err = undoForever(repo, strings.Split(ids, " "))
	}
	for i := 0; err == nil; i++ {
		for file := range 20 {
			content := strings.Repeat(fmt.Sprintf("%d %d %d\n", os.Getpid(), i, file), 500)
			if err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("f%d", file)), []byte(content), 0o666); err != nil {
				break
			}
		}
		var s Snapshot
		if s, err = repo.Take(context.Background(), fmt.Sprintf("%d", i)); err == nil {
			fmt.Println(s.ID)
		}
	}
	fmt.Println("failed:", err)
	os.Exit(1)
}

// TestKilled kills a process that takes snapshots, again and again: what it announced is there, and it can go on.
func TestKilled(t *testing.T) {
	p := newProject(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var announced []string
	for range 12 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childVariable+"="+p.dir)
		out, err := cmd.StdoutPipe()
		p.must(err)
		p.must(cmd.Start())
		lines := bufio.NewScanner(out)
		kill := time.AfterFunc(time.Hour, func() { _ = cmd.Process.Kill() })
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "failed") {
				t.Error(lines.Text())
				break
			}
			announced = append(announced, lines.Text())
			kill.Reset(time.Duration(random.IntN(60)) * time.Millisecond) // anywhere in one of the next
		}
		_ = cmd.Wait() // it was killed
		kill.Stop()
	}
	last := p.take()
	p.fsck()
	all, err := p.repo.List(t.Context())
	p.must(err)
	have := map[string]bool{}
	for _, s := range all {
		have[s.ID] = true
	}
	for _, id := range announced {
		if !have[id] {
			t.Errorf("snapshot %s is lost", id)
		}
	}
	dest := filepath.Join(t.TempDir(), "copy")
	p.must(p.repo.Restore(t.Context(), last.ID, dest))
	if same := openProject(t, dest, Options{}).take(); same.Tree != last.Tree {
		t.Error("the last snapshot does not hold what is there")
	}
	p.must(p.repo.Compact(t.Context()))
	left, err := filepath.Glob(filepath.Join(p.repo.dir, "objects/pack/*"))
	p.must(err)
	if len(left) > 3 {
		t.Errorf("left in the repository: %q", left)
	}
}

// TestUndoKilled kills a process in the middle of undoing: what it was about to overwrite is in a snapshot, and undoing
// once more finishes the work.
func TestUndoKilled(t *testing.T) {
	p := newProject(t)
	fill := func(content string) Snapshot {
		for i := range 300 {
			p.write(fmt.Sprintf("%s%d/f", content[:1], i%30), strings.Repeat(content, i))
			p.write(fmt.Sprintf("both/%d", i), strings.Repeat(content, i))
		}
		return p.take()
	}
	one := fill("one")
	p.remove("o0")
	two := fill("two")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 8 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childVariable+"="+p.dir, undoVariable+"="+one.ID+" "+two.ID)
		out, err := cmd.StdoutPipe()
		p.must(err)
		p.must(cmd.Start())
		lines := bufio.NewScanner(out)
		kill := time.AfterFunc(time.Hour, func() { _ = cmd.Process.Kill() })
		for lines.Scan() {
			if lines.Text() != "undo" {
				t.Error(lines.Text())
				break
			}
			kill.Reset(time.Duration(random.IntN(120)) * time.Millisecond)
		}
		_ = cmd.Wait() // it was killed
		kill.Stop()
		for _, s := range []Snapshot{one, two} {
			p.undo(s)
			if p.take().Tree != s.Tree {
				t.Fatal("undoing again did not finish the work")
			}
		}
	}
	p.fsck()
}

// TestDebris plants what a killed writer can leave.
func TestDebris(t *testing.T) {
	p := newProject(t)
	p.write("f", "1")
	first := p.take()
	for _, name := range []string{
		ref + ".lock", nextRef, nextRef + ".lock", "tmp_" + cacheName, "fast_import_crash_17", "objects/pack/tmp_pack_x", "objects/pack/tmp_idx_x",
	} {
		p.must(os.WriteFile(filepath.Join(p.repo.dir, name), []byte("debris"), 0o400))
	}
	p.write("f", "2")
	second := p.take()
	if second.Tree == first.Tree {
		t.Error("the change was not seen")
	}

	for _, content := range []string{"", "x", string(p.repo.cacheHead(second.Tree)) + "garbage"} {
		p.must(os.WriteFile(filepath.Join(p.repo.dir, cacheName), []byte(content), 0o600))
		if again := p.take(); again.Tree != second.Tree {
			t.Error("a broken cache changed the snapshot")
		}
	}

	p.must(os.Truncate(filepath.Join(p.repo.dir, ref), 0))
	if _, err := p.repo.Take(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("began anew beside a damaged ref: %v", err)
	}
}
