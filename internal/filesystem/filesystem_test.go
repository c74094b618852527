package filesystem

import (
	"os"
	"path/filepath"
	"testing"
)

func TestOf(t *testing.T) {
	dir := t.TempDir()
	here, err := Of(dir)
	if err != nil || here.Size == 0 || here.Free > here.Size || !filepath.IsAbs(here.Mount) || here.Device == "" {
		t.Fatalf("%+v, %v", here, err)
	}
	if err := os.Symlink(dir, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"not/there/yet", "link", "link/not/there"} {
		if there, err := Of(filepath.Join(dir, name)); err != nil || there.Mount != here.Mount {
			t.Errorf("%s: %+v, %v", name, there, err)
		}
	}
	if dev, err := Of("/dev/null"); err == nil && dev.Mount == here.Mount && here.Mount != "/" {
		t.Errorf("/dev/null is on %v", dev)
	}
}

func TestTakes(t *testing.T) {
	dir := t.TempDir()
	if err := Takes(dir, 1<<16); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if Takes(filepath.Join(dir, "missing"), 1) == nil {
		t.Error("a folder that does not exist takes something")
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_951: "1.0 MB", 4_200_000: "4.2 MB", 1<<64 - 1: "18.4 EB"} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) is %q, not %q", n, got, want)
		}
	}
	if got := (Info{Free: 10, Files: 1000, FreeFiles: 3}).Room(); got != "10 B free, room for 3 files" {
		t.Error(got)
	}
}
