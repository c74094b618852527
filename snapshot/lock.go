package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// lockInterval is how often a held lock is tried again: locks of files cannot be waited for with a limit.
const lockInterval = 20 * time.Millisecond

// lock waits until nobody else writes, and clears away what a killed writer left. The lock belongs to the open file,
// which every git that writes holds too: it is free only when both have ended.
func (r *Repo) lock(ctx context.Context) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(r.dir, "writer.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = r.tryLock(ctx, f)
	if err == nil {
		err = r.clear()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (r *Repo) tryLock(ctx context.Context, f *os.File) error {
	again := time.NewTicker(lockInterval)
	defer again.Stop()
	for {
		_, err := retry(func() (int, error) { return 0, unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrHeld, ctx.Err())
		case <-again.C:
		}
	}
}

// clear removes what only a writer makes and removes again, so that it is there now only because one was killed.
func (r *Repo) clear() error {
	for _, pattern := range []string{
		"tmp_*", "fast_import_crash_*", "refs/snapshots/*.lock", nextRef, "objects/pack/tmp_*", "objects/pack/.tmp-*",
		"objects/pack/*.keep", "objects/tmp_*",
	} {
		names, err := filepath.Glob(filepath.Join(r.dir, pattern))
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}
