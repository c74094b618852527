// Package store keeps workflows in one bbolt file: the event log of each and its projection, which always change
// together in one durable transaction.
//
// It promises:
//   - what [Store.Append] accepted is on the disk when it returns, and is there whole or not at all whatever happens
//     to the process or the machine;
//   - one process writes at a time, and a second one is told who does ([ErrHeld]);
//   - a damaged, foreign or newer file is reported and never written to ([ErrDamaged], [ErrNewer]). bbolt trusts its
//     pages and would panic, loop or read other memory, so the whole structure is checked before bbolt sees it, and
//     each record carries a checksum.
//
// What an event means is the engine's business. A store is used like this:
//
//	s, err := store.Open(filepath.Join(state, store.File), store.Options{Command: "ralph loop"})
//	if err != nil {
//		return err
//	}
//	defer s.Close()
//	w, err := s.Load(ctx, id)
package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/engine"
)

// File is the name of a project's database in its state folder.
const File = "ralph.db"

// Errors that callers decide on; compare with errors.Is.
var (
	// ErrHeld says that another process has the store open. [HeldError] says which.
	ErrHeld = errors.New("held by another process")
	// ErrDamaged says that the file is not, or no longer, what this package wrote. [DamageError] says where.
	ErrDamaged = errors.New("damaged")
	// ErrNewer says that a newer program wrote the file.
	ErrNewer = errors.New("written by a newer version")
)

// Options say how to open a store. The zero value opens for writing.
type Options struct {
	// ReadOnly lets any number of readers share the store; none of them while somebody writes.
	ReadOnly bool
	// Wait is how long to try while another process holds the store: a second when zero, not at all when negative.
	Wait time.Duration
	// Command is what others are told that the holder runs. The name of the program when empty.
	Command string
	// Clock says when the store was created and is held since. The system's when nil.
	Clock engine.Clock
	// Migrated is told that the file was brought from one schema to another, and where the copy from before lies. It may
	// be nil.
	Migrated func(from, to int, copied string)
}

func (o Options) withDefaults() Options {
	if o.Wait == 0 {
		o.Wait = time.Second
	}
	if o.Command == "" {
		o.Command = filepath.Base(os.Args[0])
	}
	if o.Clock == nil {
		o.Clock = systemClock{}
	}
	return o
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

// Store is an open database. Its methods may be called from several goroutines.
type Store struct {
	path   string
	id     string
	db     *bolt.DB
	file   *os.File // the one that db uses; its lock is the store's
	holder *os.File // nil for a reader
	broken atomic.Pointer[DamageError]
	closed atomic.Bool

	checking  sync.Mutex
	unchecked []byte // the bucket that was not looked into yet, or nil
}

var _ engine.Store = (*Store)(nil)

// Open opens the store at path. For writing it creates the file and its folder where they are missing; a reader gets
// an error that is fs.ErrNotExist. A file of an older schema is copied and then migrated.
func Open(path string, opts Options) (*Store, error) {
	return open(path, opts.withDefaults(), migrations)
}

func open(path string, opts Options, steps []migration) (*Store, error) {
	s, err := openFile(path, opts, steps)
	if errors.Is(err, errOlder) && opts.ReadOnly {
		writer := opts
		writer.ReadOnly = false
		if s, err = openFile(path, writer, steps); err != nil {
			return nil, err
		}
		if err = s.Close(); err != nil {
			return nil, err
		}
		s, err = openFile(path, opts, steps)
	}
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	return s, nil
}

// openFile locks, checks and opens the file. The lock comes first: the check must not see another's half-done write.
func openFile(path string, opts Options, steps []migration) (_ *Store, err error) {
	file, err := openLocked(path, opts)
	if err != nil {
		return nil, err
	}
	s := &Store{path: path, file: file}
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	if !opts.ReadOnly {
		if s.holder, err = announce(path, opts); err != nil {
			return nil, err
		}
	}
	if opts.ReadOnly {
		// Most commands never look at the events, which are most of the file: they are checked when they are asked for.
		s.unchecked = eventBucket
	}
	if err := checkFile(path, file, s.unchecked); err != nil {
		return nil, err
	}
	err = s.guard(func() error {
		s.db, err = bolt.Open(path, 0o600, boltOptions(file, opts.ReadOnly))
		return err
	})
	switch {
	case errors.Is(err, berrors.ErrInvalid) || errors.Is(err, berrors.ErrChecksum) || errors.Is(err, berrors.ErrVersionMismatch):
		return nil, s.damaged("%v", err)
	case err != nil:
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if err := s.migrate(steps, opts); err != nil {
		return nil, err
	}
	return s, nil
}

// checkAll checks what was left out on opening.
func (s *Store) checkAll() error {
	s.checking.Lock()
	defer s.checking.Unlock()
	if s.unchecked == nil {
		return nil
	}
	err := checkFile(s.path, s.file, nil)
	if err == nil {
		s.unchecked = nil
	}
	return err
}

// boltOptions hands bbolt the file that is locked and checked already. Without a synced free list bbolt writes nothing
// on opening, so a file that is refused later stays as it was.
func boltOptions(file *os.File, readOnly bool) *bolt.Options {
	return &bolt.Options{
		ReadOnly: readOnly, NoFreelistSync: true, FreelistType: bolt.FreelistMapType, NoStatistics: true,
		Timeout:  time.Millisecond,
		OpenFile: func(string, int, os.FileMode) (*os.File, error) { return file, nil },
	}
}

// ID returns the random name that the store got when it was created.
func (s *Store) ID() string { return s.id }

// Close gives the store free for others. It may be called again.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	retract(s.holder)
	if s.db == nil || s.broken.Load() != nil {
		// A transaction that ended in a panic may have left bbolt's own locks taken, so it is not asked. Its map of the
		// file stays, and with it the file's lock if that is not given back by itself.
		return errors.Join(flock(s.file, unix.LOCK_UN), s.file.Close())
	}
	return s.db.Close()
}
