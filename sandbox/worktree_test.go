package sandbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A repository that an agent could write to, in a folder that is mounted for it or in another project, has links that
// lead elsewhere: nothing is made there, and nothing of it is mounted.
func TestWorktreeWithLinks(t *testing.T) {
	for _, link := range []string{"refs", "logs", "objects"} {
		home := t.TempDir()
		repo, dir, other := home+"/repo", home+"/p", home+"/other"
		for _, folder := range []string{repo + "/worktrees/w", repo + "/objects", repo + "/refs/heads", repo + "/logs/refs/heads", dir, other} {
			if err := os.MkdirAll(folder, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		for name, text := range map[string]string{
			dir + "/.git": "gitdir: " + repo + "/worktrees/w\n", repo + "/worktrees/w/gitdir": dir + "/.git\n", repo + "/worktrees/w/commondir": "../..\n",
		} {
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		s := Spec{Workspace: Workspace{Source: dir}}
		if list, err := s.gitMounts(); err != nil || len(list) != 8 {
			t.Fatalf("without links: %v, %v", list, err)
		}
		if err := os.RemoveAll(filepath.Join(repo, link)); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(other, filepath.Join(repo, link)); err != nil {
			t.Fatal(err)
		}
		if list, err := s.gitMounts(); err == nil || !strings.Contains(err.Error(), repo) {
			t.Errorf("%s leads elsewhere: %v, %v", link, list, err)
		}
		if made, err := os.ReadDir(other); err != nil || len(made) > 0 {
			t.Errorf("%s: made outside of the repository: %v, %v", link, made, err)
		}
	}
}
