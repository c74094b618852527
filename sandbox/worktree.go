package sandbox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// gitMounts brings in what a workspace needs that is a work tree of a repository elsewhere: the repository's folder, at
// the place where its `.git` file says it is, read-only but for the least that a commit writes.
//
//	objects                 what is committed
//	refs/heads              the branch, and a lock beside it; git knows no lesser place
//	logs/refs/heads         the branch's reflog
//	worktrees/NAME          HEAD, index, messages of this work tree
//
// Hooks and configuration stay as the host has them, and so do the files of worktrees/NAME by which git finds those:
// with another commondir or gitdir, or a config.worktree of the agent's, the host's git would run what the agent wrote.
// A sandbox that is not to change its workspace gets all of it read-only.
//
// The `.git` file may be an agent's, so it is believed only if the repository names this work tree as one of its own.
func (s Spec) gitMounts() ([]Mount, error) {
	w, err := findWorktree(s.Workspace.Source)
	if err != nil || w == nil {
		return nil, err
	}
	// What an agent could write to can have links in it; none leads anything out of the repository.
	root, err := os.OpenRoot(w.common)
	if err != nil {
		return nil, fmt.Errorf("look at the repository of the work tree: %w", err)
	}
	defer root.Close()
	list := w.mounts(s.Workspace.Access)
	if s.Workspace.Access == ReadWrite || s.Workspace.Access == "" {
		for _, name := range w.writable() { // what is absent could not be mounted, and git makes it when it needs it
			if err := root.MkdirAll(name, 0o755); err != nil {
				return nil, fmt.Errorf("prepare the repository of the work tree, %s: %w", w.common, err)
			}
		}
		f, err := root.OpenFile("worktrees/"+w.name+"/config.worktree", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err == nil {
			f.Close()
		} else if !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("prepare the repository of the work tree, %s: %w", w.common, err)
		}
	}
	for i := range list {
		name, err := filepath.Rel(w.common, list[i].Source)
		if err != nil {
			return nil, err
		}
		fi, err := root.Lstat(name)
		if err != nil {
			return nil, fmt.Errorf("look at the repository of the work tree, %s: %w", w.common, err)
		}
		if !fi.IsDir() && !fi.Mode().IsRegular() {
			return nil, fmt.Errorf("look at the repository of the work tree: %s is neither a folder nor a file", list[i].Source)
		}
		st := fi.Sys().(*syscall.Stat_t)
		list[i].Dev, list[i].Ino = uint64(st.Dev), st.Ino
	}
	return list, nil
}

// worktree is a work tree of a repository whose folder lies outside of the workspace.
type worktree struct {
	common string // the repository's folder on the host
	dest   string // where it must be inside
	name   string
}

// writable are the folders that a commit writes to.
func (w worktree) writable() []string {
	return []string{"objects", "refs/heads", "logs/refs/heads", "worktrees/" + w.name}
}

// mounts are those that a sandbox needs of the repository, whether all of it is there yet or not.
func (w worktree) mounts(access Access) []Mount {
	list := []Mount{w.mount(".", true)}
	if access != ReadWrite && access != "" {
		return list
	}
	for _, name := range w.writable() {
		list = append(list, w.mount(name, false))
	}
	for _, name := range []string{"commondir", "gitdir", "config.worktree"} {
		list = append(list, w.mount("worktrees/"+w.name+"/"+name, true))
	}
	return list
}

// AllMounts are the mounts of the spec, and those by which a work tree of git will reach its repository. Nothing is made
// ready for them yet.
func (s Spec) AllMounts() ([]Mount, error) {
	w, err := findWorktree(s.Workspace.Source)
	if err != nil || w == nil {
		return s.Mounts, err
	}
	return slices.Concat(s.Mounts, w.mounts(s.Workspace.Access)), nil
}

func (w worktree) mount(name string, readOnly bool) Mount {
	return Mount{Source: filepath.Join(w.common, name), Dest: path.Join(w.dest, name), ReadOnly: readOnly}
}

// findWorktree returns nil for a workspace that is none, or whose repository it has already.
func findWorktree(workspace string) (*worktree, error) {
	dot := filepath.Join(workspace, ".git")
	here, err := os.Lstat(dot)
	if workspace == "" || err != nil || !here.Mode().IsRegular() {
		return nil, nil
	}
	named, ok := strings.CutPrefix(readLine(dot), "gitdir: ")
	if !ok {
		return nil, nil
	}
	inside := named
	if !filepath.IsAbs(named) {
		named, inside = filepath.Join(workspace, named), path.Join(WorkspaceDir, named)
	}
	dir, err := filepath.EvalSymlinks(named)
	if err != nil {
		return nil, nil // git says best what is wrong
	}
	w := &worktree{common: filepath.Dir(filepath.Dir(dir)), dest: path.Dir(path.Dir(path.Clean(inside))), name: filepath.Base(dir)}
	back := readLine(filepath.Join(dir, "gitdir"))
	if !filepath.IsAbs(back) {
		back = filepath.Join(dir, back)
	}
	there, err := os.Lstat(back)
	if filepath.Base(filepath.Dir(dir)) != "worktrees" || err != nil || !os.SameFile(here, there) {
		return nil, nil
	}
	root, err := filepath.EvalSymlinks(workspace)
	if err != nil {
		return nil, err
	}
	if within(w.common, root) || within(root, w.common) {
		return nil, nil
	}
	taken := []string{WorkspaceDir, "/run", "/proc", "/sys", "/dev"}
	if slices.ContainsFunc(taken, func(p string) bool { return within(w.dest, p) || within(p, w.dest) }) {
		return nil, nil
	}
	return w, nil
}

func within(name, dir string) bool {
	rel, err := filepath.Rel(dir, name)
	return err == nil && filepath.IsLocal(rel)
}

// readLine reads a file of one short line, and nothing of what is not such a file.
func readLine(name string) string {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return ""
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
		return ""
	}
	text, err := io.ReadAll(io.LimitReader(f, 8<<10))
	if err != nil {
		return ""
	}
	return strings.TrimRight(string(text), "\r\n")
}
