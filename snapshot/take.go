package snapshot

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wrapix/wrapix/internal/failpoint"
)

// racyWindow is how long before a snapshot a file must have changed last for its stat to be believed later. Times of
// files can be as coarse as two seconds.
const racyWindow = 2 * time.Second

// Take records the work tree as it is now. The message is one line for people. When nothing changed there is still a
// new snapshot, with the Tree of the one before.
func (r *Repo) Take(ctx context.Context, message string) (Snapshot, error) {
	lock, err := r.lock(ctx)
	if err != nil {
		return Snapshot{}, fmt.Errorf("take a snapshot: %w", err)
	}
	defer lock.Close()
	s, _, err := r.take(ctx, lock, message, nil)
	return s, err
}

// take also records the ignored ones among the files in also, and returns all that it recorded.
func (r *Repo) take(ctx context.Context, lock *os.File, message string, also pathSet) (Snapshot, []entry, error) {
	s, entries, err := r.record(ctx, lock, message, also)
	if err != nil {
		return Snapshot{}, nil, fmt.Errorf("take a snapshot: %w", err)
	}
	return s, entries, nil
}

func (r *Repo) record(ctx context.Context, lock *os.File, message string, also pathSet) (Snapshot, []entry, error) {
	p := imports{repo: r, message: message, start: time.Now()}
	var err error
	var tree string
	if p.parent, tree, p.base, err = r.latest(ctx); err != nil {
		return Snapshot{}, nil, err
	}
	p.byPath = make(map[string]int, len(p.base))
	for i := range p.base {
		p.byPath[p.base[i].path] = i
	}
	known := func(path string) bool {
		_, ok := p.byPath[path]
		return ok || also.has(path)
	}
	below := func(folder string) bool {
		i, _ := slices.BinarySearchFunc(p.base, folder+"/", func(e entry, s string) int { return strings.Compare(e.path, s) })
		return i < len(p.base) && strings.HasPrefix(p.base[i].path, folder+"/") || also.below(folder)
	}
	if p.found, err = walk(ctx, r.worktree, known, below); err != nil {
		return Snapshot{}, nil, err
	}
	if p.place, err = openPlace(r.worktree); err != nil {
		return Snapshot{}, nil, err
	}
	defer p.place.close()
	if err = p.run(ctx, lock); err != nil {
		return Snapshot{}, nil, err
	}
	if err = r.publish(ctx, lock, p.commit, p.parent); err != nil {
		return Snapshot{}, nil, err
	}
	s, err := r.log(ctx, "-1", p.commit)
	if err != nil {
		return Snapshot{}, nil, err
	}
	if p.stale || tree != s[0].Tree {
		r.saveCache(s[0].Tree, p.found.entries)
	}
	_ = r.gather(ctx, lock) // the snapshot is taken; what could not be packed now is packed after the next
	return s[0], p.found.entries, nil
}

// publish makes the commit the latest snapshot. Its objects are safe before the ref names them, so a power cut leaves
// the one or the other, never a ref to nothing.
func (r *Repo) publish(ctx context.Context, lock *os.File, commit, parent string) error {
	failpoint.Here("snapshot-written")
	if err := syncFolders(filepath.Join(r.dir, "objects/pack")); err != nil {
		return err
	}
	if parent == "" {
		parent = strings.Repeat("0", len(commit)) // there must be none
	}
	if err := r.git(ctx, call{args: []string{"update-ref", ref, commit, parent}, lock: lock}); err != nil {
		return err
	}
	failpoint.Here("snapshot-named")
	return syncFolders(filepath.Join(r.dir, filepath.Dir(ref)))
}

// latest returns the latest snapshot, its tree, and its files.
func (r *Repo) latest(ctx context.Context) (id, tree string, base []entry, err error) {
	if id, tree, err = r.tip(ctx); err != nil || id == "" {
		return "", "", nil, err
	}
	if base = r.loadCache(tree); base == nil {
		base, err = r.files(ctx, id)
	}
	return id, tree, base, err
}

// Ignored lists what a snapshot of now would leave out as ignored, sorted: the topmost folders, with a slash at the
// end, and files. It reads no content.
func (r *Repo) Ignored(ctx context.Context) ([]string, error) {
	_, _, base, err := r.latest(ctx)
	if err != nil {
		return nil, err
	}
	paths := make(pathSet, len(base))
	for i := range base {
		paths[i] = base[i].path
	}
	found, err := walk(ctx, r.worktree, paths.has, paths.below)
	return found.ignored, err
}
