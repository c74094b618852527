package image

import (
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/profile"
)

// npm is in PATH as a script: what is asked of the real one the tests of whole commands do.
func fakeNPM(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "npm"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
}

func program(content string) profile.Program {
	sum := sha512.Sum512([]byte(content))
	return profile.Program{Name: "tool", Version: "1.2.3", Source: "@of/tool@VERSION", Integrity: "sha512-" + base64.StdEncoding.EncodeToString(sum[:]), Path: "package/tool"}
}

func TestFetch(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "programs")
	fakeNPM(t, `case "$*" in *" -- @of/tool@1.2.3") ;; *) echo "asked: $*" >&2; exit 1;; esac; echo run >>`+filepath.Dir(cache)+`/runs; printf good >tool.tgz`)
	for _, left := range []string{"fetch-1/x", "tool-1.0.0/package.tgz", "other-1/package.tgz"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(cache, left)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(cache, left), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		folder, err := fetch(t.Context(), program("good"), cache, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(folder, archiveName)); err != nil || string(got) != "good" {
			t.Errorf("%q, %v", got, err)
		}
	}
	if runs, _ := os.ReadFile(filepath.Join(filepath.Dir(cache), "runs")); string(runs) != "run\n" {
		t.Errorf("npm ran %q", runs)
	}
	if found, _ := filepath.Glob(filepath.Join(cache, "*")); len(found) != 2 {
		t.Errorf("in the cache: %q", found)
	}
	// A damaged one is fetched again.
	if err := os.WriteFile(filepath.Join(cache, "tool-1.2.3", archiveName), []byte("goo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := fetch(t.Context(), program("good"), cache, io.Discard); err != nil {
		t.Error(err)
	}
}

func TestFetchThatFails(t *testing.T) {
	var known *sandbox.Error
	for name, tt := range map[string]struct{ script, want string }{
		"another archive": {`printf bad >tool.tgz`, "is not the one that this version of wrapix knows"},
		"no registry":     {`echo "getaddrinfo ENOTFOUND" >&2; exit 1`, "getaddrinfo ENOTFOUND"},
		"nothing":         {`true`, "npm left 0 archives"},
	} {
		t.Run(name, func(t *testing.T) {
			cache := t.TempDir()
			fakeNPM(t, tt.script)
			_, err := fetch(t.Context(), program("good"), cache, io.Discard)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
			if found, _ := filepath.Glob(filepath.Join(cache, "*", "*")); len(found) > 0 {
				t.Errorf("left: %q", found)
			}
		})
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := fetch(t.Context(), program("good"), t.TempDir(), io.Discard); !errors.As(err, &known) || known.Hint != "sudo apt-get install npm" {
		t.Error(err)
	}
}

func TestPublished(t *testing.T) {
	fakeNPM(t, `echo '{"version":"1.3.0","dist.integrity":"sha512-x"}'`)
	if p, err := Published(t.Context(), program("good"), "latest"); err != nil || p.Version != "1.3.0" || p.Integrity != "sha512-x" || p.Package() != "@of/tool@1.3.0" {
		t.Errorf("%+v, %v", p, err)
	}
	fakeNPM(t, `echo '[{"version":"1.3.0"}]'`)
	if _, err := Published(t.Context(), program("good"), "^1"); err == nil {
		t.Error("a list is taken for a version")
	}
}
