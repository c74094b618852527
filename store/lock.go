package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/engine"
)

// HeldError says who holds a store. It is [ErrHeld].
type HeldError struct {
	Path string
	// PID is 0 where the holder cannot be told: it is only reading, or has just begun.
	PID     int
	Since   time.Time
	Command string
}

// Error names the holder.
func (e *HeldError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("%s is held by another process", e.Path)
	}
	return fmt.Sprintf("%s is held by %s (process %d) since %s", e.Path, e.Command, e.PID, e.Since.Local().Format(time.DateTime))
}

// Is makes a HeldError an ErrHeld.
func (e *HeldError) Is(target error) bool { return target == ErrHeld }

// lockInterval is how often a held lock is tried again: locks of files cannot be waited for with a limit.
const lockInterval = 20 * time.Millisecond

// openLocked opens the file and takes its lock: exclusive for a writer, shared for a reader. A writer makes the file
// first where there is none.
func openLocked(path string, opts Options) (*os.File, error) {
	deadline := time.Now().Add(opts.Wait)
	for {
		file, err := openOrCreate(path, opts)
		if err != nil {
			return nil, err
		}
		err = lock(file, opts.ReadOnly, deadline)
		if err == nil && current(file, path) {
			return replaceEmpty(file, path, opts)
		}
		if closeErr := file.Close(); err == nil {
			err = closeErr
		}
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, held(path)
		}
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
	}
}

func openOrCreate(path string, opts Options) (*os.File, error) {
	flag := os.O_RDWR
	if opts.ReadOnly {
		flag = os.O_RDONLY
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) && !opts.ReadOnly {
		if err := create(path, opts); err != nil {
			return nil, err
		}
	} else if err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	return os.OpenFile(path, flag, 0)
}

// lock tries until the deadline; then the error is EWOULDBLOCK.
func lock(file *os.File, shared bool, deadline time.Time) error {
	how := unix.LOCK_EX
	if shared {
		how = unix.LOCK_SH
	}
	for {
		err := flock(file, how|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) || time.Now().After(deadline) {
			return err
		}
		<-time.After(lockInterval)
	}
}

func flock(file *os.File, how int) error {
	for {
		if err := unix.Flock(int(file.Fd()), how); err != unix.EINTR {
			return err
		}
	}
}

// current says whether the path still leads to the file: another process may have replaced it before we had the lock.
func current(file *os.File, path string) bool {
	opened, err := file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(opened, named)
}

// replaceEmpty puts a new database where an empty file lies, which holds nothing that could be lost.
func replaceEmpty(file *os.File, path string, opts Options) (*os.File, error) {
	info, err := file.Stat()
	if err != nil || info.Size() > 0 {
		return file, err
	}
	defer file.Close()
	if opts.ReadOnly {
		return nil, fmt.Errorf("%s is empty: %w", path, fs.ErrNotExist)
	}
	if err := replace(path, opts); err != nil {
		return nil, err
	}
	return openLocked(path, opts)
}

// The holder of a store is written beside it, in a file that the holder keeps locked: as long as that lock is there
// the content is true, and after a crash it is known to be stale.
func holderPath(path string) string { return path + ".holder" }

type holderRecord struct {
	PID     int       `json:"pid"`
	Since   time.Time `json:"since"`
	Command string    `json:"command"`
}

// announce tells others who holds the store. The caller has its lock.
func announce(path string, opts Options) (*os.File, error) {
	file, err := os.OpenFile(holderPath(path), os.O_RDWR|os.O_CREATE, 0o600)
	if engine.NoRoom(err) {
		return nil, nil // then nobody is told; the lock holds all the same
	}
	if err != nil {
		return nil, fmt.Errorf("say who holds the store: %w", err)
	}
	// Others take this lock only to look, so it is free in a moment.
	err = flock(file, unix.LOCK_EX)
	if err == nil {
		err = file.Truncate(0)
	}
	if err == nil {
		err = json.NewEncoder(file).Encode(holderRecord{PID: os.Getpid(), Since: opts.Clock.Now().UTC(), Command: opts.Command})
	}
	if err != nil && !engine.NoRoom(err) {
		_ = file.Close()
		return nil, fmt.Errorf("say who holds the store: %w", err)
	}
	return file, nil
}

func retract(holder *os.File) {
	if holder != nil {
		_ = holder.Truncate(0)
		_ = holder.Close()
	}
}

func held(path string) error {
	e := &HeldError{Path: path}
	if h, ok := readHolder(path); ok {
		e.PID, e.Since, e.Command = h.PID, h.Since, h.Command
		return &engine.Hint{Err: e, Try: fmt.Sprintf("wait for it to end, or stop it: kill -INT %d", h.PID)}
	}
	return &engine.Hint{Err: e, Try: "try again in a moment"}
}

func readHolder(path string) (h holderRecord, ok bool) {
	file, err := os.Open(holderPath(path))
	if err != nil {
		return h, false
	}
	defer file.Close()
	if !errors.Is(flock(file, unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK) {
		return h, false // nobody keeps it: left over
	}
	return h, json.NewDecoder(file).Decode(&h) == nil && h.PID > 0
}
