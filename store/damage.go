package store

import (
	"fmt"
	"runtime/debug"

	bolt "go.etcd.io/bbolt"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/failpoint"
)

// DamageError says what is wrong with a file. It is [ErrDamaged].
type DamageError struct {
	Path   string
	Detail string
}

// Error names the file and what was found in it.
func (e *DamageError) Error() string { return fmt.Sprintf("%s is damaged: %s", e.Path, e.Detail) }

// Is makes a DamageError an ErrDamaged.
func (e *DamageError) Is(target error) bool { return target == ErrDamaged }

func (e *DamageError) hint() error {
	return &engine.Hint{Err: e, Try: fmt.Sprintf("put back a copy of the file, or start anew: mv %s %s.damaged", e.Path, e.Path)}
}

func damaged(path, format string, args ...any) error {
	return (&DamageError{Path: path, Detail: fmt.Sprintf(format, args...)}).hint()
}

func (s *Store) damaged(format string, args ...any) error {
	return damaged(s.path, format, args...)
}

// guard turns what bbolt does when the file changes under it, a panic or a memory fault, into an error. From then on
// the store answers with that error only, because bbolt's locks are in no known state.
func (s *Store) guard(f func() error) (err error) {
	if e := s.broken.Load(); e != nil {
		return e.hint()
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			e := &DamageError{Path: s.path, Detail: fmt.Sprint(p)}
			s.broken.Store(e)
			err = e.hint()
		}
	}()
	return f()
}

func (s *Store) view(f func(*bolt.Tx) error) error {
	return s.guard(func() error { return s.db.View(f) })
}

// update makes a durable transaction of f. What bbolt does between the two failpoints, write pages, sync, write the meta
// page and sync again, is killed at each of these in TestKilledAtEveryWrite.
func (s *Store) update(f func(*bolt.Tx) error) error {
	err := s.guard(func() error {
		return s.db.Update(func(tx *bolt.Tx) error {
			err := f(tx)
			failpoint.Here("storing")
			return err
		})
	})
	if err == nil {
		failpoint.Here("stored")
	}
	return err
}
