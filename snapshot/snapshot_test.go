package snapshot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// fullVariable makes the test binary a process with a disk of its own, of 4 MiB.
const fullVariable = "SNAPSHOT_TEST_FULL"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		takeForever()
	}
	if dir := os.Getenv(fullVariable); dir != "" {
		if err := takeOnFullDisk(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// project is a work tree with its snapshots beside it.
type project struct {
	*testing.T
	dir  string
	repo *Repo
}

func newProject(t *testing.T) *project {
	t.Helper()
	return openProject(t, filepath.Join(t.TempDir(), "project"), Options{})
}

func openProject(t *testing.T, dir string, opts Options) *project {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	repo, err := Open(filepath.Join(filepath.Dir(dir), "snapshots.git"), dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	return &project{t, dir, repo}
}

func (p *project) path(name string) string { return filepath.Join(p.dir, name) }

func (p *project) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

func (p *project) write(name, content string) {
	p.Helper()
	p.must(os.MkdirAll(filepath.Dir(p.path(name)), 0o777))
	p.must(os.WriteFile(p.path(name), []byte(content), 0o666))
}

func (p *project) read(name string) string {
	p.Helper()
	b, err := os.ReadFile(p.path(name))
	p.must(err)
	return string(b)
}

func (p *project) remove(name string) {
	p.Helper()
	p.must(os.RemoveAll(p.path(name)))
}

func (p *project) take() Snapshot {
	p.Helper()
	s, err := p.repo.Take(p.Context(), "a test")
	p.must(err)
	return s
}

func (p *project) undo(s Snapshot) []Change {
	p.Helper()
	_, changes, err := p.repo.Undo(p.Context(), s.ID)
	p.must(err)
	return changes
}

// files lists the paths of a snapshot.
func (p *project) files(s Snapshot) []string {
	p.Helper()
	entries, err := p.repo.files(p.Context(), s.ID)
	p.must(err)
	paths := []string{}
	for _, e := range entries {
		paths = append(paths, e.path)
	}
	return paths
}

func (p *project) wantFiles(s Snapshot, want ...string) {
	p.Helper()
	slices.Sort(want)
	if got := p.files(s); !slices.Equal(got, want) {
		p.Errorf("snapshot has %q, want %q", got, want)
	}
}

func (p *project) wantWarning(s Snapshot, kind WarningKind, path string) {
	p.Helper()
	for _, w := range s.Warnings {
		if w.Kind == kind && w.Path == path {
			return
		}
	}
	p.Errorf("no warning %s of %q in %q", kind, path, s.Warnings)
}

// git is the project's own, as its user would run it.
func (p *project) git(dir string, args ...string) string {
	p.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=u", "-c", "user.email=u@localhost", "-c", "protocol.file.allow=always"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.Fatalf("git %q: %v: %s", args, err, out)
	}
	return string(out)
}

// fsck wants nothing wrong in our repository; what a .gitmodules file says is the project's matter.
func (p *project) fsck() {
	p.Helper()
	if out, err := p.repo.output(p.Context(), "-c", "fsck.gitmodulesUpdate=ignore", "fsck", "--full", "--strict"); err != nil {
		p.Errorf("%v %s", err, out)
	}
}

func TestTakeDiffUndo(t *testing.T) {
	p := newProject(t)
	p.write("a/one", "1\n")
	p.write("two", "2\n")
	p.write("gone", "gone\n")
	p.write("run.sh", "#!/bin/sh\n")
	first := p.take()
	p.wantFiles(first, "a/one", "two", "gone", "run.sh")
	if first.Message != "a test" || first.Time.IsZero() || len(first.Warnings) > 0 {
		t.Errorf("%+v", first)
	}

	p.write("two", "zwei\n")
	p.write("b/c/three", "3\n")
	p.remove("gone")
	p.must(os.Chmod(p.path("run.sh"), 0o755))
	second := p.take()
	changes, err := p.repo.Changes(t.Context(), first.ID, second.ID)
	p.must(err)
	want := []Change{{"b/c/three", Added}, {"gone", Removed}, {"run.sh", Mode}, {"two", Changed}}
	if !slices.Equal(changes, want) {
		t.Errorf("changes %v", changes)
	}
	var diff bytes.Buffer
	p.must(p.repo.Diff(t.Context(), first.ID, second.ID, &diff))
	for _, line := range []string{"--- a/two\n", "-2\n", "+zwei\n", "new mode 100755\n", "deleted file"} {
		if !strings.Contains(diff.String(), line) {
			t.Errorf("no %q in\n%s", line, &diff)
		}
	}

	_, preview, err := p.repo.Preview(t.Context(), first.ID)
	p.must(err)
	undone := p.undo(first)
	want = []Change{{"b/c/three", Removed}, {"gone", Added}, {"run.sh", Mode}, {"two", Changed}}
	if !slices.Equal(undone, want) || !slices.Equal(preview, want) {
		t.Errorf("undone %v, preview %v", undone, preview)
	}
	if _, err := os.Lstat(p.path("b")); !errors.Is(err, os.ErrNotExist) {
		t.Error("the folder that undo left empty is still there")
	}
	if after := p.take(); after.Tree != first.Tree {
		t.Errorf("after undo the tree is %s, not %s", after.Tree, first.Tree)
	}
	// The state before the undo is a snapshot of its own.
	p.undo(second)
	if after := p.take(); after.Tree != second.Tree {
		t.Errorf("after undo of undo the tree is %s, not %s", after.Tree, second.Tree)
	}
	p.fsck()
}

func TestSnapshotsAreAChain(t *testing.T) {
	p := newProject(t)
	if all, err := p.repo.List(t.Context()); err != nil || len(all) != 0 {
		t.Fatalf("%v %v", all, err)
	}
	empty := p.take()
	p.write("f", "f")
	ids := []string{empty.ID}
	for range 3 {
		ids = append(ids, p.take().ID)
	}
	p.must(p.repo.Compact(t.Context()))
	ids = append(ids, p.take().ID)
	all, err := p.repo.List(t.Context())
	p.must(err)
	for i, s := range all {
		if s.ID != ids[len(ids)-1-i] {
			t.Errorf("snapshot %d is %s", i, s.ID)
		}
	}
	if len(all) != 5 || all[0].Tree != all[1].Tree || all[4].Tree == all[0].Tree {
		t.Errorf("%+v", all)
	}
	p.fsck()
	if one, err := p.repo.Get(t.Context(), ids[1][:12]); err != nil || one.ID != ids[1] {
		t.Errorf("%v %v", one, err)
	}
	for _, bad := range []string{"", "--all", "HEAD", "0000000", "dead", "../x", strings.Repeat("a", 41), empty.Tree} {
		if _, err := p.repo.Get(t.Context(), bad); !errors.Is(err, ErrUnknown) {
			t.Errorf("Get(%q): %v", bad, err)
		}
	}
	p.undo(empty)
	p.wantFiles(p.take())
}

func TestNamesAndModes(t *testing.T) {
	p := newProject(t)
	names := []string{
		"new\nline", "tab\tquote\"back\\slash", "not utf-8 \xff\xfe", " space ", "-dash", "--", "a b/c\nd/\xe9", "'", "*", ":(top)x",
		"\x01\x7f", "ünï", "a..b", "...", "@{u}", "#x",
	}
	for _, name := range names {
		p.write(name, name)
	}
	p.must(os.Symlink("nowhere", p.path("dangling")))
	p.must(os.Symlink("/etc/passwd", p.path("absolute")))
	p.must(os.Symlink(".", p.path("loop")))
	p.must(os.Symlink("../../\xff\n", p.path("odd")))
	p.write("exec", "x")
	p.must(os.Chmod(p.path("exec"), 0o700))
	p.write("private", "s")
	p.must(os.Chmod(p.path("private"), 0o600))
	s := p.take()
	all := append(slices.Clone(names), "dangling", "absolute", "loop", "odd", "exec", "private")
	p.wantFiles(s, all...)

	dest := filepath.Join(t.TempDir(), "copy")
	p.must(p.repo.Restore(t.Context(), s.ID, dest))
	copied := openProject(t, dest, Options{})
	if again := copied.take(); again.Tree != s.Tree {
		t.Error("the restored folder differs")
	}
	if err := p.repo.Restore(t.Context(), s.ID, dest); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("restored over files: %v", err)
	}

	for _, name := range all {
		p.remove(name)
	}
	p.undo(s)
	if again := p.take(); again.Tree != s.Tree {
		t.Error("undo did not bring all back")
	}
	p.must(os.Chmod(p.path("private"), 0o600)) // git did not keep that
	p.write("private", "changed")
	p.write("exec", "changed")
	p.undo(s)
	for name, want := range map[string]os.FileMode{"private": 0o600, "exec": 0o777 &^ umask()} {
		if st, err := os.Stat(p.path(name)); err != nil || st.Mode().Perm() != want {
			t.Errorf("%s: %v %v", name, st.Mode(), err)
		}
	}
	changes, err := p.repo.Changes(t.Context(), p.take().ID, s.ID)
	if len(changes) > 0 || err != nil {
		t.Errorf("%q %v", changes, err)
	}
}

func umask() os.FileMode {
	old := syscall.Umask(0)
	syscall.Umask(old)
	return os.FileMode(old)
}

func TestFilesAndFoldersChangePlaces(t *testing.T) {
	p := newProject(t)
	p.write("a", "file")
	p.write("b/c/d", "in folders")
	p.write("b/c/e", "in folders")
	p.must(os.Symlink("a", p.path("link")))
	first := p.take()
	p.remove("a")
	p.write("a/x/y", "folder now")
	p.remove("b")
	p.must(os.Symlink("a", p.path("b")))
	p.remove("link")
	p.write("link", "a")
	second := p.take()
	p.wantFiles(second, "a/x/y", "b", "link")
	p.undo(first)
	if after := p.take(); after.Tree != first.Tree {
		t.Errorf("%q", p.files(after))
	}
	p.undo(second)
	if after := p.take(); after.Tree != second.Tree {
		t.Errorf("%q", p.files(after))
	}
	p.fsck()
}

func TestOpenRefusesASharedFolder(t *testing.T) {
	dir := t.TempDir()
	for repo, tree := range map[string]string{
		"p/state/snapshots.git": "p", "p": "p", "s/snapshots.git": "s/snapshots.git/p", "link/snapshots.git": "p",
	} {
		for _, path := range []string{filepath.Dir(repo), tree} {
			if err := os.MkdirAll(filepath.Join(dir, path), 0o777); err != nil && !errors.Is(err, os.ErrExist) {
				t.Fatal(err)
			}
		}
		if strings.HasPrefix(repo, "link") {
			if err := errors.Join(os.Remove(filepath.Join(dir, "link")), os.Symlink("p", filepath.Join(dir, "link"))); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Open(filepath.Join(dir, repo), filepath.Join(dir, tree), Options{}); !errors.Is(err, ErrInside) {
			t.Errorf("%s in %s: %v", repo, tree, err)
		}
	}
	if _, err := Open(filepath.Join(dir, "x.git"), filepath.Join(dir, "none"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no work tree: %v", err)
	}
}

func TestCancelled(t *testing.T) {
	p := newProject(t)
	p.write("f", "f")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.repo.Take(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	p.take()
}

func TestHeld(t *testing.T) {
	p := newProject(t)
	lock, err := p.repo.lock(t.Context())
	p.must(err)
	ctx, cancel := context.WithTimeout(t.Context(), 1)
	defer cancel()
	if _, err := p.repo.Take(ctx, "x"); !errors.Is(err, ErrHeld) {
		t.Errorf("%v", err)
	}
	p.must(lock.Close())
	p.take()
}

// TestSeveralWriters: snapshots taken at once come one after the other, and none is lost.
func TestSeveralWriters(t *testing.T) {
	p := newProject(t)
	p.write("f", "f")
	ids := make(chan string, 12)
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			repo, err := Open(p.repo.dir, p.dir, Options{})
			for range 3 {
				var s Snapshot
				if err == nil {
					s, err = repo.Take(t.Context(), "at once")
				}
				ids <- s.ID
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	close(ids)
	all, err := p.repo.List(t.Context())
	p.must(err)
	for id := range ids {
		if !slices.ContainsFunc(all, func(s Snapshot) bool { return s.ID == id }) {
			t.Errorf("snapshot %s is lost", id)
		}
	}
	if len(all) != 12 {
		t.Errorf("%d snapshots", len(all))
	}
}
