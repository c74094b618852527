package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	bolt "go.etcd.io/bbolt"

	"github.com/wrapix/wrapix/engine"
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
func (s *Store) migrate(steps []migration, readOnly bool) error {
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
	case readOnly:
		return errOlder
	}
	if err := s.backUp(schema); err != nil {
		return fmt.Errorf("copy %s before its migration: %w", s.path, err)
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

// backUp copies the file to FILE.schema-N. The name appears when the copy is whole; one from an earlier try that did
// not end is replaced.
func (s *Store) backUp(schema int) error {
	copied, err := os.CreateTemp(filepath.Dir(s.path), "."+filepath.Base(s.path)+".copy-*")
	if err != nil {
		return err
	}
	defer os.Remove(copied.Name())
	_, err = io.Copy(copied, io.NewSectionReader(s.file, 0, 1<<62))
	if err == nil {
		err = copied.Sync()
	}
	if closeErr := copied.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(copied.Name(), fmt.Sprintf("%s.schema-%d", s.path, schema))
	}
	if err != nil {
		return err
	}
	return syncFolder(filepath.Dir(s.path))
}
