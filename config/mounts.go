package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/wrapix/wrapix/sandbox/profile"
)

// Mount is a further folder or file of the host that the sandbox sees; see package profile.
type Mount = profile.Mount

// mounts reads [[sandbox.mounts]], or [[profiles.NAME.mounts]]. Each problem has the place of the table and the key that
// it is about.
func (r *reader) mounts(path []string, to *[]Mount) func(any) error {
	return func(v any) error {
		list, ok := v.([]any)
		if !ok {
			return want("tables [["+strings.Join(path, ".")+"]] with source and dest", v)
		}
		for i, entry := range list {
			key := append(slices.Clone(path), strconv.Itoa(i))
			table, ok := entry.(map[string]any)
			if !ok {
				r.problem(key, want("a table with source and dest", entry).Error())
				continue
			}
			r.mount(key, table, to)
		}
		return nil
	}
}

func (r *reader) mount(key []string, table map[string]any, to *[]Mount) {
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
	m, err := profile.NewMount(source, dest, mode)
	if err != nil {
		r.problem(key, err.Error())
		return
	}
	m.Optional = optional
	if slices.ContainsFunc(*to, m.SamePlace) {
		r.problem(key, fmt.Sprintf("two mounts have the dest %q", m.Dest))
		return
	}
	*to = append(*to, m)
}
