package podman

import (
	"slices"
	"strings"
	"testing"

	"github.com/wrapix/wrapix/sandbox"
)

// The folders around mounts in the home folder are made, once each, and never in the place of a mount or within one, as
// those of a work tree's repository lie in each other.
func TestParents(t *testing.T) {
	for dests, want := range map[string]string{
		"":                         "",
		"/opt/a/b /home/other/a/b": "",
		"/home/agent/a":            "",
		"/home/agent/a/b/c":        "/home/agent/a /home/agent/a/b",
		"/home/agent/a/b /home/agent/a/c /home/agent/a-b/c":                                      "/home/agent/a /home/agent/a-b",
		"/home/agent/p/.git /home/agent/p/.git/refs/heads /home/agent/p/.git/worktrees/w/gitdir": "/home/agent/p",
		"/home/agent/p/.git/refs/heads /home/agent/p/.git":                                       "/home/agent/p",
	} {
		var spec sandbox.Spec
		for dest := range strings.FieldsSeq(dests) {
			spec.Mounts = append(spec.Mounts, sandbox.Mount{Dest: dest})
		}
		spec.Limits.HomeBytes = 1 << 20
		var v view
		v.parents(spec)
		var got []string
		for _, m := range v.mounts {
			got = append(got, m.Destination)
			if m.Type != "tmpfs" || !slices.Contains(m.Options, "size=1048576") {
				t.Errorf("%s: %+v", dests, m)
			}
		}
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", dests, got, want)
		}
	}
}
