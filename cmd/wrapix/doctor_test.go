package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// On a terminal each fix is shown, asked for and told anew. What was refused is as it was.
func TestDoctorAsks(t *testing.T) {
	home, run := t.TempDir(), t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_RUNTIME_DIR", run)
	conf := filepath.Join(home, ".config", "containers", "storage.conf")
	if err := os.MkdirAll(filepath.Dir(conf), 0o700); err != nil {
		t.Fatal(err)
	}
	copies := "[storage]\ndriver = \"vfs\"\n"
	if err := os.WriteFile(conf, []byte(copies), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // also removes what the container's other users own
		if out, err := exec.Command("podman", "system", "reset", "--force").CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	s := startOnScreen(t, 200, 50, "doctor", "--fix")
	s.until(t, "warning  Podman stores whole copies")
	s.until(t, "fix: podman system reset --force && sed -i")
	s.until(t, "Run it? [y/N] ")
	s.typed(t, "\r")
	s.until(t, "room for")
	if code := s.code(); code != 0 {
		t.Errorf("a warning is no failure: code %d", code)
	}
	if text, err := os.ReadFile(conf); err != nil || string(text) != copies {
		t.Errorf("%q, %v", text, err)
	}
	s = startOnScreen(t, 200, 50, "doctor", "--fix")
	s.until(t, "Run it? [y/N] ")
	s.typed(t, "\x03")
	if code := s.code(); code != exitInterrupted {
		t.Errorf("interrupted: code %d", code)
	}
	s = startOnScreen(t, 200, 50, "doctor", "--fix")
	s.until(t, "Run it? [y/N] ")
	s.typed(t, "y\r")
	s.until(t, "ok       storage driver overlay")
	s.until(t, "room for the state folder")
	if code := s.code(); code != 0 {
		t.Errorf("code %d", code)
	}
	// What somebody stored while the question stood is not removed.
	if out, err := exec.Command("podman", "system", "reset", "--force").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.WriteFile(conf, []byte(copies), 0o600); err != nil {
		t.Fatal(err)
	}
	s = startOnScreen(t, 200, 50, "doctor", "--fix")
	s.until(t, "Run it? [y/N] ")
	if out, err := exec.Command("podman", "volume", "create", "mine").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.typed(t, "y\r")
	s.until(t, "has changed meanwhile")
	if code := s.code(); code != 0 {
		t.Errorf("code %d", code)
	}
	if out, err := exec.Command("podman", "volume", "inspect", "mine").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
