package snapshot

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestForget drops the oldest snapshots: their content is gone from the disk, all others are as they were, and the work
// goes on.
func TestForget(t *testing.T) {
	p := newProject(t)
	var all []Snapshot
	for i := range 6 {
		p.write("f", fmt.Sprintf("version %d %s", i, strings.Repeat("x", i)))
		p.write("same", "in all of them")
		all = append(all, p.take())
	}
	from := func(first Snapshot) func(Snapshot) bool { return func(s Snapshot) bool { return s.ID == first.ID } }
	for range 2 { // again changes nothing
		p.must(p.repo.Forget(t.Context(), from(all[3])))
		left, err := p.repo.List(t.Context())
		p.must(err)
		if len(left) != 3 || left[0].ID != all[5].ID || left[2].ID != all[3].ID {
			t.Fatalf("left are %v", left)
		}
		p.fsck()
	}
	if _, err := p.repo.Get(t.Context(), all[2].ID); !errors.Is(err, ErrUnknown) {
		t.Errorf("a dropped snapshot is still there: %v", err)
	}
	if _, err := p.repo.output(t.Context(), "cat-file", "-e", all[2].Tree); err == nil {
		t.Error("its files are still there")
	}
	dest := filepath.Join(t.TempDir(), "copy")
	p.must(p.repo.Restore(t.Context(), all[3].ID, dest))
	changes, err := p.repo.Changes(t.Context(), all[3].ID, all[5].ID)
	if p.must(err); len(changes) != 1 {
		t.Errorf("between the two that are left: %v", changes)
	}
	p.write("f", "version 7")
	next := p.take()
	p.must(p.repo.Forget(t.Context(), func(Snapshot) bool { return false })) // the latest stays all the same
	if left, err := p.repo.List(t.Context()); err != nil || len(left) != 1 || left[0].ID != next.ID {
		t.Errorf("left are %v, %v", left, err)
	}
	p.fsck()
}

// TestManySnapshots holds that their number of files stays bounded.
func TestManySnapshots(t *testing.T) {
	p := newProject(t)
	var first Snapshot
	for i := range 2*manyPacks + 10 {
		p.write(fmt.Sprintf("f%d", i%7), fmt.Sprint(i))
		if s := p.take(); i == 0 {
			first = s
		}
	}
	packs, err := filepath.Glob(filepath.Join(p.repo.dir, "objects/pack/*.pack"))
	if p.must(err); len(packs) >= manyPacks {
		t.Errorf("%d packs", len(packs))
	}
	if all, err := p.repo.List(t.Context()); err != nil || len(all) != 2*manyPacks+10 || all[len(all)-1].ID != first.ID {
		t.Errorf("%d snapshots, %v", len(all), err)
	}
	p.fsck()
}
