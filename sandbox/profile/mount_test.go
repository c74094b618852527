package profile

import "testing"

func TestMountInProject(t *testing.T) {
	for source, want := range map[string]bool{
		"a": true, "./a": true, "a/../b": true, "./~/a": true, ".": true, "~": false, "~/a": false, "..": false, "../a": false, "a/../../b": false, "/a": false,
	} {
		m, err := NewMount(source, "/x", "")
		if err != nil || m.InProject() != want {
			t.Errorf("%s: %v, %v", source, m.InProject(), err)
		}
	}
}
