package key

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/wrapix/wrapix/key/keytest"
)

// However many make a key of one repository at once, there is one, and everybody else is told so.
func TestCreateAtOnce(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	host := signerOf(t, 1).PublicKey()
	var all sync.WaitGroup
	results := make(chan error, 8)
	for i := range cap(results) {
		all.Go(func() {
			keys, err := Open("")
			if err == nil {
				_, err = keys.Create(repository(t, []string{"git@h:o/n.git", "ssh://git@h/o/n"}[i%2]), host, time.Now())
			}
			results <- err
		})
	}
	all.Wait()
	close(results)
	made := 0
	for err := range results {
		switch {
		case err == nil:
			made++
		case !errors.Is(err, ErrExists):
			t.Error(err)
		}
	}
	if made != 1 {
		t.Errorf("%d were made", made)
	}
	keys, _ := Open("")
	list, err := keys.List()
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	if _, err := list[0].Signer(list[0].Current); err != nil {
		t.Error(err)
	}
}

// What a killed process leaves is no key, is not taken for one, and goes with the next change.
func TestLeftovers(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	keys, err := Open("")
	if err != nil {
		t.Fatal(err)
	}
	r := repository(t, "git@h:o/n.git")
	k, err := keys.Create(r, signerOf(t, 1).PublicKey(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{".new-1", ".gone-2/key", filepath.Base(k.Dir) + "/2"} { // the last: a pair that no document names
		if err := os.MkdirAll(filepath.Join(keys.Dir(), dir), 0o700); err != nil {
			t.Fatal(err)
		}
		keytest.Write(t, filepath.Join(keys.Dir(), dir, privateName), "half", 0o600)
	}
	if list, err := keys.List(); err != nil || len(list) != 1 || list[0].Next != nil {
		t.Fatalf("%+v, %v", list, err)
	}
	renewed, err := keys.Renew(r, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := renewed.Signer(*renewed.Next); err != nil {
		t.Error(err)
	}
	// As after a kill between the two halves of Adopt: the document is written, and the old pair still there.
	old := filepath.Join(k.Dir, "0")
	if err := os.MkdirAll(old, 0o700); err != nil {
		t.Fatal(err)
	}
	if renewed, err = keys.Renew(r, time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a pair that was taken out of use is still there: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(keys.Dir(), ".*-*")); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	// The halves must belong together, and the file must be a file.
	path := filepath.Join(k.Folder(k.Current), privateName)
	other, err := os.ReadFile(filepath.Join(k.Folder(*renewed.Next), privateName))
	if err != nil {
		t.Fatal(err)
	}
	keytest.Write(t, path, string(other), 0o600)
	if _, err := k.Signer(k.Current); !errors.Is(err, ErrDamaged) {
		t.Errorf("another key's half: %v", err)
	}
	if err := errors.Join(os.Remove(path), os.Symlink(filepath.Join(k.Folder(*renewed.Next), privateName), path)); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Signer(k.Current); err == nil {
		t.Error("a link was followed")
	}
}

// The fingerprint that is built in is that of the key which github.com publishes.
func TestPublished(t *testing.T) {
	github, err := parsePublic("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl")
	if err != nil {
		t.Fatal(err)
	}
	if !Published("github.com", github) {
		t.Errorf("%s is not the one", ssh.FingerprintSHA256(github))
	}
	if Published("example.org", github) || Published("github.com", signerOf(t, 1).PublicKey()) {
		t.Error("something else is taken for published")
	}
}
