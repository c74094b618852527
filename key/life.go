package key

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/internal/filesystem"
	"github.com/wrapix/wrapix/key/remote"
)

// Create makes the key of a repository, pinned to the server with this host key. The error is [ErrExists] where there is
// one.
func (s *Store) Create(r remote.Remote, host Public, now time.Time) (Key, error) {
	k := Key{Remote: r, Host: host, Dir: s.Folder(r)}
	err := s.locked(func() error {
		if _, err := os.Lstat(k.Dir); err == nil {
			return fmt.Errorf("%w for %s", ErrExists, r)
		}
		// Made beside its place, so that it is there whole or not at all.
		made, err := os.MkdirTemp(s.dir, ".new-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(made)
		if k.Current, err = makePair(made, 1, r, now); err != nil {
			return err
		}
		text, err := k.document()
		if err != nil {
			return err
		}
		if err := filesystem.Replace(filepath.Join(made, documentName), text); err != nil {
			return err
		}
		if err := os.Rename(made, k.Dir); err != nil {
			return err
		}
		return syncDir(s.dir)
	})
	if err != nil {
		return Key{}, fmt.Errorf("make a deploy key: %w", err)
	}
	return k, nil
}

// Renew makes the pair that is to take the present one's place, unless one waits already. Until [Store.Adopt] the
// present one stays in use.
func (s *Store) Renew(r remote.Remote, now time.Time) (Key, error) {
	k, err := s.change(r, func(k *Key) error {
		if k.Next != nil {
			return nil
		}
		next, err := makePair(k.Dir, k.Current.Number+1, k.Remote, now)
		k.Next = &next
		return err
	})
	if err != nil {
		return Key{}, fmt.Errorf("renew the deploy key: %w", err)
	}
	return k, nil
}

// Adopt takes the pair into use that [Store.Renew] made, and removes the one before it.
func (s *Store) Adopt(r remote.Remote) (Key, error) {
	k, err := s.change(r, func(k *Key) error {
		if k.Next == nil {
			return errors.New("no new key waits")
		}
		k.Current, k.Next = *k.Next, nil
		return nil
	})
	if err != nil {
		return Key{}, fmt.Errorf("take the new deploy key into use: %w", err)
	}
	return k, nil
}

// Remove removes the key of a repository for good. The server still knows it.
func (s *Store) Remove(r remote.Remote) error {
	dir := s.Folder(r)
	err := s.locked(func() error {
		if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w for %s", ErrNone, r)
		}
		gone, err := os.MkdirTemp(s.dir, ".gone-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(gone)
		if err := os.Rename(dir, filepath.Join(gone, "key")); err != nil {
			return err
		}
		return errors.Join(syncDir(s.dir), os.RemoveAll(gone))
	})
	if err != nil {
		return fmt.Errorf("remove the deploy key: %w", err)
	}
	return nil
}

// change replaces the document of a key. Pairs that are not in the document go, before it also those that a killed process
// did not come to take into use or to remove.
func (s *Store) change(r remote.Remote, change func(*Key) error) (k Key, err error) {
	err = s.locked(func() error {
		if k, err = s.Find(r); err != nil {
			return err
		}
		if err := k.removeOthers(); err != nil {
			return err
		}
		if err := change(&k); err != nil {
			return err
		}
		text, err := k.document()
		if err != nil {
			return err
		}
		if err := filesystem.Replace(filepath.Join(k.Dir, documentName), text); err != nil {
			return err
		}
		return k.removeOthers()
	})
	return k, err
}

// removeOthers removes the pairs that are neither in use nor wait to be.
func (k Key) removeOthers() error {
	entries, err := os.ReadDir(k.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		number, err := strconv.Atoi(e.Name())
		if err != nil || number == k.Current.Number || k.Next != nil && number == k.Next.Number {
			continue
		}
		if err := os.RemoveAll(filepath.Join(k.Dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// locked makes the folder where it is missing, and works in it alone. What a killed process left is removed.
func (s *Store) locked(work func() error) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	for dir := s.dir; dir != filepath.Dir(s.home); dir = filepath.Dir(dir) { // a key on the disk can also be found there
		if err := syncDir(dir); err != nil {
			return err
		}
	}
	if err := os.Chmod(s.dir, 0o700); err != nil { // one that was there may be open to others
		return err
	}
	d, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := unix.Flock(int(d.Fd()), unix.LOCK_EX); err != nil {
		return err
	}
	for _, pattern := range []string{".new-*", ".gone-*"} {
		left, _ := filepath.Glob(filepath.Join(s.dir, pattern)) // the pattern is right
		for _, dir := range left {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
		}
	}
	return work()
}

// makePair makes a pair in its folder.
func makePair(dir string, number int, r remote.Remote, now time.Time) (Pair, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Pair{}, err
	}
	public, err := ssh.NewPublicKey(private.Public())
	if err != nil {
		return Pair{}, err
	}
	block, err := ssh.MarshalPrivateKey(private, Title(r))
	if err != nil {
		return Pair{}, err
	}
	p := Pair{Number: number, Created: now.UTC().Truncate(time.Second), Public: public}
	folder := filepath.Join(dir, strconv.Itoa(number))
	if err := os.Mkdir(folder, 0o700); err != nil {
		return Pair{}, err
	}
	if err := filesystem.Replace(filepath.Join(folder, privateName), pem.EncodeToMemory(block)); err != nil {
		return Pair{}, err
	}
	if err := filesystem.Replace(filepath.Join(folder, publicName), []byte(p.Line(r)+"\n")); err != nil {
		return Pair{}, err
	}
	return p, syncDir(dir)
}

// Signer reads the private half of a pair.
func (k Key) Signer(p Pair) (ssh.Signer, error) {
	path := filepath.Join(k.Folder(p), privateName)
	text, err := readSmall(path)
	if err != nil {
		return nil, fmt.Errorf("read the deploy key of %s: %w", k.Remote, err)
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err == nil && string(signer.PublicKey().Marshal()) != string(p.Public.Marshal()) {
		err = errors.New("its two halves do not belong together")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, path, err)
	}
	return signer, nil
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
