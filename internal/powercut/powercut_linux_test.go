package powercut

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestMain makes the test binary a process that works in a recorded folder: see work.
func TestMain(m *testing.M) {
	if dir := os.Getenv("POWERCUT_TEST_DIR"); dir != "" {
		if err := work(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction(Serve))
}

// work does what programs do with files, and says how far it is by making folders of these names.
func work(dir string) error {
	in := func(name string) string { return filepath.Join(dir, name) }
	at := func(name string) error { return os.Mkdir(in(name), 0o700) }
	sync := func(name string) error {
		f, err := os.Open(in(name))
		if err != nil {
			return err
		}
		defer f.Close()
		return f.Sync()
	}
	write := func(name, text string) error { return os.WriteFile(in(name), []byte(text), 0o640) }
	for _, step := range []func() error{
		func() error { return write("plain", "one") },
		func() error { return sync("plain") },
		func() error { return at("1-content-synced") },
		func() error { return sync(".") },
		func() error { return at("2-name-synced") },
		func() error { return write("new", strings.Repeat("2", 3*sector)) },
		func() error { return os.Rename(in("new"), in("plain")) },
		func() error { return at("3-renamed") },
		func() error { return sync(".") },
		func() error { return at("4-rename-synced") },
		func() error { return sync("plain") },
		func() error { return os.Symlink("plain", in("link")) },
		func() error { return os.Link(in("plain"), in("second")) },
		func() error { return os.Remove(in("plain")) },
		func() error { return at("5-removed") },
		func() error { return os.Truncate(in("second"), 2) },
		func() error { return os.Chmod(in("second"), 0o400) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// recorded is the log of work, and where in it each folder of its progress was made.
func recorded(t *testing.T) (*Log, map[string]int) {
	dir := t.TempDir()
	r, err := Mount(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "POWERCUT_TEST_DIR="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	list, err := exec.Command("ls", dir).Output()
	if err != nil || !strings.Contains(string(list), "second") {
		t.Errorf("ls: %s, %v", list, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	l, steps := r.Log(), map[string]int{"end": 0}
	for i := range l.Len() {
		if op := l.Op(i); op.Kind == Make {
			steps[op.Path] = i
		}
	}
	steps["end"] = l.Len()
	return l, steps
}

func TestStates(t *testing.T) {
	l, steps := recorded(t)
	for _, c := range []struct {
		at             string
		names, content Keep
		file, want     string // "-": it is not there
	}{
		{"1-content-synced", Synced, Synced, "plain", "-"}, // its name is not safe yet
		{"1-content-synced", All, Synced, "plain", "one"},
		{"2-name-synced", Synced, Synced, "plain", "one"},
		{"3-renamed", Synced, Synced, "plain", "one"},
		{"3-renamed", All, All, "plain", strings.Repeat("2", 3*sector)},
		{"3-renamed", All, Synced, "plain", ""}, // the name was there before the content
		{"3-renamed", All, Synced, "new", "-"},
		{"4-rename-synced", Synced, Synced, "plain", ""},
		{"5-removed", Synced, Synced, "plain", strings.Repeat("2", 3*sector)},
		{"5-removed", All, All, "plain", "-"},
		{"5-removed", All, All, "second", strings.Repeat("2", 3*sector)},
		{"end", All, All, "second", "22"},
		{"end", All, Synced, "second", strings.Repeat("2", 3*sector)},
		{"end", Synced, All, "second", "-"},
	} {
		tree := l.State(steps[c.at], c.names, c.content)
		f, ok := tree[c.file]
		got := string(f.Content)
		if !ok {
			got = "-"
		}
		if got != c.want {
			t.Errorf("at %s, all names %t, all content %t: %s is %q, not %q", c.at, c.names, c.content, c.file, got, c.want)
		}
	}
}

func TestRandomStates(t *testing.T) {
	l, steps := recorded(t)
	random := rand.New(rand.NewPCG(1, 2))
	seen := map[string]bool{}
	for range 500 {
		f, ok := l.Random(steps["4-rename-synced"], random)["plain"]
		if !ok {
			t.Fatal("a name that was synced is gone")
		}
		for i := 0; i < len(f.Content); i += sector {
			part := string(f.Content[i:min(i+sector, len(f.Content))])
			if part != strings.Repeat("2", sector) && part != strings.Repeat("\x00", sector) {
				t.Fatalf("a sector is %q", part)
			}
		}
		seen[string(f.Content)] = true
	}
	if len(seen) != 9 { // no length, or each of three sectors written or not
		t.Errorf("%d different contents", len(seen))
	}
	for range 100 {
		if f := l.Random(steps["3-renamed"], random)["plain"]; len(f.Content) == 3 && string(f.Content) != "one" {
			t.Fatalf("what was synced became %q", f.Content)
		}
	}
	again := func() [32]byte { return l.Random(steps["end"], rand.New(rand.NewPCG(3, 4))).Sum() }
	if first := again(); again() != first {
		t.Error("the same seed gives different states")
	}
}

func TestWrite(t *testing.T) {
	l, steps := recorded(t)
	tree, dir := l.State(steps["end"], All, All), t.TempDir()
	if err := tree.Write(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "second"))
	info, errStat := os.Stat(filepath.Join(dir, "second"))
	if err != nil || errStat != nil || string(text) != "22" || info.Mode() != 0o400 {
		t.Errorf("%q, %v, %v, %v", text, info.Mode(), err, errStat)
	}
	if to, err := os.Readlink(filepath.Join(dir, "link")); err != nil || to != "plain" {
		t.Errorf("a link to %q, %v", to, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(tree) {
		t.Errorf("%d of %d, %v", len(entries), len(tree), err)
	}
}
