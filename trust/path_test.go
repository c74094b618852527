package trust

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGuardPath(t *testing.T) {
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(top, name) }
	for _, dir := range []string{
		"home/bin", "home/p/.git", "home/p/sub/bin", "home/p/.venv/bin", "home/other/bin", "home/plain/bin", "usr/bin",
	} {
		if err := os.MkdirAll(at(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(at("home/other/wrapix.toml"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(at("home/other/bin"), at("link")); err != nil {
		t.Fatal(err)
	}
	// A folder of another project that an agent has made a link, and can turn.
	if err := os.Symlink(at("usr/bin"), at("home/other/out")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("home/other/out", at("relink")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", at("home"))
	all := []string{"home/p/.venv/bin", "home/p/sub/bin", "home/other/bin", "link", "home/other/out", "relink", "home/plain/bin", "home/bin", "home/missing", "usr/bin"}
	for _, tt := range []struct{ dir, want string }{
		{"home/p", "home/plain/bin home/bin home/missing usr/bin"},
		{"home/p/sub", "home/plain/bin home/bin home/missing usr/bin"},
		{"home/plain", "home/p/.venv/bin home/p/sub/bin home/bin home/missing usr/bin"},
		{"home/plain/bin", "home/p/.venv/bin home/p/sub/bin home/bin home/missing usr/bin"},
		{"home", "home/p/.venv/bin home/p/sub/bin home/plain/bin home/bin home/missing usr/bin"}, // not all of the person's
		{"usr", "home/p/.venv/bin home/p/sub/bin home/plain/bin home/bin home/missing"},
	} {
		path := []string{"", ".", "relative"}
		for _, dir := range all {
			path = append(path, at(dir))
		}
		t.Setenv("PATH", strings.Join(path, ":"))
		if err := GuardPath(at(tt.dir)); err != nil {
			t.Fatal(err)
		}
		got := strings.ReplaceAll(strings.ReplaceAll(os.Getenv("PATH"), top+"/", ""), ":", " ")
		if got != tt.want {
			t.Errorf("in %s: %s, not %s", tt.dir, got, tt.want)
		}
	}
}

func TestPathNeverIsEmpty(t *testing.T) {
	dir := t.TempDir()
	if got := Path(dir+":.", dir); got != "/usr/local/bin:/usr/bin:/bin" {
		t.Error(got)
	}
}
