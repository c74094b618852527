package podman

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestUnpack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	var e Engine
	if err := e.unpack(dir); err != nil {
		t.Fatal(err)
	}
	first, err := os.Stat(e.guest)
	if err != nil || first.Mode() != 0o555 || first.Size() < 1<<20 {
		t.Fatalf("%v %v", first, err)
	}
	old, other := filepath.Join(dir, "guest-old"), filepath.Join(dir, "guest-other")
	for _, path := range []string{old, other} {
		if err := os.WriteFile(path, nil, 0o555); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-2 * guestAge)
	if err := os.Chtimes(old, long, long); err != nil {
		t.Fatal(err)
	}
	// Twice the same changes nothing; one that is damaged is put right.
	if err := e.unpack(dir); err != nil {
		t.Fatal(err)
	}
	if again, err := os.Stat(e.guest); err != nil || !os.SameFile(first, again) {
		t.Errorf("written again: %v", err)
	}
	if err := os.Chmod(e.guest, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(e.guest, 10); err != nil {
		t.Fatal(err)
	}
	if err := e.unpack(dir); err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(e.guest); err != nil || fi.Size() != first.Size() {
		t.Errorf("a damaged guest stays: %v", err)
	}
	// A new version takes the very old ones away.
	os.Remove(e.guest)
	if err := e.unpack(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); err == nil {
		t.Error("a guest of long ago stays")
	}
	if _, err := os.Stat(other); err != nil {
		t.Error("a guest of late is gone")
	}
}
