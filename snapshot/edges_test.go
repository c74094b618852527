package snapshot

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func asIncomplete(err error, target **IncompleteError) bool { return errors.As(err, target) }

// TestNestedRepositories: a submodule and a plain repository inside; git itself would record a commit's name only.
func TestNestedRepositories(t *testing.T) {
	p := newProject(t)
	upstream := t.TempDir()
	p.git(upstream, "init", "-q")
	p.must(os.WriteFile(filepath.Join(upstream, "lib.c"), []byte("int x;\n"), 0o666))
	p.must(os.WriteFile(filepath.Join(upstream, ".gitignore"), []byte("*.o\n"), 0o666))
	p.git(upstream, "add", "-A")
	p.git(upstream, "commit", "-q", "-m", "lib")
	p.git(p.dir, "init", "-q")
	p.git(p.dir, "submodule", "add", "-q", upstream, "vendor/lib")
	p.write(".gitignore", "*.c\n") // does not reach into repositories
	p.write("own/sub/f.c", "f")
	p.git(p.path("own"), "init", "-q")
	p.write("own/.git/info/exclude", "skipped\n")
	p.write("own/skipped", "s")
	p.write("vendor/lib/lib.o", "ignored")
	p.write("vendor/lib/new.c", "untracked")
	p.write("top.c", "ignored")

	first := p.take()
	p.wantFiles(first, ".gitignore", ".gitmodules", "own/sub/f.c", "vendor/lib/.gitignore", "vendor/lib/lib.c", "vendor/lib/new.c")
	p.wantWarning(first, NestedRepository, "vendor/lib")
	p.wantWarning(first, NestedRepository, "own")

	p.write("vendor/lib/lib.c", "broken")
	p.remove("own/sub")
	p.undo(first)
	if p.read("vendor/lib/lib.c") != "int x;\n" || p.read("own/sub/f.c") != "f" || p.read("vendor/lib/lib.o") != "ignored" {
		t.Error("not put back")
	}
	if out := p.git(p.path("vendor/lib"), "status", "--porcelain"); out != "?? new.c\n" {
		t.Errorf("the submodule's status is %q", out)
	}
}

func TestEmptyFolders(t *testing.T) {
	p := newProject(t)
	p.write("f", "f")
	p.must(os.MkdirAll(p.path("a/b"), 0o777))
	s := p.take()
	p.wantFiles(s, "f")
	p.wantWarning(s, EmptyFolder, "a/b")
	p.write("g", "g")
	p.undo(s)
	if _, err := os.Stat(p.path("a/b")); err != nil {
		t.Error("undo removed an empty folder that is not its own")
	}
}

// TestFloodOfWarnings: what is missing is named although there is much else to say.
func TestFloodOfWarnings(t *testing.T) {
	p := newProject(t)
	for i := range maxWarnings + 10 {
		p.must(os.Mkdir(p.path(fmt.Sprintf("%05d", i)), 0o777))
	}
	p.write("z/.GIT/f", "f")
	s := p.take()
	p.wantWarning(s, LooksLikeGit, "z/.GIT")
	if len(s.Warnings) != maxWarnings || s.More != 11 {
		t.Errorf("%d warnings, %d more", len(s.Warnings), s.More)
	}
}

func TestUnreadable(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	p := newProject(t)
	p.write("f", "f")
	p.write("closed", "c")
	p.write("dir/x", "x")
	p.write("dir/deep/y", "y")
	all := p.take()
	p.must(os.Chmod(p.path("closed"), 0))
	p.must(os.Chmod(p.path("dir"), 0))
	t.Cleanup(func() { _ = os.Chmod(p.path("dir"), 0o777) })
	p.write("f", "changed")
	s := p.take()
	p.wantFiles(s, "f")
	p.wantWarning(s, Unreadable, "closed")
	p.wantWarning(s, Unreadable, "dir")

	// Nothing that could not be recorded is overwritten; the rest is put back.
	_, changes, err := p.repo.Undo(t.Context(), all.ID)
	incomplete := new(IncompleteError)
	if !asIncomplete(err, &incomplete) || len(incomplete.Left) != 3 || len(changes) != 1 {
		t.Errorf("%v, %q", err, changes)
	}
	p.must(os.Chmod(p.path("closed"), 0o644))
	p.must(os.Chmod(p.path("dir"), 0o755))
	if p.read("f") != "f" || p.read("closed") != "c" || p.read("dir/deep/y") != "y" {
		t.Error("wrong content")
	}
	// And back to a snapshot that lacks them, because they could not be read then.
	p.undo(s)
	if p.read("f") != "changed" || p.read("closed") != "c" || p.read("dir/x") != "x" {
		t.Error("undo removed what was there")
	}
}

func TestTooLarge(t *testing.T) {
	p := openProject(t, filepath.Join(t.TempDir(), "project"), Options{MaxFile: 10})
	p.write("large", "0123456789a")
	p.write("limit", "0123456789")
	p.write("f", "f")
	s := p.take()
	p.wantFiles(s, "limit", "f")
	p.wantWarning(s, TooLarge, "large")
	p.write("large", "small")
	p.undo(s)
	if p.read("large") != "small" {
		t.Error("undo touched what it cannot put back")
	}
	p.write("large", strings.Repeat("large ", 9))
	p.write("limit", strings.Repeat("large ", 9))
	_, _, err := p.repo.Undo(t.Context(), s.ID)
	incomplete := new(IncompleteError)
	if !asIncomplete(err, &incomplete) || len(incomplete.Left) != 1 || incomplete.Left[0].Path != "limit" {
		t.Errorf("%v", err)
	}
}

func TestTooDeep(t *testing.T) {
	p := newProject(t)
	p.write(strings.Repeat("d/", maxDepth)+"f", "deep enough")
	p.write(strings.Repeat("d/", maxDepth)+"d/f", "too deep")
	s := p.take()
	p.wantFiles(s, strings.Repeat("d/", maxDepth)+"f")
	p.wantWarning(s, TooDeep, strings.Repeat("d/", maxDepth)+"d")
}

// TestChangingFile: a file that does not come to rest is recorded as it was read, said so, and read again next time.
func TestChangingFile(t *testing.T) {
	p := newProject(t)
	const size = inMemory + 100
	p.write("large", strings.Repeat("x", size/2))
	f, err := os.Open(p.path("large"))
	p.must(err)
	defer f.Close()
	var sent bytes.Buffer
	i := imports{repo: p.repo, out: bufio.NewWriter(&sent), start: time.Now()}
	e := entry{path: "large", stat: stat{size: size}} // what it was when it was opened
	again, err := i.file(f, &e, nil, true)
	p.must(err)
	p.must(i.out.Flush())
	if again || !e.racy || len(i.found.warnings) != 1 || i.found.warnings[0].Kind != Changing || sent.Len() < size {
		t.Errorf("%v %+v %q %d bytes", again, e, i.found.warnings, sent.Len())
	}
	e = entry{path: "large", stat: stat{size: 3}}
	if again, err := i.file(f, &e, nil, false); !again || err != nil {
		t.Errorf("a small file that grew: %v %v", again, err)
	}
}

// TestWritersMeanwhile takes snapshots while files come, go and change.
func TestWritersMeanwhile(t *testing.T) {
	p := newProject(t)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			name := p.path([]string{"a", "b", "c/d", "c"}[i%4])
			switch i % 7 {
			case 0, 1, 2:
				_ = os.WriteFile(name, bytes.Repeat([]byte{byte(i)}, i%5000), 0o666)
			case 3:
				_ = os.RemoveAll(name)
			case 4:
				_ = os.Mkdir(name, 0o777)
			case 5:
				_ = os.Symlink("a", name)
			case 6:
				_ = os.Remove(name)
			}
		}
	}()
	for range 20 {
		p.take()
	}
	close(stop)
	<-stopped
	last := p.take()
	dest := filepath.Join(t.TempDir(), "copy")
	p.must(p.repo.Restore(t.Context(), last.ID, dest))
	if openProject(t, dest, Options{}).take().Tree != last.Tree {
		t.Error("at rest, the snapshot is not what is there")
	}
	p.fsck()
}

// TestSameSizeSameTime: a change that stat cannot show, right after a snapshot, is seen by the next.
func TestSameSizeSameTime(t *testing.T) {
	p := newProject(t)
	now := time.Now()
	seen := map[string]bool{}
	for _, content := range []string{"aaaa", "bbbb", "cccc", "dddd", "eeee"} {
		p.write("f", content)
		p.must(os.Chtimes(p.path("f"), now, now))
		seen[p.take().Tree] = true
	}
	if len(seen) != 5 {
		t.Errorf("%d states seen of 5", len(seen))
	}
}

// TestEditedMeanwhile: a file that changes between the snapshot before an undo and the undo is left alone.
func TestEditedMeanwhile(t *testing.T) {
	p := newProject(t)
	p.write("f", "old")
	p.write("g", "old")
	first := p.take()
	p.write("f", "new")
	p.write("g", "new")
	p.write("h", "new")
	lock, err := p.repo.lock(t.Context())
	p.must(err)
	defer lock.Close()
	plan, err := p.repo.plan(t.Context(), lock, first.ID)
	p.must(err)
	p.write("f", "edited by a person")
	p.write("h", "edited by a person")
	changes, err := p.repo.apply(t.Context(), plan)
	incomplete := new(IncompleteError)
	if !asIncomplete(err, &incomplete) || len(incomplete.Left) != 2 || len(changes) != 1 {
		t.Errorf("%v %q", err, changes)
	}
	if p.read("f") != "edited by a person" || p.read("h") != "edited by a person" || p.read("g") != "old" {
		t.Error("wrong content")
	}
}
