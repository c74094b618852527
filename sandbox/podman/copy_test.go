package podman

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/sandboxtest"
)

// Where the kernel has no overlay for users, the same promises hold with copies.
func TestConformanceWithoutOverlay(t *testing.T) {
	e := connect(t)
	sandboxtest.Run(t, sandboxtest.Options{
		Open: func(t *testing.T) sandbox.Runtime {
			e := open(t)
			e.host.overlay = false
			return e
		},
		Image: testImage(t, e),
		Only:  []string{"Workspace", "Life"},
	})
	if left, err := os.ReadDir(filepath.Dir(e.copyPath("x"))); err == nil && len(left) > 0 {
		t.Errorf("copies are left: %v", left)
	}
}

func TestCopyTree(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "deep", "to")
	old := time.Unix(1_000_000_000, 123_000_000)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(from+"/a/closed", 0o755))
	must(os.WriteFile(from+"/a/closed/x", []byte("x"), 0o400))
	must(os.WriteFile(from+"/run", []byte("#!"), 0o755))
	must(os.Symlink("/etc/passwd", from+"/link"))
	must(os.Symlink("nowhere", from+"/a/dangling"))
	must(os.Chtimes(from+"/run", old, old))
	must(os.Chmod(from+"/a/closed", 0o500))
	t.Cleanup(func() { os.Chmod(from+"/a/closed", 0o700) })
	must(copyTree(t.Context(), from, to))
	if fi, err := os.Stat(to + "/run"); err != nil || fi.Mode() != 0o755 || !fi.ModTime().Equal(old) {
		t.Errorf("run: %v %v", fi, err)
	}
	if fi, err := os.Stat(to + "/a/closed"); err != nil || fi.Mode().Perm() != 0o500 {
		t.Errorf("closed: %v %v", fi, err)
	}
	if b, err := os.ReadFile(to + "/a/closed/x"); err != nil || string(b) != "x" {
		t.Errorf("x: %q %v", b, err)
	}
	if link, err := os.Readlink(to + "/link"); err != nil || link != "/etc/passwd" {
		t.Errorf("link: %q %v", link, err)
	}
	if err := copyTree(t.Context(), from, to); err == nil {
		t.Error("copied over an earlier copy")
	}
	must(removeTree(to))
	if _, err := os.Lstat(to); err == nil {
		t.Error("the copy is still there")
	}
}
