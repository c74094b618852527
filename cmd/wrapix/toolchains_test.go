//go:build soak

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// From a project to its tests in the sandbox with one line of wrapix.toml. The images are made of what Debian has where the
// makers of a toolchain are out of reach. It makes four images, which is for the long runs.
func TestToolchains(t *testing.T) {
	for _, tt := range []struct {
		profile string
		command []string
		want    string // in what it prints
		again   string // in what it prints when it runs again, for what the cache has
	}{
		{"rust", []string{"cargo", "test"}, "test tests::greets ... ok", ""},
		{"python", []string{"pytest"}, "1 passed", ""},
		{"go", []string{"go", "test", "./..."}, "ok  \texample.org/greet", "(cached)"},
		{"nix", []string{"sh", "-c", "ls /nix/store | grep greeting$; nix build --impure --option substitute false path:.#default && cat result"}, "hello, you\n", "-greeting\n"},
	} {
		t.Run(tt.profile, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), tt.profile)
			project, err := txtar.ParseFile(filepath.Join("testdata", "toolchains", tt.profile+".txtar"))
			if err != nil {
				t.Fatal(err)
			}
			if err := txtar.Write(project, dir); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(filepath.Join(dir, "wrapix.toml"))
			if err != nil || strings.Count(string(text), "\n") != 1 {
				t.Fatalf("wrapix.toml is more than one line: %q, %v", text, err)
			}
			for _, want := range []string{tt.want, tt.again} {
				cmd := exec.Command("wrapix", append([]string{"--"}, tt.command...)...)
				cmd.Dir = dir
				out, err := cmd.CombinedOutput()
				if err != nil || !strings.Contains(string(out), tt.want) || !strings.Contains(string(out), want) {
					t.Fatalf("%v, and %q was expected of\n%s", err, want, out)
				}
				for line := range strings.Lines(string(out)) {
					if strings.Contains(line, "left out") {
						t.Log(strings.TrimSpace(line))
					}
				}
			}
		})
	}
}
