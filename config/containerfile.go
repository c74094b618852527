package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// containerfile reads the file that sandbox.image names, where that begins with "./". It is read here and once: what is
// approved is what is built, whatever becomes of the file meanwhile.
func (r *reader) containerfile() {
	key := []string{"sandbox", "image"}
	switch name, isFile := strings.CutPrefix(r.config.Sandbox.Image, "./"); {
	case isFile:
		text, err := readContainerfile(r.project, name)
		if err != nil {
			r.problem(key, "read the Containerfile: "+err.Error())
		}
		r.config.Sandbox.Containerfile = text
	case strings.HasPrefix(r.config.Sandbox.Image, "/"), strings.HasPrefix(r.config.Sandbox.Image, "."), strings.HasPrefix(r.config.Sandbox.Image, "-"):
		r.problem(key, `want the name of an image, or a Containerfile of the project: "./Containerfile"`)
	}
}

// readContainerfile reads a file of the project, and no other: no link leads out of it, and nothing keeps us waiting.
func readContainerfile(project, name string) (string, error) {
	if project == "" {
		return "", errors.New("it is part of a project")
	}
	root, err := os.OpenRoot(project)
	if err != nil {
		return "", err
	}
	defer root.Close()
	f, err := root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil {
		return "", err
	} else if !fi.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no regular file", name)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	switch {
	case err != nil:
		return "", err
	case len(text) > maxSize:
		return "", fmt.Errorf("%s is larger than %d bytes", name, maxSize)
	case len(strings.TrimSpace(string(text))) == 0:
		return "", fmt.Errorf("%s is empty", name)
	}
	if line := unseen(string(text)); line > 0 {
		return "", fmt.Errorf("%s:%d: it has characters that cannot be seen, so nobody could approve what it does", name, line)
	}
	return string(text), nil
}

// unseen is the first line with something else than ASCII that can be seen, or 0: what a person approves is what they see,
// and a control sequence or a letter that looks like another hides what a build runs.
func unseen(text string) int {
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if strings.ContainsFunc(line, func(r rune) bool { return r != '\t' && (r < ' ' || r > '~') }) {
			return i + 1
		}
	}
	return 0
}
