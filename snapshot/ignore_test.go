package snapshot

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestFloodOfPatterns: ignore files cannot fill the memory, and who tries is named.
func TestFloodOfPatterns(t *testing.T) {
	p := newProject(t)
	p.write(".gitignore", strings.Repeat("x\n", maxIgnoreText/4))
	p.write("x", "ignored")
	p.write("a/.gitignore", strings.Repeat("y\n", maxIgnoreText/4+1))
	p.write("a/y", "not ignored")
	p.write("b/.gitignore", strings.Repeat("y\n", maxIgnoreText))
	s := p.take()
	p.wantFiles(s, ".gitignore", "a/.gitignore", "a/y", "b/.gitignore")
	p.wantWarning(s, IgnoreFile, "a/.gitignore")
	p.wantWarning(s, IgnoreFile, "b/.gitignore")
}

// TestIgnoredAsGitDoes holds what a snapshot has, and leaves out, against `git ls-files` in random trees with random
// ignore files.
func TestIgnoredAsGitDoes(t *testing.T) {
	dir := t.TempDir()
	names := rapid.SampledFrom([]string{"a", "b", "ab", "abc", "a.o", "b.o", "foo", "foobar", "bar", "x y", "#h", "!n", "A", "a]", "a-", "\\", "é"})
	part := rapid.SampledFrom([]string{
		"a", "b", "ab", "*", "**", "*.o", "a*", "*b*", "?", "??", "[ab]", "[!a]", "[^b]*", "[a-c]*", "foo", "foo*", "*bar", "fo[", "f\\oo",
		"\\*", "x y", "x\\ y", "\\#h", "#h", "\\!n", "[[:upper:]]", "[[:alpha:]]*", "[]a]", "[a-]", "***", "a**", "**b", "\\", "[\\a]", "[[:x:]]",
		"[[:]", "é", "a\\", "a ", "[a-", "[z-a]", "[:a]b]", "a[/]b",
	})
	line := rapid.Custom(func(t *rapid.T) string {
		text := strings.Join(rapid.SliceOfN(part, 1, 3).Draw(t, "parts"), "/")
		if rapid.Bool().Draw(t, "negated") && rapid.Bool().Draw(t, "really") {
			text = "!" + text
		}
		if rapid.IntRange(0, 3).Draw(t, "anchored") == 0 {
			text = "/" + text
		}
		return text + rapid.SampledFrom([]string{"", "", "", "/", "/**", " ", "\r", "\t", "/ ", "  \\ "}).Draw(t, "end")
	})
	file := rapid.Custom(func(t *rapid.T) string {
		return rapid.SampledFrom([]string{"", "", "\xef\xbb\xbf"}).Draw(t, "mark") +
			strings.Join(rapid.SliceOfN(line, 0, 5).Draw(t, "lines"), "\n") + rapid.SampledFrom([]string{"", "\n"}).Draw(t, "last")
	})
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		tree := filepath.Join(dir, strings.Repeat("r", 1+round%3)+string(rune('0'+round%10)))
		check := func(err error) {
			if err != nil {
				rt.Fatal(err)
			}
		}
		check(os.RemoveAll(tree))
		check(os.MkdirAll(tree, 0o777))
		folders := []string{""}
		for range rapid.IntRange(1, 12).Draw(rt, "files") {
			parts := rapid.SliceOfN(names, 1, 4).Draw(rt, "path")
			path := filepath.Join(append([]string{tree}, parts...)...)
			if os.MkdirAll(filepath.Dir(path), 0o777) == nil && os.WriteFile(path, nil, 0o666) == nil {
				folders = append(folders, filepath.Join(parts[:len(parts)-1]...))
			}
		}
		for range rapid.IntRange(1, 3).Draw(rt, "ignore files") {
			folder := rapid.SampledFrom(folders).Draw(rt, "folder")
			check(os.WriteFile(filepath.Join(tree, folder, ".gitignore"), []byte(file.Draw(rt, "text")), 0o666))
		}
		check(os.MkdirAll(filepath.Join(tree, ".git/objects"), 0o777))
		check(os.MkdirAll(filepath.Join(tree, ".git/refs"), 0o777))
		check(os.MkdirAll(filepath.Join(tree, ".git/info"), 0o777))
		check(os.WriteFile(filepath.Join(tree, ".git/HEAD"), []byte("ref: refs/heads/x\n"), 0o666))
		check(os.WriteFile(filepath.Join(tree, ".git/info/exclude"), []byte(file.Draw(rt, "exclude")), 0o666))

		none := func(string) bool { return false }
		found, err := walk(t.Context(), tree, none, none)
		check(err)
		var got []string
		for _, e := range found.entries {
			got = append(got, e.path)
		}
		if want := lsFiles(rt, tree, "--others"); !slices.Equal(got, want) {
			rt.Fatalf("not ignored: %q, by git %q", got, want)
		}
	})
}

func lsFiles(t *rapid.T, tree string, args ...string) []string {
	cmd := exec.Command("git", append([]string{"ls-files", "-z", "--exclude-standard"}, args...)...)
	cmd.Dir = tree
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v %s", err, &stderr)
	}
	var paths []string
	for path := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if path != "" {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// TestHostilePatterns would take longer than anybody's life with backtracking.
func TestHostilePatterns(t *testing.T) {
	text := strings.Repeat("a", 4000)
	for _, pattern := range []string{strings.Repeat("*a", 100) + "b", strings.Repeat("**/*a*", 50) + "/b", "/x/" + strings.Repeat("**/", 300) + "b"} {
		p, _ := parsePattern(pattern)
		if p.matches("x/"+strings.Repeat(text+"/", 3)+text, text, false) {
			t.Errorf("%.20s matches", pattern)
		}
	}
}

func TestIgnored(t *testing.T) {
	p := newProject(t)
	p.git(p.dir, "init", "-q")
	p.write(".gitignore", "*.log\n/build/\nkept/*\n!kept/this\n")
	p.write(".git/info/exclude", "mine\n")
	p.write("deep/.gitignore", "!b.log\n")
	for _, name := range []string{"a.log", "deep/a.log", "deep/b.log", "build/x/y", "build/z", "kept/this", "kept/that", "mine", "f"} {
		p.write(name, name)
	}
	s := p.take()
	p.wantFiles(s, ".gitignore", "deep/.gitignore", "deep/b.log", "kept/this", "f")
	ignored, err := p.repo.Ignored(t.Context())
	p.must(err)
	if want := []string{"a.log", "build/", "deep/a.log", "kept/that", "mine"}; !slices.Equal(ignored, want) || s.Ignored != len(want) {
		t.Errorf("%q, %d", ignored, s.Ignored)
	}

	// Undo touches none of it.
	p.write("g", "new")
	p.write("build/z", "changed")
	p.undo(s)
	if p.read("build/z") != "changed" || p.read("mine") != "mine" {
		t.Error("undo changed ignored files")
	}
}

// TestTrackedIsNotIgnored: what a person added by force matters, and an agent cannot hide a change with a pattern.
func TestTrackedIsNotIgnored(t *testing.T) {
	for _, version := range []string{"2", "3", "4"} {
		p := newProject(t)
		p.git(p.dir, "init", "-q")
		p.write(".gitignore", "dist\nsecret\n")
		for _, name := range []string{"dist/forced", "dist/deep/forced", "dist/other", "dist/deep/other", "plain"} {
			p.write(name, name)
		}
		p.git(p.dir, "-c", "index.version="+version, "add", "-f", "plain", "dist/forced", "dist/deep/forced")
		if version == "3" {
			p.git(p.dir, "add", "-N", "-f", ".gitignore") // needs the extended flags
		}
		first := p.take()
		p.wantFiles(first, ".gitignore", "dist/forced", "dist/deep/forced", "plain")
		if first.Ignored != 2 {
			t.Errorf("%d ignored", first.Ignored)
		}

		p.write(".gitignore", "*\n")
		p.write("plain", "changed\n")
		p.remove(".git/index")
		second := p.take()
		p.wantFiles(second, ".gitignore", "dist/forced", "dist/deep/forced", "plain")
		p.undo(first)
		if p.read("plain") != "plain" {
			t.Error("the change was hidden by a pattern")
		}
	}
}

// TestUndoKeepsWhatWasIgnored: an agent that drops a pattern must not make undo remove what it covered.
func TestUndoKeepsWhatWasIgnored(t *testing.T) {
	p := newProject(t)
	p.write(".gitignore", ".env\ncache/\n")
	p.write(".env", "secret")
	p.write("cache/x", "x")
	first := p.take()
	p.write(".gitignore", "\n")
	p.write("new", "n")
	second := p.take()
	p.wantFiles(second, ".gitignore", ".env", "cache/x", "new")
	changes := p.undo(first)
	if want := []Change{{".gitignore", Changed}, {"new", Removed}}; !slices.Equal(changes, want) {
		t.Errorf("%q", changes)
	}
	if p.read(".env") != "secret" || p.read("cache/x") != "x" {
		t.Error("lost")
	}
}

// TestUndoRecordsWhatIsIgnoredNow: content that undo overwrites is kept although a pattern covers it by now.
func TestUndoRecordsWhatIsIgnoredNow(t *testing.T) {
	p := newProject(t)
	p.write("src/f", "old")
	first := p.take()
	p.remove("src")
	p.take()
	p.write(".gitignore", "src/\n")
	p.write("src/f", "precious")
	p.write("src/g", "ignored")
	p.wantFiles(p.take(), ".gitignore")
	before, _, err := p.repo.Undo(t.Context(), first.ID)
	p.must(err)
	p.wantFiles(before, ".gitignore", "src/f")
	if p.read("src/f") != "old" || p.read("src/g") != "ignored" {
		t.Error("wrong content")
	}
	p.undo(before)
	if p.read("src/f") != "precious" {
		t.Error("lost")
	}
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte("DIRC\x00\x00\x00\x02\x00\x00\x00\x01" + strings.Repeat("\x00", 62) + "a\x00\x00" + strings.Repeat("\x00", 20)))
	f.Add([]byte("DIRC\x00\x00\x00\x04\x00\x00\x00\x01" + strings.Repeat("\x00", 62) + "\x00a\x00" + strings.Repeat("\x00", 20)))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = parseIndex(b, "x")
	})
}
