package trust

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/internal/filesystem"
)

// File is the record's name in a project's state folder.
const File = "trust.json"

// maxRecord bounds the record; a real one has a line for each setting.
const maxRecord = 1 << 20

// ErrDamaged says that the record is not what this package wrote. Nothing is trusted then.
var ErrDamaged = errors.New("the record of what was approved is damaged")

// Record is what a person approved.
type Record struct {
	Schema   int       `json:"schema"`
	Project  string    `json:"project"`
	Hash     string    `json:"sha256"` // of the settings
	Approved time.Time `json:"approved"`
	Settings []Setting `json:"settings"`
}

// Check compares the list with what was approved for the project. Where nothing was, all of it is new.
func Check(stateDir, project string, list []Setting) (Difference, error) {
	r, err := Load(stateDir, project)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Difference{Project: project, List: list, Added: list}, err
	}
	return between(project, r.Settings, list), nil
}

// Unrecorded is the difference of a list where nothing was approved.
func Unrecorded(project string, list []Setting) Difference { return between(project, nil, list) }

// Load reads the record of the project. The error is fs.ErrNotExist where there is none, and [ErrDamaged] where it
// cannot be believed.
func Load(stateDir, project string) (Record, error) {
	path := filepath.Join(stateDir, File)
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return Record{}, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	if fi, err := f.Stat(); err != nil {
		return Record{}, err
	} else if !fi.Mode().IsRegular() {
		return Record{}, fmt.Errorf("%w: %s is no regular file", ErrDamaged, path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxRecord+1))
	if err != nil {
		return Record{}, err
	}
	r, err := parse(text, project)
	if err != nil {
		return Record{}, fmt.Errorf("%w: %s: %w", ErrDamaged, path, err)
	}
	return r, nil
}

// parse believes a record only if it is of this project, and its settings are those that its hash was made of.
func parse(text []byte, project string) (r Record, err error) {
	switch err := json.Unmarshal(text, &r); {
	case len(text) > maxRecord:
		return Record{}, errors.New("it is too large")
	case err != nil:
		return Record{}, err
	case r.Schema != 1:
		return Record{}, fmt.Errorf("its schema is %d", r.Schema)
	case r.Project != project:
		return Record{}, fmt.Errorf("it is about %s", r.Project)
	case !slices.IsSortedFunc(r.Settings, compare) || r.Hash != Hash(r.Settings):
		return Record{}, errors.New("its settings do not have its hash")
	}
	return r, nil
}

// Approve records that a person has seen the list and wants it to take effect. The record is there whole or not at all.
func Approve(stateDir, project string, list []Setting, now time.Time) error {
	r := Record{Schema: 1, Project: project, Hash: Hash(list), Approved: now.UTC().Truncate(time.Second), Settings: list}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := filesystem.Replace(filepath.Join(stateDir, File), append(text, '\n')); err != nil {
		return fmt.Errorf("record the approval: %w", err)
	}
	return nil
}

// Revoke removes the record, and says whether there was one.
func Revoke(stateDir string) (bool, error) {
	err := os.Remove(filepath.Join(stateDir, File))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = filesystem.SyncFolder(stateDir)
	}
	if err != nil {
		return false, fmt.Errorf("revoke the approval: %w", err)
	}
	return true, nil
}
