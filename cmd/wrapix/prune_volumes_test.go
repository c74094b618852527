package main

import (
	"os/exec"
	"testing"
)

// On a terminal a person is asked for the caches of projects that are there, and anything but a yes keeps them.
func TestPruneAsksForCaches(t *testing.T) {
	dir := project(t)
	if err := writeConfig(dir, "profile = \"go\"\n"); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("wrapix", dir, "--", "true").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, answer := range []struct {
		keys string
		left bool
	}{{"n\r", true}, {"\r", true}, {"y\r", false}} {
		s := startOnScreen(t, 200, 24, "prune", "--volumes")
		s.until(t, "the go cache of "+dir)
		s.until(t, "Remove these caches? What was in them is downloaded again. [y/N] ")
		s.typed(t, answer.keys)
		if code := s.code(); code != 0 {
			t.Errorf("%q: code %d", answer.keys, code)
		}
		out, err := exec.Command("podman", "volume", "ls", "--quiet", "--filter", "label=wrapix.project="+dir).Output()
		if err != nil || (len(out) > 0) != answer.left {
			t.Errorf("%q: left is %q, %v", answer.keys, out, err)
		}
	}
}
