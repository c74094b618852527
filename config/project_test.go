package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFindProject(t *testing.T) {
	root := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(root, "repo/.git"), 0o700))
	must(t, os.MkdirAll(filepath.Join(root, "repo/a/b"), 0o700))
	must(t, os.MkdirAll(filepath.Join(root, "repo/own/c"), 0o700))
	must(t, os.WriteFile(filepath.Join(root, "repo/own", FileName), nil, 0o600))
	must(t, os.Symlink(filepath.Join(root, "repo/a"), filepath.Join(root, "link")))
	for dir, want := range map[string]string{
		"repo": "repo", "repo/a/b": "repo", "repo/own/c": "repo/own", "repo/own": "repo/own", "link/b": "repo",
	} {
		got, err := FindProject(filepath.Join(root, dir))
		if err != nil || got != filepath.Join(root, want) {
			t.Errorf("%s: %s, %v", dir, got, err)
		}
	}
	if _, err := FindProject(root); !errors.Is(err, ErrNoProject) {
		t.Errorf("no project: %v", err)
	}
	if _, err := FindProject(filepath.Join(root, "missing")); err == nil || errors.Is(err, ErrNoProject) {
		t.Errorf("missing folder: %v", err)
	}
	if _, err := FindProject(filepath.Join(root, "repo/own", FileName)); err == nil {
		t.Error("a file was taken for a folder")
	}
}

func TestStateDir(t *testing.T) {
	base := t.TempDir()
	project := filepath.Join(base, "my project")
	must(t, os.Mkdir(project, 0o700))
	t.Setenv("HOME", filepath.Join(base, "home"))
	t.Setenv("RALPH_STATE_DIR", "")
	t.Setenv("XDG_STATE_HOME", "relative/is/ignored")

	byHome, err := StateDir(project)
	must(t, err)
	if dir := filepath.Join(base, "home/.local/state/ralph/my_project-"); !strings.HasPrefix(byHome, dir) || len(byHome) != len(dir)+12 {
		t.Errorf("by HOME: %s", byHome)
	}
	t.Setenv("XDG_STATE_HOME", filepath.Join(base, "xdg"))
	byXDG, err := StateDir(project)
	must(t, err)
	if byXDG != filepath.Join(base, "xdg/ralph", filepath.Base(byHome)) {
		t.Errorf("by XDG_STATE_HOME: %s", byXDG)
	}
	t.Setenv("RALPH_STATE_DIR", filepath.Join(base, "own"))
	if own, err := StateDir(project); err != nil || own != filepath.Join(base, "own") {
		t.Errorf("by RALPH_STATE_DIR: %s, %v", own, err)
	}
}

func TestStateDirInsideTheProjectIsRefused(t *testing.T) {
	base := t.TempDir()
	project := filepath.Join(base, "p")
	must(t, os.MkdirAll(filepath.Join(project, "sub"), 0o700))
	must(t, os.Symlink(filepath.Join(project, "sub"), filepath.Join(base, "link")))
	must(t, os.Symlink(filepath.Join(project, "new"), filepath.Join(base, "dangling")))
	for _, dir := range []string{project, filepath.Join(project, "sub/state"), filepath.Join(base, "link/state"), filepath.Join(base, "dangling")} {
		t.Setenv("RALPH_STATE_DIR", dir)
		if got, err := StateDir(project); err == nil {
			t.Errorf("%s accepted as %s", dir, got)
		}
	}
	t.Setenv("RALPH_STATE_DIR", filepath.Join(base, "p-state"))
	if _, err := StateDir(project); err != nil {
		t.Error(err)
	}
}

func TestStateDirBelongsToOneProject(t *testing.T) {
	base := t.TempDir()
	t.Setenv("RALPH_STATE_DIR", filepath.Join(base, "state"))
	dir, err := OpenStateDir("/a")
	must(t, err)
	if fi, err := os.Stat(dir); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("state folder: %v, %v", fi, err)
	}
	if _, err := OpenStateDir("/a"); err != nil {
		t.Errorf("again: %v", err)
	}
	var refused *StateDirError
	if _, err := OpenStateDir("/b"); !errors.As(err, &refused) {
		t.Errorf("another project: %v", err)
	}
	must(t, os.WriteFile(filepath.Join(dir, projectFile), nil, 0o600))
	if _, err := OpenStateDir("/b"); err != nil {
		t.Errorf("an empty note: %v", err)
	}
}
