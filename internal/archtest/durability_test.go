package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	namedTest   = regexp.MustCompile("`([a-z]+(?:/[a-z]+)*)\\.(Test[A-Za-z0-9]+)(?:/[^`]*)?`")
	namedScript = regexp.MustCompile("`([a-z_-]+\\.txtar)`")
)

// TestDurabilityNamesTests wants every test that docs/durability.md names to exist: a promise without one is a claim.
func TestDurabilityNamesTests(t *testing.T) {
	text := read(t, filepath.Join("docs", "durability.md"))
	tests := namedTest.FindAllStringSubmatch(text, -1)
	scripts := namedScript.FindAllStringSubmatch(text, -1)
	if len(tests) < 30 || len(scripts) < 4 {
		t.Errorf("docs/durability.md names only %d tests and %d scripts", len(tests), len(scripts))
	}
	for _, name := range tests {
		files, err := filepath.Glob(filepath.Join(root, name[1], "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, file := range files {
			code, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found = found || strings.Contains(string(code), "func "+name[2]+"(t *testing.T)")
		}
		if !found {
			t.Errorf("docs/durability.md names %s.%s, which does not exist", name[1], name[2])
		}
	}
	for _, name := range scripts {
		if _, err := os.Stat(filepath.Join(root, "cmd", "ralph", "testdata", "script", name[1])); err != nil {
			t.Errorf("docs/durability.md: %v", err)
		}
	}
	for section := range strings.SplitSeq(text, "\n## ") {
		title, body, _ := strings.Cut(section, "\n")
		if title == "Torture" || title == "The power cut" || title == "What is not promised" || strings.HasPrefix(title, "# ") {
			continue
		}
		if !namedTest.MatchString(body) {
			t.Errorf("docs/durability.md: no test shows %q", title)
		}
	}
}
