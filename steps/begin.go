package steps

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/specs"
)

// maxSpec is the largest spec that is read. It is a little more than package specs takes, which then says so.
const maxSpec = 16<<20 + 1

// ErrNoSpec says that there is no file where the spec should be.
var ErrNoSpec = errors.New("there is no such spec")

// ErrNoImageYet says that nobody has approved the image that sandboxes are to be made from.
var ErrNoImageYet = errors.New("nobody has approved it")

// Begin reads what a workflow starts from: the spec, and the commit that the project stands at. The latter is read in a
// sandbox, because git runs what a repository's configuration names. path is relative to the project or absolute. A
// spec that does not exist is [ErrNoSpec], or, with missingOK, one that the agent is to write; then path must lie in
// the project.
//
// The caller adds the workflow's id, its limits and the configuration's text.
func (s *Steps) Begin(ctx context.Context, path string, missingOK bool) (engine.Start, []specs.Diagnostic, error) {
	start := engine.Start{Label: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))}
	abs := path
	if !filepath.IsAbs(path) {
		abs = filepath.Join(s.o.Project, path)
	}
	rel, err := filepath.Rel(s.o.Project, abs)
	inside := err == nil && filepath.IsLocal(rel)
	if start.SpecPath = abs; inside {
		start.SpecPath = rel
	}
	text, err := readFile(os.OpenFile, abs)
	var diagnostics []specs.Diagnostic
	switch {
	case err == nil:
		start.Source, diagnostics = s.source(start.SpecPath, text)
	case !errors.Is(err, os.ErrNotExist):
		return start, nil, fmt.Errorf("read the spec: %w", err)
	case !missingOK || !inside:
		return start, nil, fmt.Errorf("%s: %w", path, ErrNoSpec)
	default:
		start.Source = engine.Source{Reason: start.SpecPath + " does not exist yet", Profiles: s.o.Profiles, Checks: s.o.Checks}
	}
	start.GitHead, err = s.gitHead(ctx)
	return start, diagnostics, err
}

// gitHead asks git, in a sandbox that can change nothing, for the present commit. It is empty for a project without one,
// and where no sandbox may be made yet.
func (s *Steps) gitHead(ctx context.Context) (string, error) {
	dir, err := os.MkdirTemp(s.o.State, "begin-")
	if err != nil {
		return "", fmt.Errorf("read the project's commit: %w", err)
	}
	defer os.RemoveAll(dir)
	spec := s.baseSpec(fmt.Sprintf("ralph-%s-%s", s.o.StoreID, filepath.Base(dir)))
	spec.Workspace.Access = sandbox.ReadOnly
	spec.Record = filepath.Join(dir, RecordName)
	spec.Commands = []sandbox.Command{{Name: "head", Args: []string{
		"sh", "-c", "git -c safe.directory=/workspace rev-parse --verify HEAD 2>/dev/null || true",
	}}}
	spec.Image, err = s.o.Image(ctx, "", "")
	if errors.Is(err, ErrNoImageYet) { // the workflow will wait for that; its beginning needs no sandbox but for this
		return "", nil
	}
	if err != nil {
		return "", err
	}
	result, err := sandbox.Run(ctx, s.o.Runtime, spec, sandbox.Sink{})
	err = errors.Join(err, s.o.Runtime.Remove(context.WithoutCancel(ctx), spec.Name))
	if err != nil || len(result.Exits) == 0 {
		return "", fmt.Errorf("read the project's commit: %w", errors.Join(err, errors.New(result.Error)))
	}
	return strings.TrimSpace(bounded(result.Exits[0].Output, 128)), nil
}

// readInProject reads a file that an agent may have made: wherever its name leads, it stays in the project, and only
// an ordinary file is read.
func readInProject(project, path string) ([]byte, error) {
	root, err := os.OpenRoot(project)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return readFile(root.OpenFile, path)
}

type openFunc func(name string, flag int, perm os.FileMode) (*os.File, error)

// readFile reads an ordinary file of bounded size. It does not wait for the other end of a FIFO in the file's place.
func readFile(open openFunc, path string) ([]byte, error) {
	f, err := open(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil {
		return nil, err
	} else if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not an ordinary file", path)
	}
	return io.ReadAll(io.LimitReader(f, maxSpec))
}
