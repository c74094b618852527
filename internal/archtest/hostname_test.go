package archtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNothingIsKeyedByTheHostname holds that only the control socket, which tells people where a loop runs, asks for the
// host's name: it changes between runs, and what was named by it would not be found again.
func TestNothingIsKeyedByTheHostname(t *testing.T) {
	allowed := filepath.Join("control", "server.go")
	seen := false
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		// Not shipped: it looks whether the name leaks. And what lists the places that nothing is mounted at.
		if strings.HasPrefix(rel, filepath.Join("sandbox", "sandboxtest")) || rel == filepath.Join("sandbox", "mounts", "dest.go") {
			return err
		}
		for _, asks := range []string{"os.Hostname", ".Nodename", `"/etc/hostname"`, `"/proc/sys/kernel/hostname"`, `"hostname"`} {
			if strings.Contains(string(text), asks) {
				seen = seen || rel == allowed
				if rel != allowed {
					t.Errorf("%s asks for the host's name (%s)", rel, asks)
				}
			}
		}
		return err
	})
	if err != nil || !seen {
		t.Errorf("%v; the control socket was seen: %v", err, seen)
	}
}
