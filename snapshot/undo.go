package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Left is a path that [Repo.Undo] did not put back.
type Left struct {
	Path   string
	Reason string
}

// IncompleteError says what could not be put back. All else was.
type IncompleteError struct {
	Left []Left
}

// Error names the first path.
func (e *IncompleteError) Error() string {
	first := fmt.Sprintf("%q: %s", e.Left[0].Path, e.Left[0].Reason)
	if more := len(e.Left) - 1; more > 0 {
		return fmt.Sprintf("not put back: %s, and %d more", first, more)
	}
	return "not put back: " + first
}

// Preview records the work tree as it is and lists what Undo of the snapshot would change in it.
func (r *Repo) Preview(ctx context.Context, id string) (before Snapshot, changes []Change, err error) {
	lock, err := r.lock(ctx)
	if err != nil {
		return before, nil, fmt.Errorf("compare with snapshot %s: %w", id, err)
	}
	defer lock.Close()
	plan, err := r.plan(ctx, lock, id)
	if err != nil {
		return before, nil, fmt.Errorf("compare with snapshot %s: %w", id, err)
	}
	return plan.before, changesOf(plan.deltas), nil
}

// Undo puts the work tree back to a snapshot, and returns what it changed. The state before is recorded first, so that
// an undo can be undone. Nothing is overwritten or removed that this snapshot of before does not hold; what is ignored,
// now or by the patterns of then, stays, and so does what neither holds, such as a file that is too large. An error
// that is [IncompleteError] comes with the changes that were made; after any other, calling again finishes the work.
func (r *Repo) Undo(ctx context.Context, id string) (before Snapshot, changes []Change, err error) {
	lock, err := r.lock(ctx)
	if err != nil {
		return before, nil, fmt.Errorf("undo to snapshot %s: %w", id, err)
	}
	defer lock.Close()
	plan, err := r.plan(ctx, lock, id)
	if err != nil {
		return before, nil, fmt.Errorf("undo to snapshot %s: %w", id, err)
	}
	if changes, err = r.apply(ctx, plan); err != nil {
		err = fmt.Errorf("undo to snapshot %s: %w", id, err)
	}
	return plan.before, changes, err
}

// plan is what an undo is going to do: deltas from what there is to what shall be.
type plan struct {
	before Snapshot
	files  []entry // of before, with their stats
	deltas []delta
}

func (r *Repo) plan(ctx context.Context, lock *os.File, id string) (p plan, err error) {
	target, err := r.Get(ctx, id)
	if err != nil {
		return p, err
	}
	files, err := r.files(ctx, target.ID)
	if err != nil {
		return p, err
	}
	paths := make(pathSet, len(files))
	for i := range files {
		paths[i] = files[i].path
	}
	// What the snapshot holds may be ignored by now; it is about to be overwritten, so it must be recorded.
	p.before, p.files, err = r.take(ctx, lock, "before undo to "+target.ID, paths)
	if err != nil {
		return p, err
	}
	if p.deltas, err = r.deltas(ctx, p.before.ID, target.ID); err != nil {
		return p, err
	}
	stays, err := r.staying(ctx, target, files, p.deltas)
	if err != nil {
		return p, err
	}
	p.deltas = slices.DeleteFunc(p.deltas, func(d delta) bool { return d.Kind == Removed && stays(d.Path) })
	return p, nil
}

// staying returns which of the files that a snapshot lacks were there all the same, as far as can be told: those that
// its own patterns ignore, and those that its warnings name.
func (r *Repo) staying(ctx context.Context, target Snapshot, files []entry, deltas []delta) (func(path string) bool, error) {
	asked := map[string]bool{}
	for _, d := range deltas {
		if d.Kind != Removed {
			continue
		}
		for folder := parentOf(d.Path); !asked[folder]; folder = parentOf(folder) {
			asked[folder] = true
		}
	}
	then := past{texts: map[string][]byte{}, lost: map[string]bool{}, nested: map[string]bool{}, seen: map[string]ruling{}}
	var ignoreFiles []entry
	for _, f := range files {
		folder := parentOf(f.path)
		if f.mode != modeLink && f.path == join(folder, ".gitignore") && asked[folder] {
			ignoreFiles = append(ignoreFiles, f)
		}
	}
	err := r.contents(ctx, oids(ignoreFiles), func(i int, size int64, content io.Reader) error {
		if size > maxIgnoreText {
			return nil // it was not used then
		}
		text, err := io.ReadAll(content)
		then.texts[parentOf(ignoreFiles[i].path)] = text
		return err
	})
	for _, w := range target.Warnings {
		then.lost[w.Path] = then.lost[w.Path] || w.Kind.lost()
		then.nested[w.Path] = then.nested[w.Path] || w.Kind == NestedRepository
	}
	return then.stays, err
}

// past is what a snapshot tells of the files that it does not hold.
type past struct {
	texts        map[string][]byte // ignore files, by folder
	lost, nested map[string]bool   // paths that warnings name
	seen         map[string]ruling // by folder
}

// ruling is what holds in a folder.
type ruling struct {
	rules *rules
	out   bool // the folder itself was left out
}

func (p past) stays(path string) bool {
	in := p.in(parentOf(path))
	return in.out || p.lost[path] || in.rules.ignored(path, false)
}

func (p past) in(folder string) ruling {
	if known, ok := p.seen[folder]; ok {
		return known
	}
	var own ruling
	if folder != "" {
		own = p.in(parentOf(folder))
		own.out = own.out || p.lost[folder] || own.rules.ignored(folder, true)
	}
	if p.nested[folder] {
		own.rules = nil
	}
	if text, ok := p.texts[folder]; ok {
		own.rules, _ = parseRules(own.rules, folder, text) // too much was not used then either
	}
	p.seen[folder] = own
	return own
}

func parentOf(path string) string { return path[:max(strings.LastIndexByte(path, '/'), 0)] }

// apply removes first, deepest paths first, so that a folder can become a file; then writes.
func (r *Repo) apply(ctx context.Context, p plan) ([]Change, error) {
	to, err := openPlace(r.worktree)
	if err != nil {
		return nil, err
	}
	defer to.close()
	recorded := func(path string) *entry {
		i, ok := slices.BinarySearchFunc(p.files, entry{path: path}, byPath)
		if !ok {
			return nil
		}
		return &p.files[i]
	}
	var done []Change
	var left []Left
	note := func(d delta, err error) {
		if err != nil {
			left = append(left, Left{d.Path, err.Error()})
		} else {
			done = append(done, d.Change)
		}
	}
	var writes []delta
	var files []entry
	for _, d := range slices.Backward(p.deltas) {
		if d.Kind == Removed {
			note(d, to.remove(recorded(d.Path)))
		} else {
			writes, files = append(writes, d), append(files, d.to)
		}
	}
	slices.Reverse(writes)
	slices.Reverse(files)
	err = r.contents(ctx, oids(files), func(i int, size int64, content io.Reader) error {
		source := &sourceReader{in: content}
		err := to.write(&files[i], recorded(files[i].path), size, source)
		if source.err != nil {
			return source.err // git's, not the file's
		}
		note(writes[i], err)
		return nil
	})
	slices.SortFunc(done, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	if err == nil && len(left) > 0 {
		err = &IncompleteError{left}
	}
	return done, err
}

// sourceReader keeps the error that reading ended with.
type sourceReader struct {
	in  io.Reader
	err error
}

func (s *sourceReader) Read(b []byte) (int, error) {
	n, err := s.in.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}
