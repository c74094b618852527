package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// StatesDir is the folder in which the state folders of the user's projects lie: $XDG_STATE_HOME/ralph, by default
// ~/.local/state/ralph.
func StatesDir() (string, error) {
	home := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(home) { // the XDG specification wants relative paths ignored
		user, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("find the state folder: %w", err)
		}
		home = filepath.Join(user, ".local", "state")
	}
	return filepath.Join(home, "ralph"), nil
}

// State is the state folder of a project.
type State struct {
	Dir     string
	Project string // empty where the folder does not say
	// Variable is the value of RALPH_STATE_DIR with which commands find the folder.
	Variable string
	// Problem says why nothing may be worked on with this folder, or is nil.
	Problem error
}

// States lists the state folders of all projects of the user: the one that RALPH_STATE_DIR names, and those in the
// common folder. A folder that cannot be used is listed with the reason.
func States() ([]State, error) {
	all, err := StatesDir()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(all)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("look for state folders: %w", err)
	}
	var states []State
	listed, used := map[string]bool{}, map[string]string{}
	add := func(dir, variable string) {
		s := readState(dir, variable)
		if info, err := os.Stat(s.Dir); listed[s.Dir] || err == nil && !info.IsDir() {
			return
		}
		listed[s.Dir] = true
		if other := used[s.Project]; s.Problem == nil && other != "" {
			s.Problem = &StateDirError{Dir: s.Dir, Reason: "its project has another one: " + other}
		}
		if s.Problem == nil {
			used[s.Project] = s.Dir
		}
		states = append(states, s)
	}
	if named := os.Getenv(StateVariable); named != "" {
		if named, err := filepath.Abs(named); err == nil {
			add(named, named)
		}
	}
	for _, entry := range entries {
		add(filepath.Join(all, entry.Name()), "")
	}
	return states, nil
}

// readState looks whose folder it is. Its name has to be that of its project: a copy of a state folder tells the same
// as the folder itself, and to work with both would do everything twice.
func readState(dir, variable string) State {
	s := State{Dir: dir, Variable: variable}
	if real, err := realPath(dir); err == nil {
		s.Dir = real
	}
	text, err := os.ReadFile(filepath.Join(s.Dir, projectFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.Problem = fmt.Errorf("read the state folder: %w", err)
		return s
	}
	s.Project = strings.TrimSpace(string(text))
	if !filepath.IsAbs(s.Project) {
		s.Project = ""
		s.Problem = &StateDirError{Dir: s.Dir, Reason: "it does not say which project it belongs to"}
		return s
	}
	root, err := "", error(nil)
	if _, err = os.Stat(s.Project + "/."); err == nil { // what we may not enter would look as if it were empty
		root, err = FindProject(s.Project)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.Problem = fmt.Errorf("%w: the folder is gone", ErrNoProject)
	case err != nil:
		s.Problem = err
	case root != s.Project:
		s.Problem = fmt.Errorf("%w any more", ErrNoProject)
	default:
		own, err := stateDir(s.Project, variable)
		if err == nil && own != s.Dir {
			err = &StateDirError{Dir: s.Dir, Reason: "it is not that of its project, which is " + own}
		}
		s.Problem = err
	}
	return s
}
