package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// On a terminal wrapix asks once, before anything is given to the sandbox.
func TestRunAsks(t *testing.T) {
	dir := project(t)
	t.Setenv("RALPH_STATE_DIR", filepath.Join(t.TempDir(), "state"))
	t.Setenv("GIVEN", "of-the-host")
	if err := writeConfig(dir, "env_from_host = [\"GIVEN\"]\n"); err != nil {
		t.Fatal(err)
	}
	for keys, code := range map[string]int{"n\r": 2, "\r": 2, "\x04": 2, "\x03": 130} {
		s := startOnScreen(t, 120, 30, dir, "--", "touch", "ran")
		s.until(t, "give sandboxes this host's variable GIVEN")
		s.until(t, "May it? [y/N] ")
		s.typed(t, keys)
		if got := s.code(); got != code {
			t.Errorf("%q: code %d, not %d", keys, got, code)
		}
		if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
			t.Fatalf("%q: it ran", keys)
		}
	}
	s := startOnScreen(t, 120, 30, dir, "--", "sh", "-c", "echo got $GIVEN; read x; echo $x; exit 3")
	s.until(t, "May it? [y/N] ")
	s.typed(t, "y\r")
	s.until(t, "trusted")
	s.until(t, "got of-the-host")
	s.typed(t, "typed\r")
	if code := s.code(); code != 3 {
		t.Errorf("code %d", code)
	}
	s = startOnScreen(t, 120, 30, dir, "--", "sh", "-c", "echo got $GIVEN")
	s.until(t, "got of-the-host")
	if code := s.code(); code != 0 {
		t.Errorf("the second time: code %d", code)
	}
	nothingLeft(t)
}

func TestParseMount(t *testing.T) {
	for text, want := range map[string][3]string{
		"a:/b": {"a", "/b", "ro"}, "a:/b:rw": {"a", "/b", "rw"}, "a:/b:ro": {"a", "/b", "ro"}, "a:~/b": {"a", "~/b", "ro"},
		"a:b:/c:d": {"a:b", "/c:d", "ro"}, "/a:/b:/c:rw": {"/a:/b", "/c", "rw"}, "a b,c=d\n:/e f": {"a b,c=d\n", "/e f", "ro"},
		"a\xff:/b": {"a\xff", "/b", "ro"}, "~/a:~/b:rw": {"~/a", "~/b", "rw"}, "a:/b:rx": {"a", "/b:rx", "ro"},
	} {
		m, err := parseMount(text)
		if got := [3]string{m.Source, m.Dest, m.Mode()}; err != nil || got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "a", ":/b", "a:b", "a:", "a:rw", "~x/a:/b"} {
		if m, err := parseMount(text); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %+v, %v", text, m, err)
		}
	}
}

// The same holds for what a devcontainer.json names.
func TestDevcontainerAsks(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("RALPH_STATE_DIR", filepath.Join(t.TempDir(), "state"))
	text := `{ "image": "` + testImage + `" }`
	if err := os.WriteFile(filepath.Join(dir, ".devcontainer.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for keys, code := range map[string]int{"\r": 2, "\x03": 130} {
		s := startOnScreen(t, 120, 30, dir, "--from-devcontainer", "--network", "none", "--", "touch", "ran")
		s.until(t, "devcontainer.json of ")
		s.until(t, "image: make sandboxes from the image "+testImage)
		s.until(t, "May it? [y/N] ")
		s.typed(t, keys)
		if got := s.code(); got != code {
			t.Errorf("%q: code %d, not %d", keys, got, code)
		}
		if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
			t.Fatalf("%q: it ran", keys)
		}
	}
	s := startOnScreen(t, 120, 30, dir, "--from-devcontainer", "--network", "none", "--", "sh", "-c", "echo it ran")
	s.until(t, "May it? [y/N] ")
	s.typed(t, "y\r")
	s.until(t, "trusted")
	s.until(t, "it ran")
	if code := s.code(); code != 0 {
		t.Errorf("code %d", code)
	}
	s = startOnScreen(t, 120, 30, dir, "--from-devcontainer", "--network", "none", "--", "sh", "-c", "echo again")
	s.until(t, "again")
	if code := s.code(); code != 0 {
		t.Errorf("the second time: code %d", code)
	}
	nothingLeft(t)
}
