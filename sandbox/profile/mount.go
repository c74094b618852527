package profile

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Mount is a further folder or file of the host that a sandbox sees, as a person wrote it.
type Mount struct {
	// Source is the host's path: absolute, below the home folder with ~, or relative to the project.
	Source string
	// Dest is where it is inside: absolute, or below the agent's home folder with ~.
	Dest string
	// Writable lets writes through to the host.
	Writable bool
	// Optional lets the source be missing.
	Optional bool
	// File is of an entry of files: the source must be a file.
	File bool
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

// NewFile is NewMount for a file that the agent finds in its home folder and cannot change.
func NewFile(source, dest string) (Mount, error) {
	m, err := NewMount(source, dest, "ro")
	if err == nil && !strings.HasPrefix(dest, "~/") {
		err = errors.New(`the name is a place in the agent's home folder, such as "~/.config/tool.toml"`)
	}
	m.File = true
	return m, err
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

// SamePlace says whether both are mounted at one place.
func (m Mount) SamePlace(o Mount) bool { return path.Clean(m.Dest) == path.Clean(o.Dest) }

// SourcedMount is a mount of a merged profile, and which profile it comes from.
type SourcedMount struct {
	Mount
	From string
}

// mounted is a list of mounts with more of them: one at a place that is taken replaces the one that has it.
func mounted(have []SourcedMount, from string, more []Mount) []SourcedMount {
	list := slices.Clone(have)
	for _, m := range more {
		list = slices.DeleteFunc(list, func(o SourcedMount) bool { return o.SamePlace(m) })
		list = append(list, SourcedMount{m, from})
	}
	return list
}
