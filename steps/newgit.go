package steps

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/sandbox"
)

// A `.git` that an agent made is the agent's word for what git runs on the host. Whoever comes in the morning must be told
// before the first `git status`, so it is noted in the state folder and not only said once.
const (
	noGitName  = "no-git"  // there while an attempt goes on in a project that had no `.git` when it began
	newGitName = "new-git" // which attempt made the `.git`, and which one that is
)

// watchGit notes whether the project has a `.git` before an attempt.
func (s *Steps) watchGit() error {
	note := filepath.Join(s.o.State, noGitName)
	if sandbox.HasGit(s.o.Project) {
		if err := os.Remove(note); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("note that the project has a .git: %w", err)
		}
		return nil
	}
	if err := os.WriteFile(note, nil, 0o600); err != nil {
		return fmt.Errorf("note that the project has no .git: %w", err)
	}
	return nil
}

// lookForGit tells of a `.git` that the attempt made, after it, however it ended. What cannot be noted is no failure of the
// attempt, and is told all the same.
func (s *Steps) lookForGit(id engine.AttemptID) {
	note := filepath.Join(s.o.State, noGitName)
	if _, err := os.Lstat(note); err != nil {
		return
	}
	if !sandbox.HasGit(s.o.Project) { // one that comes now is not the attempt's
		_ = os.Remove(note)
		return
	}
	text := sandbox.NewGitWords(s.o.Project, id.String())
	which, err := identity(filepath.Join(s.o.Project, ".git"))
	if err == nil {
		err = os.WriteFile(filepath.Join(s.o.State, newGitName), []byte(id.String()+" "+which+"\n"), 0o600)
	}
	if err = errors.Join(err, os.Remove(note)); err != nil {
		text += fmt.Sprintf(" (ralph status will not repeat it: %v)", err)
	}
	if s.o.NewGit != nil {
		s.o.NewGit(text)
	}
}

// NewGit tells of a `.git` of the project that an agent made and that is still there, or of nothing.
func NewGit(state, project string) string {
	if _, err := os.Lstat(filepath.Join(state, noGitName)); err == nil && sandbox.HasGit(project) {
		return sandbox.NewGitWords(project, "an attempt that goes on or was cut off")
	}
	text, err := os.ReadFile(filepath.Join(state, newGitName))
	if err != nil {
		return ""
	}
	id, was, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	which, err := identity(filepath.Join(project, ".git"))
	if err != nil || which != was { // removed, or replaced by one of the person's
		return ""
	}
	return sandbox.NewGitWords(project, id)
}

// identity names a file as long as it is there, and not what has its name later. Numbers of files are used again, so the time
// when it was made belongs to it, where the file system keeps that.
func identity(path string) (string, error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_INO|unix.STATX_BTIME, &st); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d:%d:%d:%d.%d", st.Dev_major, st.Dev_minor, st.Ino, st.Btime.Sec, st.Btime.Nsec), nil
}
