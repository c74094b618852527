package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wrapix/wrapix/engine"
)

// swell makes much of a store's file unused: a large outcome that the projection does not keep is not there, so it is
// many small appends, each of which leaves the pages of the one before.
func swell(s *Store, id engine.WorkflowID, appends int) error {
	w, err := s.Load(context.Background(), id)
	for i := 0; i < appends && err == nil; i++ {
		w, err = try(s, w, engine.SetLimits{Limits: engine.Limits{MaxIterations: int(w.Seq) + 1}})
	}
	return err
}

func TestCompact(t *testing.T) {
	path := testPath(t)
	s := openTest(t, path, Options{})
	begin(t, s, "w", 3000)
	w := begin(t, s, "v", 3)
	for range 4 { // leaves most of the large one's pages
		w = attempt(t, s, w, "T1", false)
	}
	if err := swell(s, "v", 200); err != nil {
		t.Fatal(err)
	}
	id, before, after := s.ID(), whole(t, load(t, s, "w")), whole(t, load(t, s, "v"))
	size, unused, err := s.Usage()
	if err != nil || unused <= 0 || unused >= size {
		t.Fatalf("%d of %d bytes are unused, %v", unused, size, err)
	}
	for _, name := range []string{".ralph.db.new-1", ".ralph.db.copy-1"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte("left over"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	saved, err := s.Compact(context.Background())
	if err != nil || saved <= 0 {
		t.Fatalf("%d bytes saved, %v", saved, err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != size-saved || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v; it had %d bytes and %d were saved", info, err, size, saved)
	}
	if left := Leftovers(path); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	s = openTest(t, path, Options{})
	if s.ID() != id || whole(t, load(t, s, "w")) != before || whole(t, load(t, s, "v")) != after {
		t.Error("it holds something else now")
	}
	verifyClean(t, s)
	if err := swell(s, "w", 3); err != nil {
		t.Error(err)
	}
	begin(t, s, "next", 1) // the numbers of workflows go on
	verifyClean(t, s)
	if saved, err := s.Compact(context.Background()); err != nil {
		t.Errorf("once more: %d, %v", saved, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := openTest(t, path, Options{}).Compact(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
	verifyClean(t, openTest(t, path, Options{ReadOnly: true}))
}

// TestKilledWhileCompacting kills a process that appends and compacts in turns: the file is whole whenever that is, and
// holds what was accepted.
func TestKilledWhileCompacting(t *testing.T) {
	path := testPath(t)
	s := openTest(t, path, Options{})
	begin(t, s, "w", 300)
	_ = s.Close()
	random := rand.New(rand.NewPCG(3, 4))
	rounds := 15
	if soak() {
		rounds = 300
	}
	said, compactions := uint64(0), 0
	for range rounds {
		p := spawn(t, "compact", path)
		if got := p.line(t); got != "open" {
			t.Fatal(got)
		}
		time.AfterFunc(time.Duration(random.IntN(200_000))*time.Microsecond, func() { _ = p.Process.Kill() })
		for {
			line, err := p.out.ReadString('\n')
			if err != nil {
				break
			}
			if _, err := fmt.Sscanf(strings.TrimSpace(line), "%d", &said); err != nil {
				t.Fatalf("the process says %q", line)
			}
			compactions++
		}
		_ = p.Wait()
		s := openTest(t, path, Options{})
		verifyClean(t, s)
		if w := load(t, s, "w"); w.Seq < said {
			t.Fatalf("at event %d, and %d was accepted", w.Seq, said)
		}
		_ = s.Close()
	}
	t.Logf("%d compactions", compactions)
	s = openTest(t, path, Options{})
	if _, err := s.Compact(context.Background()); err != nil {
		t.Error(err)
	}
	if left := Leftovers(path); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestSaveCopy(t *testing.T) {
	path := testPath(t)
	s := openTest(t, path, Options{})
	w := begin(t, s, "w", 30)
	to := filepath.Join(t.TempDir(), "copy.db")
	fill := func(w io.Writer) error { return s.Backup(context.Background(), w) }
	size, err := SaveCopy(context.Background(), to, false, fill)
	if err != nil || size == 0 {
		t.Fatal(size, err)
	}
	if _, err := SaveCopy(context.Background(), to, false, fill); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over another file: %v", err)
	}
	content, _ := os.ReadFile(to)
	broken := errors.New("it breaks")
	for name, fill := range map[string]func(io.Writer) error{
		"cut":     func(w io.Writer) error { _, err := w.Write(content[:len(content)/2]); return err },
		"empty":   func(io.Writer) error { return nil },
		"foreign": func(w io.Writer) error { _, err := io.WriteString(w, strings.Repeat("no database ", 1000)); return err },
		"broken":  func(io.Writer) error { return broken },
	} {
		if _, err := SaveCopy(context.Background(), to, true, fill); !errors.Is(err, ErrDamaged) && !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if now, err := os.ReadFile(to); err != nil || string(now) != string(content) {
		t.Errorf("the copy from before was touched: %v", err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(to)); len(entries) != 1 {
		t.Errorf("beside the copy lies %v", entries)
	}
	restored := openTest(t, to, Options{})
	if whole(t, load(t, restored, "w")) != whole(t, w) {
		t.Error("the copy holds something else")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Backup(ctx, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}

// TestKilledWhileCopying kills a process that copies a store over one file again and again: there is a whole copy at any
// time.
func TestKilledWhileCopying(t *testing.T) {
	path, to := testPath(t), filepath.Join(t.TempDir(), "copy.db")
	s := openTest(t, path, Options{})
	w := begin(t, s, "w", 500)
	if _, err := SaveCopy(context.Background(), to, false, func(w io.Writer) error { return s.Backup(context.Background(), w) }); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	random := rand.New(rand.NewPCG(5, 6))
	for range 15 {
		p := spawn(t, "copy", path, to)
		if got := p.line(t); got != "open" {
			t.Fatal(got)
		}
		time.AfterFunc(time.Duration(random.IntN(30_000))*time.Microsecond, func() { _ = p.Process.Kill() })
		_, _ = io.Copy(io.Discard, p.out)
		_ = p.Wait()
		copied := openTest(t, to, Options{ReadOnly: true})
		verifyClean(t, copied)
		if whole(t, load(t, copied, "w")) != whole(t, w) {
			t.Fatal("the copy holds something else")
		}
		_ = copied.Close()
	}
}
