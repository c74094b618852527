package steps

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestCommit(t *testing.T) {
	one, two := strings.Repeat("1a", 20), strings.Repeat("2b", 32)
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte(one+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		files map[string]string // a link is "-> where", a pipe "|"
		want  string
	}{
		"no repository":   {nil, ""},
		"on a branch":     {map[string]string{".git/HEAD": "ref: refs/heads/main\n", ".git/refs/heads/main": one + "\n"}, one},
		"detached":        {map[string]string{".git/HEAD": two + "\n"}, two},
		"packed":          {map[string]string{".git/HEAD": "ref: refs/heads/a/b\n", ".git/packed-refs": "# pack-refs with: peeled\n" + two + " refs/heads/a\n" + one + " refs/heads/a/b\n^" + two + "\n"}, one},
		"unborn":          {map[string]string{".git/HEAD": "ref: refs/heads/main\n"}, ""},
		"a work tree":     {map[string]string{".git": "gitdir: real/worktrees/w\n", "real/worktrees/w/HEAD": "ref: refs/heads/w\n", "real/worktrees/w/commondir": "../..\n", "real/refs/heads/w": one + "\n"}, one},
		"HEAD is a link":  {map[string]string{".git/HEAD": "-> " + outside}, ""},
		"refs is a link":  {map[string]string{".git/HEAD": "ref: refs/heads/main\n", ".git/refs": "-> x", ".git/x/heads/main": one}, ""},
		"a link outside":  {map[string]string{".git/HEAD": "ref: refs/heads/main\n", ".git/refs/heads/main": "-> " + outside}, ""},
		"out of refs":     {map[string]string{".git/HEAD": "ref: refs/../../../outside\n"}, ""},
		"round and round": {map[string]string{".git/HEAD": "ref: refs/a\n", ".git/refs/a": "ref: refs/a\n"}, ""},
		"not a commit":    {map[string]string{".git/HEAD": "secret\n"}, ""},
		"a pipe":          {map[string]string{".git/HEAD": "|"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range c.files {
				path := filepath.Join(dir, file)
				err := os.MkdirAll(filepath.Dir(path), 0o700)
				if to, link := strings.CutPrefix(text, "-> "); err == nil && link {
					err = os.Symlink(to, path)
				} else if err == nil && text == "|" {
					err = syscall.Mkfifo(path, 0o600)
				} else if err == nil {
					err = os.WriteFile(path, []byte(text), 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if got := commit(dir); got != c.want {
				t.Errorf("it stands at %q, not %q", got, c.want)
			}
		})
	}
}
