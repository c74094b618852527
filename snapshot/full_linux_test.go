package snapshot

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestDiskFull: a snapshot that does not fit fails, says why, and leaves no harm.
func TestDiskFull(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fullVariable+"="+t.TempDir())
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

// takeOnFullDisk ends the process with what went wrong.
func takeOnFullDisk(dir string) error {
	state, tree := filepath.Join(dir, "state"), filepath.Join(dir, "tree")
	if err := errors.Join(os.Mkdir(state, 0o700), os.Mkdir(tree, 0o700)); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", state, "tmpfs", 0, "size=4m"); err != nil {
		return fmt.Errorf("no tmpfs: %w", err)
	}
	repo, err := Open(filepath.Join(state, "snapshots.git"), tree, Options{})
	if err != nil {
		return err
	}
	ctx := context.Background()
	write := func(size int) error {
		noise := make([]byte, size)
		_, _ = rand.Read(noise) // never fails
		return os.WriteFile(filepath.Join(tree, "noise"), noise, 0o600)
	}
	if err = write(1000); err != nil {
		return err
	}
	first, err := repo.Take(ctx, "first")
	if err != nil {
		return err
	}
	for range 3 {
		if err = write(6 << 20); err != nil {
			return err
		}
		if _, err = repo.Take(ctx, "too much"); !errors.Is(err, syscall.ENOSPC) {
			return fmt.Errorf("on a full disk: %w", err)
		}
	}
	if err = write(2000); err != nil {
		return err
	}
	if _, err = repo.Take(ctx, "again"); err != nil {
		return fmt.Errorf("when there is room again: %w", err)
	}
	all, err := repo.List(ctx)
	if err != nil || len(all) != 2 || all[1].ID != first.ID {
		return fmt.Errorf("%w: %v", err, all)
	}
	_, _, err = repo.Undo(ctx, first.ID)
	return err
}
