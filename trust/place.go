package trust

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrInProject says that something lies where an agent can write, so that using it would be using the agent's work.
var ErrInProject = errors.New("it lies in the project, where agents write")

// maxLinks is how many symbolic links a path may lead through, as in Linux.
const maxLinks = 40

// Outside returns [ErrInProject] if the path is within the project, or leads through it: an agent could turn a link that
// lies there to anywhere. A folder of the project is known whatever name leads to it (bind mounts, another case).
func Outside(project, path string) error {
	root, err := os.Stat(project)
	if err != nil {
		return fmt.Errorf("look at the project: %w", err)
	}
	at, rest := "/", components(path)
	for links := 0; len(rest) > 0; {
		if fi, err := os.Stat(at); err == nil && os.SameFile(fi, root) {
			return ErrInProject
		}
		if rest[0] == ".." {
			at, rest = filepath.Dir(at), rest[1:]
			continue
		}
		next := filepath.Join(at, rest[0])
		rest = rest[1:]
		fi, err := os.Lstat(next)
		if err != nil {
			return nil // what is not there cannot be run; what is beyond cannot be looked at by us either
		}
		if fi.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return errors.New("too many symbolic links")
		}
		target, err := os.Readlink(next)
		if err != nil {
			return err
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		rest = append(components(target), rest...)
	}
	if fi, err := os.Stat(at); err == nil && os.SameFile(fi, root) {
		return ErrInProject
	}
	return nil
}

// components takes a path apart as it is followed: ".." is not taken together with what stands before it, which may be
// a link.
func components(path string) []string {
	var list []string
	for _, c := range strings.Split(path, "/") {
		if c != "" && c != "." {
			list = append(list, c)
		}
	}
	return list
}
