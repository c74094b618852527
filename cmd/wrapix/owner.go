package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/given"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/store"
)

// Labels of every sandbox that we make, those of ralph included.
const (
	labelOurs     = "wrapix" // "1"
	labelProject  = given.LabelProject
	labelWorkflow = "wrapix.workflow"
	labelTask     = "wrapix.task"
	labelAttempt  = "wrapix.attempt"
	labelCommand  = "wrapix.command"
	// labelLock is a file that the process which looks after the sandbox keeps locked.
	labelLock = "wrapix.lock"
)

// ownership tells what became of the process that made a sandbox.
type ownership string

const (
	ownerLiving  ownership = "living"
	ownerGone    ownership = "gone"
	ownerUnknown ownership = "unknown"
)

// claim is a lock that says: I look after this sandbox. The kernel gives it back when the process ends in whatever
// way, and never takes a later process of the same number for this one.
type claim struct {
	path string
	file *os.File
}

// newClaim takes the lock for a sandbox. The file gets its name only once it is locked, so whoever finds it unlocked
// knows that its owner is gone.
func newClaim(name string) (*claim, error) {
	dir, err := claimDir()
	if err != nil {
		return nil, fmt.Errorf("claim a sandbox: %w", err)
	}
	f, err := os.CreateTemp(dir, ".new-")
	if err != nil {
		return nil, fmt.Errorf("claim a sandbox: %w", err)
	}
	c := &claim{path: filepath.Join(dir, name+claimSuffix), file: f}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		err = os.Rename(f.Name(), c.path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("claim a sandbox: %w", err), os.Remove(f.Name()), f.Close())
	}
	return c, nil
}

// release gives the sandbox up, after it was removed.
func (c *claim) release() {
	_ = removeClaim(c.path) // what stays is removed by the next prune
	_ = c.file.Close()
}

// gatewayDir is a folder beside the claim for the sockets of its sandbox.
func gatewayDir(claim string) string { return strings.TrimSuffix(claim, claimSuffix) }

// removeClaim removes a claim with all that belongs to it, the claim last: as long as it is there it is found.
func removeClaim(path string) error {
	err := errors.Join(os.RemoveAll(gatewayDir(path)), os.RemoveAll(keyDir(path)))
	if err == nil {
		err = os.Remove(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

const claimSuffix = ".lock"

// claimDir returns the folder of the claims of this user, and makes it.
func claimDir() (string, error) {
	base := os.Getenv("XDG_RUNTIME_DIR")
	if base == "" {
		var err error
		if base, err = os.UserCacheDir(); err != nil {
			return "", err
		}
	}
	dir := filepath.Join(base, "wrapix", "running")
	return dir, os.MkdirAll(dir, 0o700)
}

// ownerOf finds out whether the process that looks after a sandbox lives.
func ownerOf(c sandbox.Container) ownership {
	if path := c.Labels[labelLock]; path != "" {
		held, err := locked(path)
		switch {
		case err == nil && held:
			return ownerLiving
		case err == nil, errors.Is(err, fs.ErrNotExist):
			return ownerGone
		}
		return ownerUnknown
	}
	// One of ralph's: whoever works on a project has its database locked.
	project := c.Labels[labelProject]
	if _, err := os.Stat(project); errors.Is(err, fs.ErrNotExist) {
		return ownerGone // with the project itself, so nobody can go on with it
	}
	state, err := config.StateDir(project)
	if err == nil {
		err = config.CheckStateDir(state, project)
	}
	if err != nil {
		return ownerUnknown
	}
	held, err := locked(filepath.Join(state, store.File))
	switch {
	case err != nil:
		return ownerUnknown // its state may lie elsewhere, where we cannot ask
	case held:
		return ownerLiving
	}
	return ownerGone
}

// locked says whether a process has the file locked for itself.
func locked(path string) (bool, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return false, err
	}
	defer f.Close()
	err = unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}

// staleClaims returns the claims that no process holds any more.
func staleClaims() ([]string, error) {
	dir, err := claimDir()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var stale []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if held, err := locked(path); err == nil && !held && strings.HasSuffix(path, claimSuffix) {
			stale = append(stale, path)
		}
	}
	return stale, nil
}
