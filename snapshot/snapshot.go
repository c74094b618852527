// Package snapshot records the work tree of a project, again and again, in a bare repository of our own.
//
// A snapshot is a commit there whose parent is the snapshot before it; one ref holds them all, so no cleaning of git's
// ever drops one. It holds every file that is not ignored, byte for byte: tracked or not, in submodules and nested
// repositories too. When Take returns, the snapshot survives a power cut.
//
// # Nothing of the project runs
//
// An agent can write anything into the work tree, so git never sees it. The tree is walked here, with every folder
// opened by its name in the one above and no link followed; ignore files, .git/info/exclude and .git/index are read as
// data; content goes to `git fast-import` in a stream, which knows nothing of filters, attributes or hooks. Git gets
// our repository, our configuration and an environment of its own, nothing else. The same on the way back: blobs come
// out of `git cat-file`, and files are written here.
//
// # What is in a snapshot
//
//   - Ignored files are not, and are never touched. What the project tracks, or an earlier snapshot held, is not
//     ignored, whatever the patterns say: an agent hides no change by editing .gitignore. Patterns come from the
//     project's own files, not from the user's configuration.
//   - Nothing called .git is, at any depth. Of a nested repository the files are recorded, with its own ignore rules,
//     its commits are not; [NestedRepository] says so.
//   - Git has no empty folders, and of permissions only whether the owner may execute.
//   - What could not be recorded is named in [Snapshot.Warnings]: unreadable, too large, no file.
//
// Text from a snapshot is the agent's: paths, diffs and warnings are for the caller to make safe.
//
//	repo, err := snapshot.Open(filepath.Join(state, "snapshots.git"), project, snapshot.Options{})
//	before, err := repo.Take(ctx, "before T1/1")
//	...
//	after, err := repo.Take(ctx, "after T1/1")
//	err = repo.Diff(ctx, before.ID, after.ID, os.Stdout)
//	_, _, err = repo.Undo(ctx, before.ID)
package snapshot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

const (
	// ref holds the latest snapshot, and by its parents all of them.
	ref = "refs/snapshots/log"
	// nextRef holds one that is not safe on disk yet.
	nextRef = "refs/snapshots/next"
)

var (
	// ErrInside says that the repository lies in the work tree, or around it, where an agent could write to it.
	ErrInside = errors.New("the snapshots must not share a folder with the work tree")
	// ErrUnknown says that there is no such snapshot.
	ErrUnknown = errors.New("no such snapshot")
	// ErrHeld says that somebody else was writing until the context ended.
	ErrHeld = errors.New("the snapshots are being written by another process")
	// ErrNotEmpty says that there is something in the folder to restore to.
	ErrNotEmpty = errors.New("the folder is not empty")
)

// Options of a repository. The zero value is for use.
type Options struct {
	// MaxFile is the size above which a file is not recorded, but named in a warning: 256 MiB when zero.
	MaxFile int64
	// Now says when a snapshot was taken. The system's clock when nil.
	Now func() time.Time
}

// Snapshot is one recorded state of the work tree.
type Snapshot struct {
	ID      string    // of the commit; what all methods take
	Tree    string    // the same for the same content
	Time    time.Time // in full seconds
	Message string
	// Ignored counts what the snapshot leaves out as ignored; a folder that is ignored counts once.
	Ignored int
	// Warnings name what else it leaves out, then what there is to know, by path; a thousand at most.
	Warnings []Warning
	// More counts the warnings that are not named.
	More int
}

// Warning is one thing about a path that a person should know of a snapshot.
type Warning struct {
	Kind   WarningKind
	Path   string // as it is in the file system, in any encoding
	Reason string // the system's, may be empty
}

// WarningKind says what a [Warning] is about.
type WarningKind string

// The kinds of warnings.
const (
	Unreadable       WarningKind = "unreadable"        // not recorded: we may not read it
	TooLarge         WarningKind = "too_large"         // not recorded: above [Options.MaxFile]
	TooDeep          WarningKind = "too_deep"          // not recorded: folders in folders without end
	Special          WarningKind = "special"           // not recorded: a pipe, a socket, or a device
	LooksLikeGit     WarningKind = "looks_like_git"    // not recorded: some file system takes the name for .git
	Changing         WarningKind = "changing"          // recorded, but it changed while it was read
	EmptyFolder      WarningKind = "empty_folder"      // not recorded: git has no empty folders
	NestedRepository WarningKind = "nested_repository" // its files are recorded, its commits are not
	IgnoreFile       WarningKind = "ignore_file"       // could not be used: an ignore file or an index
)

// lost tells whether what the warning names exists but is not in the snapshot.
func (k WarningKind) lost() bool {
	switch k {
	case Changing, EmptyFolder, NestedRepository, IgnoreFile:
		return false
	}
	return true
}

// Repo records one work tree. Its methods may be called at once and from several processes: those that write wait for
// each other, until their context ends.
type Repo struct {
	dir, worktree string
	program       string
	opts          Options
}

// Open opens the repository dir of snapshots of the folder worktree, and makes it when there is none.
func Open(dir, worktree string, opts Options) (*Repo, error) {
	if opts.MaxFile == 0 {
		opts.MaxFile = 256 << 20
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	r := &Repo{opts: opts}
	err := r.open(dir, worktree)
	if err != nil {
		return nil, fmt.Errorf("open the snapshots: %w", err)
	}
	return r, nil
}

func (r *Repo) open(dir, worktree string) (err error) {
	if r.worktree, err = resolve(worktree); err != nil {
		return err
	}
	parent, err := resolve(filepath.Dir(dir))
	if err != nil {
		return err
	}
	r.dir = filepath.Join(parent, filepath.Base(dir))
	if real, err := filepath.EvalSymlinks(r.dir); err == nil {
		r.dir = real
	}
	if inside(r.dir, r.worktree) || inside(r.worktree, r.dir) {
		return fmt.Errorf("%w: %s and %s", ErrInside, r.dir, r.worktree)
	}
	if r.program, err = findGit(r.worktree); err != nil {
		return err
	}
	return r.prepare()
}

func resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

// prepare makes what is missing of the repository. The configuration comes last: where it is right, all else is there
// and safe.
func (r *Repo) prepare() error {
	last := filepath.Join(r.dir, "config")
	if b, err := os.ReadFile(last); err == nil && string(b) == configuration {
		return nil
	}
	for _, dir := range []string{"", "objects", "objects/pack", "refs", "refs/snapshots", "info"} {
		if err := os.Mkdir(filepath.Join(r.dir, dir), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if err := replaceFile(filepath.Join(r.dir, "info/attributes"), []byte(attributes)); err != nil {
		return err
	}
	// No branch: newer gits take attributes from where HEAD points to.
	if err := replaceFile(filepath.Join(r.dir, "HEAD"), []byte("ref: refs/heads/none\n")); err != nil {
		return err
	}
	if err := syncFolders(filepath.Dir(r.dir), r.dir, filepath.Join(r.dir, "refs"), filepath.Join(r.dir, "objects"), filepath.Join(r.dir, "info")); err != nil {
		return err
	}
	if err := replaceFile(last, []byte(configuration)); err != nil {
		return err
	}
	return syncFolders(r.dir)
}

// replaceFile puts a whole file in the place of another, or none.
func replaceFile(name string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
