package snapshot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// configuration is all that git is configured by. There are no filters, drivers, hooks or remotes in it, so none can
// run; what git reads of the work tree's content it only ever sees as objects. Without an unpackLimit each import is a
// pack, however small: git syncs an object that has a file of its own, but not the folder which it makes for it.
const configuration = `[core]
	repositoryFormatVersion = 0
	bare = true
	fileMode = true
	hooksPath = /dev/null
	attributesFile = /dev/null
	excludesFile = /dev/null
	fsmonitor = false
	logAllRefUpdates = false
	quotePath = true
	fsync = all
	fsyncMethod = fsync
	compression = 1
	bigFileThreshold = 8m
[fastimport]
	unpackLimit = 0
[gc]
	auto = 0
[maintenance]
	auto = false
[pack]
	threads = 1
	writeBitmapIndex = false
[repack]
	writeBitmaps = false
[protocol]
	allow = never
[diff]
	submodule = short
`

// attributes override those of the recorded .gitattributes files, which newer gits read in bare repositories too.
const attributes = "* !text !eol !crlf !ident !filter !working-tree-encoding !diff !merge !whitespace !delta\n"

// findGit returns the first git of PATH that does not lie in the work tree, where an agent could have put it.
func findGit(worktree string) (string, error) {
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if !filepath.IsAbs(dir) {
			continue
		}
		found, err := exec.LookPath(filepath.Join(dir, "git"))
		if err != nil {
			continue
		}
		resolved, err := filepath.EvalSymlinks(found)
		if err != nil || inside(resolved, worktree) {
			continue
		}
		if dir, err = filepath.EvalSymlinks(dir); err == nil && !inside(dir, worktree) {
			return found, nil
		}
	}
	return "", errors.New("no git in PATH outside of the work tree")
}

// call is one run of git. Its output is dropped when out is nil.
type call struct {
	args []string
	in   func(io.Writer) error // writes standard input, closed after it
	out  func(io.Reader) error // reads standard output
	lock *os.File              // held by git too, so that nobody else writes while it still ends
	env  []string              // besides what every run gets
}

// git runs git, the only way that this package does. It sees our repository and nothing of the work tree, the user's
// home, or the caller's environment. When in or out fail, git is killed, so it cannot take a part for the whole.
func (r *Repo) git(ctx context.Context, c call) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var stderr tail
	cmd := exec.CommandContext(ctx, r.program, c.args...)
	cmd.Dir, cmd.Env, cmd.Stderr = r.dir, append(r.environment(), c.env...), &stderr
	cmd.WaitDelay = 5 * time.Second
	if c.lock != nil {
		cmd.ExtraFiles = []*os.File{c.lock}
	}
	in, out, err := c.pipes(cmd)
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return fmt.Errorf("git %s: %w", c.args[0], err)
	}
	var feeding sync.WaitGroup
	if c.in != nil {
		feeding.Go(func() {
			defer in.Close()
			if err := c.in(in); err != nil && !errors.Is(err, syscall.EPIPE) {
				stop(err)
			}
		})
	}
	if c.out != nil {
		if err := c.out(out); err != nil {
			stop(err)
		}
	}
	feeding.Wait()
	err = cmd.Wait()
	// Wait tells the context's own error where git had just ended by itself; what stopped it is the cause.
	if cause := context.Cause(ctx); cause != nil && (!cmd.ProcessState.Exited() || errors.Is(err, context.Canceled)) {
		return fmt.Errorf("git %s: %w", c.args[0], cause)
	}
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		err = r.withErrno(err, stderr)
	}
	if err != nil && len(stderr) > 0 {
		return fmt.Errorf("git %s: %w: %s", c.args[0], err, bytes.TrimSpace(stderr))
	}
	if err != nil {
		return fmt.Errorf("git %s: %w", c.args[0], err)
	}
	return nil
}

// withErrno makes of git's words the error that callers decide on: git has no other way to say that the disk is full.
func (r *Repo) withErrno(err error, stderr []byte) error {
	says := func(text string) bool { return bytes.Contains(stderr, []byte(text)) }
	switch {
	case says("No space left on device"), says("Out of diskspace"):
		return &fs.PathError{Op: "write", Path: r.dir, Err: syscall.ENOSPC}
	case says("Disk quota exceeded"):
		return &fs.PathError{Op: "write", Path: r.dir, Err: syscall.EDQUOT}
	}
	return err
}

func (c call) pipes(cmd *exec.Cmd) (in io.WriteCloser, out io.Reader, err error) {
	if c.in != nil {
		if in, err = cmd.StdinPipe(); err != nil {
			return nil, nil, err
		}
	}
	if c.out != nil {
		out, err = cmd.StdoutPipe()
	}
	return in, out, err
}

// output runs git and returns what it prints.
func (r *Repo) output(ctx context.Context, args ...string) (string, error) {
	var b strings.Builder
	err := r.git(ctx, call{args: args, out: func(out io.Reader) error {
		_, err := io.Copy(&b, out)
		return err
	}})
	return b.String(), err
}

// environment is the whole of what git is given.
func (r *Repo) environment() []string {
	return []string{
		"PATH=" + filepath.Dir(r.program) + ":/usr/bin:/bin",
		"HOME=" + r.dir, "XDG_CONFIG_HOME=" + r.dir, "TMPDIR=" + r.dir,
		"LC_ALL=C", "TZ=UTC",
		"GIT_DIR=" + r.dir,
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_ATTR_NOSYSTEM=1",
		"GIT_NO_REPLACE_OBJECTS=1", "GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=", "GIT_OPTIONAL_LOCKS=0",
		"GIT_TERMINAL_PROMPT=0", "GIT_PAGER=cat", "GIT_EDITOR=false",
	}
}

// tail keeps the end of what is written to it.
type tail []byte

// Write never fails.
func (t *tail) Write(b []byte) (int, error) {
	const limit = 4096
	*t = append(*t, b...)
	if over := len(*t) - limit; over > 0 {
		*t = append((*t)[:0], (*t)[over:]...)
	}
	return len(b), nil
}
