package podman

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/guestbin"
)

// hostsFile is the /etc/hosts of every sandbox. Podman's own would name the host.
const hostsFile = "127.0.0.1 localhost sandbox\n::1 localhost sandbox\n"

// unpack puts the guest and the hosts file where containers can mount them. The guest's name contains its hash: several
// versions of us can run at once, and a container of an older one goes on.
func (e *Engine) unpack(dir string) error {
	guest, err := guestbin.Bytes()
	if errors.Is(err, guestbin.ErrNotBuilt) {
		return &sandbox.Error{Op: "find the guest program", Err: err, Hint: "make build"}
	}
	if err != nil {
		return err
	}
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return &sandbox.Error{Op: "find the cache folder", Err: err}
		}
		dir = filepath.Join(cache, "wrapix")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return &sandbox.Error{Op: "make the cache folder", Err: err}
	}
	hash := sha256.Sum256(guest)
	e.guest = filepath.Join(dir, fmt.Sprintf("guest-%x", hash[:8]))
	e.hosts = filepath.Join(dir, "hosts")
	if _, err := os.Lstat(e.guest); err != nil {
		dropOldGuests(dir) // only when a new version comes
	}
	if err := ensureFile(e.guest, guest, 0o555); err != nil {
		return &sandbox.Error{Op: "unpack the guest program", Err: err}
	}
	if err := ensureFile(e.hosts, []byte(hostsFile), 0o444); err != nil {
		return &sandbox.Error{Op: "write the hosts file of the sandboxes", Err: err}
	}
	return nil
}

// guestAge is how long the guest of another version stays: longer than anybody leaves a container unstarted. Those that
// run do not need the file's name any more.
const guestAge = 30 * 24 * time.Hour

func dropOldGuests(dir string) {
	old, err := filepath.Glob(filepath.Join(dir, "guest-*"))
	if err != nil {
		return
	}
	for _, path := range old {
		if fi, err := os.Lstat(path); err == nil && time.Since(fi.ModTime()) > guestAge {
			os.Remove(path)
		}
	}
}

// ensureFile makes path have the content, in one step that others see whole.
func ensureFile(path string, content []byte, mode os.FileMode) error {
	if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, content) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(mode), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
