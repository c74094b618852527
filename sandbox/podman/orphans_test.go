package podman

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A monitor of which Podman does not know: the container is in a storage of its own, which the engine does not look at.
func TestOrphansAreEnded(t *testing.T) {
	e := ownService(t)
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree")
	if err := os.MkdirAll(filepath.Join(tree, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Skip("needs busybox-static: ", err)
	}
	if err := os.WriteFile(filepath.Join(tree, "bin", "busybox"), busybox, 0o755); err != nil {
		t.Fatal(err)
	}
	prefix := fmt.Sprintf("wrapix-test-orphan-%d-", os.Getpid())
	elsewhere := []string{"--root", filepath.Join(dir, "root"), "--runroot", filepath.Join(dir, "run")}
	if e.host.ociRuntime != "" {
		elsewhere = append(elsewhere, "--runtime", e.host.ociRuntime)
	}
	podman := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("podman", append(elsewhere, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("podman %q: %v\n%s", args, err, out)
		}
	}
	defer func() {
		_ = exec.Command("podman", "unshare", "rm", "-rf", filepath.Join(dir, "root"), filepath.Join(dir, "run")).Run()
	}()
	podman("create", "--name", prefix+"1", "--network=none", "--rootfs", tree, "/bin/busybox", "true")
	podman("init", prefix+"1") // it has its first process, which waits
	found := monitors(prefix)
	if len(found) != 1 || len(children(found[prefix+"1"])) != 1 {
		t.Fatalf("monitors: %v", found)
	}
	if err := e.EndOrphans(t.Context(), prefix+"2"); err != nil || len(monitors(prefix)) != 1 {
		t.Errorf("of another name: %v, %v", monitors(prefix), err)
	}
	first := children(found[prefix+"1"])[0]
	if err := e.EndOrphans(t.Context(), prefix); err != nil {
		t.Fatal(err)
	}
	if left := monitors(prefix); len(left) > 0 {
		t.Errorf("monitors: %v", left)
	}
	if text, err := os.ReadFile(filepath.Join("/proc", first, "cmdline")); err == nil && len(text) > 0 {
		t.Errorf("the first process is left: %q", text)
	}
}
