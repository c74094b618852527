package store

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/wrapix/wrapix/internal/failpoint"
)

// create makes a database at path, unless another process does so first. It appears there whole or not at all.
func create(path string, opts Options) error {
	fresh, err := prepare(path, opts)
	if err != nil {
		return fmt.Errorf("create %s: %w", path, err)
	}
	defer os.Remove(fresh)
	failpoint.Here("create-written")
	if err := os.Link(fresh, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("create %s: %w", path, err)
	}
	failpoint.Here("create-named")
	return syncFolder(filepath.Dir(path))
}

// replace puts a new database in the place of the file at path. The caller has its lock.
func replace(path string, opts Options) error {
	fresh, err := prepare(path, opts)
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		return fmt.Errorf("create %s: %w", path, err)
	}
	return syncFolder(filepath.Dir(path))
}

// prepare writes a new database under another name in the same folder, synced.
func prepare(path string, opts Options) (name string, err error) {
	folder := filepath.Dir(path)
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return "", err
		}
		if err := syncFolder(filepath.Dir(folder)); err != nil {
			return "", err
		}
	}
	file, err := os.CreateTemp(folder, "."+filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	db, err := bolt.Open(file.Name(), 0o600, boltOptions(file, false))
	if err != nil {
		_ = file.Close()
		return "", err
	}
	err = db.Update(func(tx *bolt.Tx) error { return layOut(tx, opts.Clock.Now()) })
	if closeErr := db.Close(); err == nil {
		err = closeErr
	}
	return file.Name(), err
}

// layOut makes the buckets of the present schema.
func layOut(tx *bolt.Tx, now time.Time) error {
	for _, name := range buckets {
		if _, err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	id := make([]byte, 6)
	_, _ = rand.Read(id) // never fails
	created, err := now.UTC().MarshalText()
	if err != nil {
		return err
	}
	meta := tx.Bucket(metaBucket)
	for _, r := range []struct{ key, value []byte }{
		{idKey, []byte(hex.EncodeToString(id))}, {createdKey, created}, {schemaKey, []byte(strconv.Itoa(len(migrations) + 1))},
	} {
		if err := meta.Put(r.key, seal(r.key, r.value)); err != nil {
			return err
		}
	}
	return nil
}

// syncFolder makes the names in a folder durable.
func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	err = f.Sync()
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
