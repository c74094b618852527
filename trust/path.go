package trust

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wrapix/wrapix/config"
)

// GuardPath takes out of this process's PATH the folders in which an agent could have left a program, such as the
// environments of Python and Node that a shell has activated. A command calls it before it looks for any program of the
// host, with the folder that it is about: Podman, git and what they start in turn are looked for in that PATH.
func GuardPath(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("find the folder of the project: %w", err)
	}
	projects := []string{dir}
	if root, err := config.FindProject(dir); err == nil {
		projects = append(projects, root)
	}
	projects = slices.DeleteFunc(projects, holdsHome) // no sandbox can have that as its folder
	if err := os.Setenv("PATH", Path(os.Getenv("PATH"), projects...)); err != nil {
		return fmt.Errorf("set PATH: %w", err)
	}
	return nil
}

// Path leaves of a PATH the folders that no agent can put a program into: it drops what is relative, what lies in or
// leads through one of the projects, and what lies in any other folder with a wrapix.toml.
func Path(path string, projects ...string) string {
	var kept []string
	for _, dir := range filepath.SplitList(path) {
		if filepath.IsAbs(dir) && !ofProject(dir, projects) {
			kept = append(kept, dir)
		}
	}
	if len(kept) == 0 {
		return "/usr/local/bin:/usr/bin:/bin"
	}
	return strings.Join(kept, string(filepath.ListSeparator))
}

func ofProject(dir string, projects []string) bool {
	for _, project := range projects {
		if Outside(project, dir) != nil {
			return true
		}
	}
	return slices.ContainsFunc(leadsThrough(dir), func(dir string) bool {
		_, err := os.Lstat(filepath.Join(dir, config.FileName))
		return err == nil
	})
}

// leadsThrough lists the folders above a path as it is written, and again after each link that is followed on the way: who
// writes in any of these can turn the path elsewhere.
func leadsThrough(path string) []string {
	var all []string
	for range maxLinks {
		path = filepath.Clean(path)
		link := ""
		for at := path; at != "/"; at = filepath.Dir(at) {
			all = append(all, at)
			if fi, err := os.Lstat(at); err == nil && fi.Mode()&os.ModeSymlink != 0 {
				link = at // in the end the first of the path
			}
		}
		if link == "" {
			return all
		}
		target, err := os.Readlink(link)
		if err != nil {
			return all
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(link), target)
		}
		path = filepath.Join(target, strings.TrimPrefix(path, link))
	}
	return all
}

// holdsHome says whether a folder is the person's home folder or one above it.
func holdsHome(dir string) bool {
	home, err := os.UserHomeDir()
	return err == nil && Outside(dir, home) != nil
}
