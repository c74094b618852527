package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// File modes as git records them.
const (
	modeFile       = 0o100644
	modeExecutable = 0o100755
	modeLink       = 0o120000
)

// maxDepth bounds the folders open at once by one line of descent.
const maxDepth = 200

// entry is one recorded file of the work tree.
type entry struct {
	path string
	mode uint32
	stat stat
	oid  oid
	racy bool // changed so shortly before it was read that a further change need not show in its stat
}

// findings are what a walk of the work tree sees.
type findings struct {
	entries  []entry // sorted by path
	warnings []Warning
	ignored  []string // topmost only, folders with a slash at the end
}

// scope is what decides on ignored files in one repository: the project, or one nested in it.
type scope struct {
	rules   *rules
	tracked pathSet
}

type walker struct {
	ctx   context.Context
	known func(path string) bool // recorded before: stays recorded
	below func(folder string) bool
	slots chan struct{}
	wg    sync.WaitGroup

	mu    sync.Mutex
	found findings
	err   error
}

// walk looks at every file that is not ignored, and reads none but ignore files and indexes.
func walk(ctx context.Context, dir string, known func(string) bool, below func(string) bool) (findings, error) {
	root, err := openPlace(dir)
	if err != nil {
		return findings{}, err
	}
	defer root.close()
	w := &walker{ctx: ctx, known: known, below: below, slots: make(chan struct{}, min(runtime.GOMAXPROCS(0), 4)-1)}
	w.repository(root.root, "")
	w.wg.Wait()
	if w.err == nil {
		w.err = ctx.Err()
	}
	if w.err != nil {
		return findings{}, fmt.Errorf("walk %s: %w", dir, w.err)
	}
	slices.SortFunc(w.found.entries, byPath)
	slices.Sort(w.found.ignored)
	return w.found, nil
}

// repository walks a folder that ignore files from above do not reach into.
func (w *walker) repository(fd int, path string) {
	names, err := w.names(fd, path)
	if err == nil {
		w.folder(fd, path, names, w.scope(fd, path), 0, false)
	}
}

// scope reads .git/info/exclude and .git/index, which are data. A .git that is a file or a link is not followed: the
// repository it names is outside of the work tree.
func (w *walker) scope(fd int, path string) scope {
	var s scope
	git, err := openFolder(fd, ".git")
	if err != nil {
		return s
	}
	defer unix.Close(git)
	if info, err := openFolder(git, "info"); err == nil {
		s.rules = w.ignoreFile(nil, info, "exclude", path, ".git/info/exclude")
		_ = unix.Close(info)
	}
	b, err := readBounded(git, "index", maxIndex)
	if errors.Is(err, unix.ENOENT) {
		return s
	}
	if err == nil {
		s.tracked, err = parseIndex(b, path)
	}
	if err != nil {
		w.warn(Warning{Kind: IgnoreFile, Path: join(path, ".git/index"), Reason: err.Error()})
	}
	return s
}

func (w *walker) names(fd int, path string) ([]string, error) {
	// os.File closes what it was made of, and the folder is needed further.
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		w.unreadable(path, err)
		return nil, err
	}
	f := os.NewFile(uintptr(own), path)
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		w.unreadable(path, err)
	}
	return names, err
}

// folder walks one folder. In a hidden one, which is ignored, only what is tracked or known counts.
func (w *walker) folder(fd int, path string, names []string, in scope, depth int, hidden bool) {
	var own findings
	defer func() { w.add(own) }()
	if len(names) == 0 && path != "" {
		own.warnings = append(own.warnings, Warning{Kind: EmptyFolder, Path: path})
	}
	if !hidden && slices.Contains(names, ".gitignore") {
		in.rules = w.ignoreFile(in.rules, fd, ".gitignore", path, ".gitignore")
	}
	for _, name := range names {
		if w.ctx.Err() != nil {
			return
		}
		full := join(path, name)
		if isGit(name) {
			if name != ".git" {
				own.warnings = append(own.warnings, Warning{Kind: LooksLikeGit, Path: full})
			}
			continue
		}
		st, err := lstat(fd, name)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			own.warnings = append(own.warnings, Warning{Kind: Unreadable, Path: full, Reason: err.Error()})
			continue
		}
		switch mode := st.Mode & unix.S_IFMT; mode {
		case unix.S_IFDIR:
			ignored := hidden || in.rules.ignored(full, true)
			if ignored && !in.tracked.below(full) && !w.below(full) {
				own.ignored = append(own.ignored, full+"/")
				continue
			}
			w.enter(fd, name, full, in, depth, ignored)
		case unix.S_IFREG, unix.S_IFLNK:
			if !w.known(full) && (hidden || in.rules.ignored(full, false)) && !in.tracked.has(full) {
				own.ignored = append(own.ignored, full)
				continue
			}
			own.entries = append(own.entries, entry{path: full, mode: gitMode(&st), stat: statOf(&st)})
		default:
			if !hidden && !in.rules.ignored(full, false) {
				own.warnings = append(own.warnings, Warning{Kind: Special, Path: full})
			}
		}
	}
}

// enter walks a folder inside, beside the present one when there is a free slot.
func (w *walker) enter(at int, name, path string, in scope, depth int, hidden bool) {
	if depth >= maxDepth {
		w.warn(Warning{Kind: TooDeep, Path: path})
		return
	}
	fd, err := openFolder(at, name)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return // it was replaced since it was looked at
	}
	if err != nil {
		w.unreadable(path, err)
		return
	}
	do := func() {
		defer unix.Close(fd)
		names, err := w.names(fd, path)
		if err != nil {
			return
		}
		if slices.Contains(names, ".git") && isRepository(fd) {
			w.warn(Warning{Kind: NestedRepository, Path: path})
			if !hidden {
				in = w.scope(fd, path)
			}
		}
		w.folder(fd, path, names, in, depth+1, hidden)
	}
	select {
	case w.slots <- struct{}{}:
		w.wg.Go(func() {
			defer func() { <-w.slots }()
			do()
		})
	default:
		do()
	}
}

// isRepository tells whether the folder's .git is one to git: then ignore files from outside do not count in it.
func isRepository(fd int) bool {
	st, err := lstat(fd, ".git")
	if err != nil {
		return false
	}
	if st.Mode&unix.S_IFMT == unix.S_IFREG {
		b, err := readBounded(fd, ".git", unix.PathMax+64)
		return err == nil && strings.HasPrefix(string(b), "gitdir: ")
	}
	git, err := openFolder(fd, ".git")
	if err != nil {
		return false
	}
	defer unix.Close(git)
	for _, name := range []string{"HEAD", "objects", "refs"} {
		if _, err := lstat(git, name); err != nil {
			return false
		}
	}
	return true
}

// ignoreFile adds the rules of a file, named for people by folder and path. One that cannot be used is named, and has
// no rules.
func (w *walker) ignoreFile(outer *rules, at int, name, folder, path string) *rules {
	text, err := readBounded(at, name, maxIgnoreText)
	if errors.Is(err, unix.ENOENT) {
		return outer
	}
	in := outer
	if err == nil {
		in, err = parseRules(outer, folder, text)
	}
	if err != nil {
		w.warn(Warning{Kind: IgnoreFile, Path: join(folder, path), Reason: err.Error()})
	}
	return in
}

func readBounded(at int, name string, limit int64) ([]byte, error) {
	f, st, err := openFile(at, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st.Size > limit {
		return nil, fmt.Errorf("larger than %d bytes", limit)
	}
	return io.ReadAll(io.LimitReader(f, limit))
}

func (w *walker) add(own findings) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.found.entries = append(w.found.entries, own.entries...)
	w.found.warnings = append(w.found.warnings, own.warnings...)
	w.found.ignored = append(w.found.ignored, own.ignored...)
}

func (w *walker) warn(one Warning) { w.add(findings{warnings: []Warning{one}}) }

// unreadable names a folder that cannot be read. The root is no matter of a warning: without it there is no snapshot.
func (w *walker) unreadable(path string, err error) {
	if path != "" {
		w.warn(Warning{Kind: Unreadable, Path: path, Reason: err.Error()})
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = err
}

func gitMode(st *unix.Stat_t) uint32 {
	switch {
	case st.Mode&unix.S_IFMT == unix.S_IFLNK:
		return modeLink
	case st.Mode&0o100 != 0:
		return modeExecutable
	default:
		return modeFile
	}
}

// isGit tells whether some file system that people use takes the name for ".git": by ignoring case, characters without
// width (HFS+), or dots, spaces and streams at the end, or by its short name (NTFS).
func isGit(name string) bool {
	if len(name) < 4 || name[0] != '.' && name[0] != 'g' && name[0] != 'G' && name[0] < 0x80 {
		return false
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
			return -1
		}
		return r
	}, name)
	name, _, _ = strings.Cut(name, ":")
	name = strings.TrimRight(name, ". ")
	return strings.EqualFold(name, ".git") || strings.EqualFold(name, "git~1")
}
