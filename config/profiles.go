package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wrapix/wrapix/sandbox/profile"
)

// profiles takes the table [profiles]: one table a profile, named as the person likes.
func (r *reader) profiles(values map[string]any) {
	for name, value := range values {
		key := []string{"profiles", name}
		table, ok := value.(map[string]any)
		if !ok {
			r.problem(key, "want a table, not "+kindOf(value))
			continue
		}
		if err := profile.CheckName(name); err != nil {
			r.problem(key, err.Error())
			continue
		}
		r.own = append(r.own, r.profile(key, name, table))
	}
	// The order of the file, not the map's.
	slices.SortFunc(r.own, func(a, b profile.Definition) int {
		return r.at([]string{"profiles", a.Name}).order - r.at([]string{"profiles", b.Name}).order
	})
}

// profile takes one of them.
func (r *reader) profile(path []string, name string, table map[string]any) profile.Definition {
	d := profile.Definition{Name: name, Env: map[string]string{}}
	keys := map[string]func(any) error{
		"extends": text(&d.Extends), "packages": packages(&d.Packages), "run": lines(&d.Run),
		"mounts": r.mounts(append(slices.Clone(path), "mounts"), &d.Mounts),
	}
	for inner, value := range table {
		key := append(slices.Clone(path), inner)
		set, known := keys[inner]
		switch {
		case inner == "env":
			r.profileEnv(key, d.Env, value)
		case inner == "files": // after the mounts, which it is held against
		case !known:
			r.problem(key, "unknown key; a profile has extends, packages, env, run, mounts and files")
		default:
			if err := set(value); err != nil {
				r.problem(key, err.Error())
			}
		}
	}
	if files, ok := table["files"]; ok {
		r.profileFiles(append(slices.Clone(path), "files"), &d, files)
	}
	return d
}

func (r *reader) profileEnv(path []string, env map[string]string, value any) {
	table, ok := value.(map[string]any)
	if !ok {
		r.problem(path, "want a table, not "+kindOf(value))
		return
	}
	for name, value := range table {
		var s string
		err := text(&s)(value)
		if err == nil {
			err = CheckVariable(name)
		}
		if err != nil {
			r.problem(append(slices.Clone(path), name), err.Error())
			continue
		}
		env[name] = s
	}
}

// profileFiles takes files that the agent finds in its home folder: "~/.toolrc" = "dev/toolrc". In the order of the file.
func (r *reader) profileFiles(path []string, d *profile.Definition, value any) {
	table, ok := value.(map[string]any)
	if !ok {
		r.problem(path, "want a table, not "+kindOf(value))
		return
	}
	at := func(dest string) []string { return append(slices.Clone(path), dest) }
	order := func(a, b string) int { return r.at(at(a)).order - r.at(at(b)).order }
	for _, dest := range slices.SortedFunc(maps.Keys(table), order) {
		var source string
		err := text(&source)(table[dest])
		if err == nil {
			var m profile.Mount
			if m, err = profile.NewFile(source, dest); err == nil && slices.ContainsFunc(d.Mounts, m.SamePlace) {
				err = errors.New("the profile has a mount or a file at that place already")
			}
			d.Mounts = append(d.Mounts, m)
		}
		if err != nil {
			r.problem(at(dest), err.Error())
		}
	}
}

// merge makes the set of all profiles, and says where a person's own do not fit together.
func (r *reader) merge() {
	set, err := profile.NewSet(r.own)
	var bad *profile.DefinitionError
	if errors.As(err, &bad) {
		r.problem([]string{"profiles", bad.Name, "extends"}, err.Error())
		set = profile.Builtin() // what else is wrong is told, too
	}
	r.config.Profiles = set
	name := r.config.Sandbox.Profile
	if err == nil && !slices.Contains(set.Names(), name) {
		r.problem([]string{"sandbox", "profile"}, fmt.Sprintf("%q is not known; want one of: %s", name, strings.Join(set.Names(), ", ")))
	}
}

// packages reads a list of Debian's packages.
func packages(to *[]string) func(any) error {
	return func(v any) error {
		list, err := list(v, `a list such as ["redis-tools"]`)
		for _, name := range list {
			err = errors.Join(err, profile.CheckPackage(name))
		}
		*to = list
		return err
	}
}

// lines reads command lines.
func lines(to *[]string) func(any) error {
	return func(v any) error {
		list, err := list(v, `a list such as ["npm install --global prettier@3.6.2"]`)
		*to = list
		return err
	}
}

// list reads a list of strings that are not empty.
func list(v any, what string) ([]string, error) {
	entries, ok := v.([]any)
	if !ok {
		return nil, want(what, v)
	}
	var list []string
	for i, entry := range entries {
		var s string
		if err := text(&s)(entry); err != nil {
			return nil, fmt.Errorf("entry %d: %w", i+1, err)
		}
		if strings.TrimSpace(s) == "" {
			return nil, fmt.Errorf("entry %d is empty", i+1)
		}
		list = append(list, s)
	}
	return list, nil
}
