package config

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Mount is a further folder or file of the host that the sandbox sees.
type Mount struct {
	// Source is the host's path: absolute, below the home folder with ~, or relative to the project.
	Source string
	// Dest is where it is inside: absolute, or below the agent's home folder with ~.
	Dest string
	// Writable lets writes through to the host.
	Writable bool
	// Optional lets the source be missing.
	Optional bool
}

// InProject says whether the source, as it is written, lies in the project. What is there the sandbox sees anyway, so
// nobody has to approve it.
func (m Mount) InProject() bool {
	return filepath.IsLocal(m.Source) && !strings.HasPrefix(m.Source, "~")
}

// Mode is how the file and the command line write whether a mount can be written to.
func (m Mount) Mode() string {
	if m.Writable {
		return "rw"
	}
	return "ro"
}

// NewMount checks what can be said of a mount without a look at the host. An empty mode is "ro".
func NewMount(source, dest, mode string) (Mount, error) {
	m := Mount{Source: source, Dest: dest, Writable: mode == "rw"}
	switch {
	case source == "":
		return m, errors.New("it has no source")
	case strings.HasPrefix(source, "~") && source != "~" && !strings.HasPrefix(source, "~/"):
		return m, fmt.Errorf("source: %q: ~ is your own home folder only; write ~/… or ./%s", source, source)
	case dest == "":
		return m, errors.New("it has no dest")
	case !path.IsAbs(dest) && !strings.HasPrefix(dest, "~/"):
		return m, fmt.Errorf("dest: %q is neither absolute nor below ~/", dest)
	case mode != "" && mode != "ro" && mode != "rw":
		return m, fmt.Errorf(`mode: %q is not known; want "ro" or "rw"`, mode)
	}
	return m, nil
}

// mounts reads [[sandbox.mounts]]. Each problem has the place of the table and the key that it is about.
func mounts(r *reader) func(any) error {
	return func(v any) error {
		list, ok := v.([]any)
		if !ok {
			return want("tables [[sandbox.mounts]] with source and dest", v)
		}
		for i, entry := range list {
			key := []string{"sandbox", "mounts", strconv.Itoa(i)}
			table, ok := entry.(map[string]any)
			if !ok {
				r.problem(key, want("a table with source and dest", entry).Error())
				continue
			}
			r.mount(key, table)
		}
		return nil
	}
}

func (r *reader) mount(key []string, table map[string]any) {
	var source, dest, mode string
	var optional, wrong bool
	setters := map[string]func(any) error{"source": text(&source), "dest": text(&dest), "mode": text(&mode), "optional": boolean(&optional)}
	for name, value := range table {
		err := fmt.Errorf("unknown key; want source, dest, mode or optional")
		if set := setters[name]; set != nil {
			err = set(value)
		}
		if err != nil {
			r.problem(append(slices.Clone(key), name), err.Error())
			wrong = true
		}
	}
	if wrong {
		return
	}
	m, err := NewMount(source, dest, mode)
	if err != nil {
		r.problem(key, err.Error())
		return
	}
	m.Optional = optional
	if slices.ContainsFunc(r.config.Sandbox.Mounts, func(o Mount) bool { return path.Clean(o.Dest) == path.Clean(m.Dest) }) {
		r.problem(key, fmt.Sprintf("two mounts have the dest %q", m.Dest))
		return
	}
	r.config.Sandbox.Mounts = append(r.config.Sandbox.Mounts, m)
}
