package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/wrapix/wrapix/engine"
)

// TestFullFileSystem fills a small file system with appends: the one that does not fit is refused and changes nothing,
// in memory or on the disk, the store can be opened again meanwhile, and goes on when there is room.
func TestFullFileSystem(t *testing.T) {
	cmd := exec.Command(os.Args[0], t.TempDir())
	cmd.Env = append(os.Environ(), "STORE_TEST_CHILD=full")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || strings.Contains(string(out), "no tmpfs") {
		t.Skipf("no tmpfs of our own on this host: %v %s", err, out)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func fillFileSystem(dir string) error {
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		return fmt.Errorf("no tmpfs: %w", err)
	}
	path, ballast := filepath.Join(dir, "state", File), filepath.Join(dir, "ballast")
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}
	t := new(testing.T)
	w := begin(t, s, "w", 3)
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
		return err
	}
	for round := range 3 {
		for next := w; err == nil; {
			w = next
			next, err = try(s, w, engine.SetLimits{Limits: engine.Limits{MaxIterations: int(w.Seq)}})
		}
		if !engine.NoRoom(err) {
			return fmt.Errorf("round %d: on a full disk: %w", round, err)
		}
		if round == 0 { // the last byte, too
			if err := os.WriteFile(filepath.Join(dir, "more"), make([]byte, 2<<20), 0o600); !engine.NoRoom(err) {
				return fmt.Errorf("the disk is not full: %v", err)
			}
		}
		if w, err = same(s, w); err != nil {
			return fmt.Errorf("round %d: after the refusal: %w", round, err)
		}
		for _, readOnly := range []bool{true, false} {
			if err := s.Close(); err != nil {
				return err
			}
			if s, err = Open(path, Options{ReadOnly: readOnly}); err != nil {
				return fmt.Errorf("round %d: opened on a full disk: %w", round, err)
			}
			if w, err = same(s, w); err != nil {
				return fmt.Errorf("round %d: opened again: %w", round, err)
			}
		}
		for next := w; err == nil; { // pages that became free may still take a few
			w = next
			next, err = try(s, w, engine.SetLimits{Limits: engine.Limits{MaxIterations: int(w.Seq)}})
		}
		if !engine.NoRoom(err) {
			return fmt.Errorf("round %d: still full: %w", round, err)
		}
		if err = os.Truncate(ballast, int64(2-round)<<18); err != nil { // room for a while
			return err
		}
	}
	return s.Close()
}

// same holds that the store is whole and has the workflow as it was last accepted.
func same(s *Store, w engine.Workflow) (engine.Workflow, error) {
	problems, err := s.Verify(context.Background())
	if err == nil && len(problems) > 0 {
		err = fmt.Errorf("%v", problems)
	}
	if err != nil {
		return w, err
	}
	loaded, err := s.Load(context.Background(), w.ID)
	if err == nil && (loaded.Seq != w.Seq || compare(loaded, w) != nil) {
		err = fmt.Errorf("at event %d instead of %d: %v", loaded.Seq, w.Seq, compare(loaded, w))
	}
	return loaded, err
}
