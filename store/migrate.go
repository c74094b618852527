package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/failpoint"
)

// migration brings a database from one schema to the next.
type migration struct {
	what string // for errors: "split the headers"
	run  func(*bolt.Tx) error
}

// migrations are all steps since schema 1, in order: the first leads to schema 2. A step is never changed after a
// release, and works on raw records, because the types of the engine go on changing.
var migrations []migration

// errOlder says that a reader found a file that must be migrated first.
var errOlder = errors.New("written by an older version")

// migrate brings the database to the newest schema and learns its id. Before it changes anything it puts a copy of the
// file beside it.
func (s *Store) migrate(steps []migration, opts Options) (err error) {
	newest := len(steps) + 1
	schema, err := s.readMeta()
	switch {
	case err != nil:
		return err
	case schema > newest:
		return &engine.Hint{
			Err: fmt.Errorf("%s has schema %d, and this program knows schema %d: %w", s.path, schema, newest, ErrNewer),
			Try: "use the version of ralph that wrote it, or a newer one",
		}
	case schema == newest:
		return nil
	case opts.ReadOnly:
		return errOlder
	}
	copied, err := s.backUp(schema, opts.Clock.Now())
	if err != nil {
		return fmt.Errorf("copy %s before its migration: %w", s.path, err)
	}
	if opts.Migrated != nil {
		defer func() {
			if err == nil {
				opts.Migrated(schema, newest, copied)
			}
		}()
	}
	return s.update(func(tx *bolt.Tx) error {
		for i, step := range steps[schema-1:] {
			if err := step.run(tx); err != nil {
				return fmt.Errorf("migrate %s to schema %d (%s): %w", s.path, schema+i+1, step.what, err)
			}
		}
		return tx.Bucket(metaBucket).Put(schemaKey, seal(schemaKey, []byte(strconv.Itoa(newest))))
	})
}

func (s *Store) readMeta() (schema int, err error) {
	err = s.view(func(tx *bolt.Tx) error {
		meta := tx.Bucket(metaBucket)
		if meta == nil {
			return s.damaged("it is a database, but not one of ralph")
		}
		text, err := s.unseal(metaBucket, schemaKey, meta.Get(schemaKey))
		if err != nil {
			return err
		}
		if schema, err = strconv.Atoi(string(text)); err != nil || schema < 1 {
			return s.damaged("its schema is %q", text)
		}
		id, err := s.unseal(metaBucket, idKey, meta.Get(idKey))
		s.id = string(id)
		if err != nil || schema != 1 {
			return err
		}
		for _, name := range buckets {
			if tx.Bucket(name) == nil {
				return s.damaged("it has no bucket %s", name)
			}
		}
		return nil
	})
	return schema, err
}

// backUp copies the file to FILE.schema-N.DATE and returns that name. The name appears when the copy is whole. Where an
// earlier try has made it already, that one is kept: a migration that did not end has changed nothing.
func (s *Store) backUp(schema int, now time.Time) (string, error) {
	base := fmt.Sprintf("%s.schema-%d", s.path, schema)
	found, err := filepath.Glob(base + ".*")
	if err != nil {
		return "", err
	}
	for _, name := range found {
		if same, err := sameContent(s.file, name); same || err != nil {
			return name, err
		}
	}
	name := base + now.UTC().Format(".20060102T150405Z")
	copied, err := os.CreateTemp(filepath.Dir(s.path), "."+filepath.Base(s.path)+".copy-*")
	if err != nil {
		return "", err
	}
	defer os.Remove(copied.Name()) // gone already when all went well
	_, err = io.Copy(copied, io.NewSectionReader(s.file, 0, 1<<62))
	if err == nil {
		err = copied.Sync()
	}
	if closeErr := copied.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		failpoint.Here("copy-written")
		err = os.Rename(copied.Name(), name)
	}
	if err != nil {
		return "", err
	}
	failpoint.Here("copy-named")
	return name, syncFolder(filepath.Dir(s.path))
}

// sameContent compares an open file with a named one.
func sameContent(file *os.File, name string) (bool, error) {
	other, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer other.Close()
	sums := [2]hash.Hash{sha256.New(), sha256.New()}
	if _, err := io.Copy(sums[0], io.NewSectionReader(file, 0, 1<<62)); err != nil {
		return false, err
	}
	if _, err := io.Copy(sums[1], other); err != nil {
		return false, err
	}
	return bytes.Equal(sums[0].Sum(nil), sums[1].Sum(nil)), nil
}
