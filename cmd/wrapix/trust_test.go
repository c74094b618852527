package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What was seen is what is recorded: a file that is changed between the question and the answer is not approved.
func TestTrustAsks(t *testing.T) {
	dir := project(t)
	t.Setenv("RALPH_STATE_DIR", filepath.Join(t.TempDir(), "state"))
	write := func(program string) {
		t.Helper()
		if err := writeConfig(dir, "[hooks]\npre_loop = [\""+program+"\"]\n"); err != nil {
			t.Fatal(err)
		}
	}
	show := func() string {
		out, err := exec.Command("wrapix", "trust", "--show", dir).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	write("/bin/true")
	for keys, code := range map[string]int{"n\r": 1, "\r": 1, "\x04": 1, "\x03": 130} {
		s := startOnScreen(t, 120, 30, "trust", dir)
		s.until(t, "May it? [y/N] ")
		s.typed(t, keys)
		if got := s.code(); got != code || !strings.Contains(show(), "untrusted") {
			t.Errorf("%q: code %d, then %s", keys, got, show())
		}
	}
	s := startOnScreen(t, 120, 30, "trust", dir)
	s.until(t, "before a loop begins: /bin/true")
	s.until(t, "May it? [y/N] ")
	write("/bin/false")
	s.typed(t, "y\r")
	s.until(t, "trusted")
	if code := s.code(); code != 0 {
		t.Fatalf("code %d", code)
	}
	if text := show(); !strings.Contains(text, "untrusted  hooks.pre_loop") {
		t.Errorf("the file that was put in place meanwhile is trusted:\n%s", text)
	}
	write("/bin/true")
	if text := show(); !strings.HasPrefix(text, "trusted") {
		t.Errorf("what was seen is not trusted:\n%s", text)
	}
	if _, err := os.Stat(filepath.Join(os.Getenv("RALPH_STATE_DIR"), "trust.json")); err != nil {
		t.Error(err)
	}
}

// A configuration without a network key, or without anything, is wider than a record that says how far a sandbox may
// reach.
func TestOpenAfterNarrow(t *testing.T) {
	dir := project(t)
	t.Setenv("RALPH_STATE_DIR", filepath.Join(t.TempDir(), "state"))
	run := func(args ...string) (string, error) {
		out, err := exec.Command("wrapix", args...).CombinedOutput()
		return string(out), err
	}
	if out, err := run("trust", "--yes", dir); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Remove(filepath.Join(dir, "wrapix.toml")); err != nil {
		t.Fatal(err)
	}
	out, err := run(dir, "--", "true")
	if err == nil || !strings.Contains(out, "changed: sandbox.network: reach the whole internet") || !strings.Contains(out, "try: wrapix trust "+dir) {
		t.Errorf("%v: %s", err, out)
	}
}
