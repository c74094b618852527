package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/wrapix/wrapix/internal/filesystem"
)

// ErrNoProject says that neither a folder nor one above it is a project.
var ErrNoProject = errors.New("no project here")

// FindProject returns the root of the project that contains dir: the nearest folder, from dir upwards, with a
// wrapix.toml or a .git. The path is absolute and without symbolic links, so that a project has one name only.
func FindProject(dir string) (string, error) {
	start, err := realDir(dir)
	if err != nil {
		return "", err
	}
	for at := start; ; at = filepath.Dir(at) {
		for _, mark := range []string{FileName, ".git"} {
			if _, err := os.Lstat(filepath.Join(at, mark)); err == nil {
				return at, nil
			}
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("%w: neither %s nor one of the folders above it has a %s or a .git", ErrNoProject, start, FileName)
		}
	}
}

func realDir(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	abs, err = filepath.EvalSymlinks(abs)
	if err != nil {
		return "", err
	}
	if fi, err := os.Stat(abs); err != nil {
		return "", err
	} else if !fi.IsDir() {
		return "", &fs.PathError{Op: "open", Path: abs, Err: errors.New("it is not a folder")}
	}
	return abs, nil
}

// StateDir returns the folder in which the project's state lies: $RALPH_STATE_DIR, else a folder named after the
// project's path below $XDG_STATE_HOME/ralph (by default ~/.local/state/ralph). It is made by [OpenStateDir]. One that
// lies inside the project is refused, because the agent can write there.
func StateDir(project string) (string, error) { return stateDir(project, os.Getenv(StateVariable)) }

// StateVariable is the environment variable that names the state folder of the project that is worked on.
const StateVariable = "RALPH_STATE_DIR"

func stateDir(project, dir string) (string, error) {
	if dir == "" {
		all, err := StatesDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(all, stateName(project))
	}
	dir, err := realPath(dir)
	if err != nil {
		return "", fmt.Errorf("find the state folder: %w", err)
	}
	if inside(dir, project) {
		return "", &StateDirError{Dir: dir, Reason: "it lies inside the project, where the agent can write"}
	}
	return dir, nil
}

// StateDirError says why a folder cannot hold a project's state.
type StateDirError struct{ Dir, Reason string }

// Error names the folder and the reason.
func (e *StateDirError) Error() string { return "state folder " + e.Dir + ": " + e.Reason }

// projectFile, in the state folder, names the project that the folder belongs to.
const projectFile = "project"

// OpenStateDir makes the state folder of the project where it is missing, for nobody but its user, and returns it. A
// folder that holds the state of another project is refused: its workflows would run on the wrong files.
func OpenStateDir(project string) (string, error) {
	dir, err := StateDir(project)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the state folder: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil { // one that was there may be open to others
		return "", fmt.Errorf("close the state folder to others: %w", err)
	}
	if err := claimStateDir(dir, project); err != nil {
		return "", err
	}
	return dir, CheckStateDir(dir, project)
}

// claimStateDir notes whose state the folder holds, unless somebody has. The note is there whole or not at all, and not
// before a power cut can no longer take the folder, or one above it, away.
func claimStateDir(dir, project string) error {
	note := filepath.Join(dir, projectFile)
	if _, err := os.Lstat(note); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for child, at := dir, filepath.Dir(dir); at != child; child, at = at, filepath.Dir(at) {
		if err := filesystem.SyncFolder(at); err != nil && !errors.Is(err, fs.ErrPermission) { // nobody made anything there for us
			return fmt.Errorf("make the state folder: %w", err)
		}
	}
	f, err := os.CreateTemp(dir, "."+projectFile+"-") // mode 0600
	if err != nil {
		return fmt.Errorf("write in the state folder: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(project + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		if err = os.Link(f.Name(), note); errors.Is(err, fs.ErrExist) {
			err = nil // another process was first
		}
	}
	if err == nil {
		err = filesystem.SyncFolder(dir)
	}
	if err != nil {
		return fmt.Errorf("write in the state folder: %w", err)
	}
	return nil
}

// CheckStateDir returns a [*StateDirError] if the folder holds the state of another project. An empty note, left by a
// crash between making and writing it, is nobody's.
func CheckStateDir(dir, project string) error {
	text, err := os.ReadFile(filepath.Join(dir, projectFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the state folder: %w", err)
	}
	if owner := strings.TrimSpace(string(text)); owner != "" && owner != project {
		return &StateDirError{Dir: dir, Reason: "it holds the state of " + owner}
	}
	return nil
}

// stateName names a project by its folder, for people, and by a hash of its whole path, to be unique.
func stateName(project string) string {
	name := strings.Map(func(c rune) rune {
		if c == '-' || c == '_' || c == '.' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
			return c
		}
		return '_'
	}, filepath.Base(project))
	if len(name) > 40 {
		name = name[:40]
	}
	return fmt.Sprintf("%s-%.6x", name, sha256.Sum256([]byte(project)))
}

// realPath is filepath.EvalSymlinks for a path whose end need not exist yet.
func realPath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(path)
	if err == nil || !errors.Is(err, fs.ErrNotExist) || path == filepath.Dir(path) {
		return real, err
	}
	if _, err := os.Lstat(path); err == nil {
		return "", &fs.PathError{Op: "follow", Path: path, Err: errors.New("it is a symbolic link to nothing")}
	}
	parent, err := realPath(filepath.Dir(path))
	return filepath.Join(parent, filepath.Base(path)), err
}

func inside(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && (rel == "." || rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)))
}
