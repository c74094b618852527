package remote

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// maxConfig bounds git's files, which an agent can write in parts.
const maxConfig = 1 << 20

// Named returns the address to which git pushes for a remote of the project. Git itself reads the configuration, but as
// text and away from the project: what it may name to be run is not run, and what it may include is not read.
func Named(project, name string) (string, error) {
	if !isWord(name, "-_.") {
		return "", fmt.Errorf("%q is no name of a git remote", name)
	}
	text, err := gitConfig(project)
	if err != nil {
		return "", fmt.Errorf("look for the git remote %s: %w", name, err)
	}
	for _, key := range []string{"pushurl", "url"} {
		cmd := exec.Command("git", "config", "--file", "-", "--no-includes", "--get", "remote."+name+"."+key)
		cmd.Dir = "/"
		cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CEILING_DIRECTORIES=/", "LC_ALL=C")
		cmd.Stdin = bytes.NewReader(text)
		out, err := cmd.Output()
		var exit *exec.ExitError
		switch {
		case err == nil:
			return strings.TrimSuffix(string(out), "\n"), nil
		case errors.As(err, &exit) && exit.ExitCode() == 1: // it is not there
		case errors.As(err, &exit):
			return "", fmt.Errorf("look for the git remote %s: git: %s", name, strings.TrimSpace(string(exit.Stderr)))
		default:
			return "", fmt.Errorf("look for the git remote %s: %w", name, err)
		}
	}
	return "", fmt.Errorf("the project has no git remote %q", name)
}

// gitConfig reads the configuration of the project's repository, also where the project is a work tree of another's.
func gitConfig(project string) ([]byte, error) {
	dir := filepath.Join(project, ".git")
	fi, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	if !fi.IsDir() {
		text, err := readRegular(dir)
		if err != nil {
			return nil, err
		}
		target, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "gitdir: ")
		if !ok {
			return nil, fmt.Errorf("%s is no file of git", dir)
		}
		dir = from(project, target)
		common, err := readRegular(filepath.Join(dir, "commondir"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err == nil {
			dir = from(dir, strings.TrimSpace(string(common)))
		}
	}
	return readRegular(filepath.Join(dir, "config"))
}

func from(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// readRegular reads a small file, and waits for nobody where it is something else.
func readRegular(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
		return nil, errors.Join(err, fmt.Errorf("%s is no regular file", path))
	}
	text, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err == nil && len(text) > maxConfig {
		err = fmt.Errorf("%s is too large", path)
	}
	return text, err
}
