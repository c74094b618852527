package image

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/wrapix/wrapix/sandbox"
)

// aptSources returns where the host gets Debian's packages from, as lines of a sources.list: its mirror, its proxy's
// address or its offline copy work for the image as they do for the host. Suites of other people are left out.
func aptSources(ctx context.Context, suite string) ([]string, error) {
	out, err := exec.CommandContext(ctx, "apt-get", "indextargets",
		"--format", "$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)", "Created-By: Packages").Output()
	if err != nil {
		return nil, &sandbox.Error{
			Op:   "bootstrap an image",
			Err:  fmt.Errorf("ask apt for the host's package sources: %w", err),
			Hint: "bootstrapping needs a Debian host: anywhere else, give ralph a container registry",
		}
	}
	lines := debianSources(string(out), suite)
	if len(lines) == 0 {
		return nil, &sandbox.Error{
			Op:   "bootstrap an image",
			Err:  fmt.Errorf("this host has no package source for Debian %s", suite),
			Hint: "give ralph a container registry, or name an image in the section [sandbox] of wrapix.toml",
		}
	}
	return lines, nil
}

// debianSources picks Debian's own lines for the suite from apt's list of index files.
func debianSources(targets, suite string) []string {
	wanted := []string{suite, suite + "-updates", suite + "-security"}
	var lines []string
	for target := range strings.Lines(targets) {
		f := strings.Fields(target)
		if len(f) < 3 || !slices.Contains(wanted, f[1]) {
			continue
		}
		// Before the first `apt-get update` apt cannot tell whose they are, and leaves the field as it was.
		if len(f) > 3 && !strings.HasPrefix(f[3], "$(") && f[3] != "Debian" {
			continue
		}
		if line := fmt.Sprintf("deb %s %s %s", f[0], f[1], f[2]); !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return lines
}
