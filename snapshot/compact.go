package snapshot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// manyPacks is how many files of snapshots there may be before taking one packs them together: see Take. Each snapshot
// adds one, and git looks into all.
const manyPacks = 64

// Compact packs all snapshots into one file. Nothing is dropped but what an interrupted snapshot left, and what Forget
// let go of. It can take minutes, and snapshots wait for it.
func (r *Repo) Compact(ctx context.Context) error {
	lock, err := r.lock(ctx)
	if err == nil {
		err = errors.Join(r.repack(ctx, lock), lock.Close())
	}
	if err != nil {
		return fmt.Errorf("compact the snapshots: %w", err)
	}
	return nil
}

func (r *Repo) repack(ctx context.Context, lock *os.File) error {
	return r.git(ctx, call{args: []string{"repack", "-a", "-d", "-q"}, lock: lock})
}

// gather packs the small files of snapshots together when there are many, in such a way that each byte is packed again
// only a few times, however many snapshots there will be.
func (r *Repo) gather(ctx context.Context, lock *os.File) error {
	packs, err := filepath.Glob(filepath.Join(r.dir, "objects/pack/*.pack"))
	if err != nil || len(packs) < manyPacks {
		return err
	}
	return r.git(ctx, call{args: []string{"repack", "--geometric=2", "-d", "-q"}, lock: lock})
}

// shallowName is the file that tells git to take a commit for the first one.
const shallowName = "shallow"

// Old returns the snapshots that were taken here before the oldest one that is wanted. Snapshots are a chain in time:
// one that is wanted keeps all after it. The latest always stays.
func (r *Repo) Old(ctx context.Context, wanted func(Snapshot) bool) ([]Snapshot, error) {
	own, err := r.own(ctx)
	if err != nil || len(own) == 0 {
		return nil, err
	}
	oldest := len(own) - 1
	for oldest > 0 && !wanted(own[oldest]) {
		oldest--
	}
	return own[oldest+1:], nil
}

// Forget drops the snapshots that Old returns, and packs the rest, of which the IDs stay what they are. It can take
// minutes. A process that is killed meanwhile has dropped them or not; the next Forget or Compact frees the room.
func (r *Repo) Forget(ctx context.Context, wanted func(Snapshot) bool) error {
	lock, err := r.lock(ctx)
	if err == nil {
		err = errors.Join(r.forget(ctx, lock, wanted), lock.Close())
	}
	if err != nil {
		return fmt.Errorf("drop old snapshots: %w", err)
	}
	return nil
}

func (r *Repo) forget(ctx context.Context, lock *os.File, wanted func(Snapshot) bool) error {
	old, err := r.Old(ctx, wanted)
	if err != nil {
		return err
	}
	if len(old) > 0 {
		own, err := r.own(ctx)
		if err != nil {
			return err
		}
		first := own[len(own)-len(old)-1]
		if err := replaceFile(filepath.Join(r.dir, shallowName), []byte(first.ID+"\n")); err != nil {
			return err
		}
		if err := syncFolders(r.dir); err != nil {
			return err
		}
	}
	return r.repack(ctx, lock)
}
