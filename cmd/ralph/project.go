package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wrapix/wrapix/account"
	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/control"
	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/store"
)

var (
	errNoConfig   = errors.New("there is no " + config.FileName)
	errNoWorkflow = errors.New("no workflow was started here")
)

// project is the folder that a command works on, with as much opened as the command needed.
type project struct {
	*app
	root string
}

// project finds the project of the command.
func (a *app) project() (*project, error) {
	root, err := config.FindProject(a.dir)
	if errors.Is(err, config.ErrNoProject) {
		return nil, usagef("ralph init", "%w", err)
	}
	if err != nil {
		return nil, usagef("", "find the project: %w", err)
	}
	return &project{app: a, root: root}, nil
}

// config reads the project's configuration.
func (p *project) config() (config.Config, error) {
	c, err := config.Load(filepath.Join(p.root, config.FileName))
	if errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("read the configuration: %w in %s", errNoConfig, p.root)
	}
	var problems *config.Problems
	if err != nil && !errors.As(err, &problems) {
		err = usagef("", "read the configuration: %w", err)
	}
	return c, err
}

// reader is where commands that only look get workflows from.
type reader interface {
	Load(ctx context.Context, id engine.WorkflowID) (engine.Workflow, error)
	Overview(ctx context.Context, id engine.WorkflowID) (engine.Workflow, error)
	List(ctx context.Context) ([]engine.Workflow, error)
	Events(ctx context.Context, id engine.WorkflowID, after uint64, yield func(engine.Event) error) error
	Close() error
}

// reader opens what is to be looked at: the store, or the process that has it open. Nothing is made where nothing was
// started yet; the error is errNoWorkflow.
func (p *project) reader(ctx context.Context) (reader, error) {
	open := func(wait bool) (reader, error) {
		s, err := p.readStore(wait)
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	return throughHolder(ctx, p, open, func(c *control.Client) reader { return c })
}

// stateDir is the project's state folder, whether it is there or not.
func (p *project) stateDir() (string, error) {
	dir, err := config.StateDir(p.root)
	if err != nil {
		return "", err
	}
	return dir, config.CheckStateDir(dir, p.root)
}

// patience is how long to wait for a store that another process holds: not at all, or as long as short commands take.
func patience(wait bool) time.Duration {
	if wait {
		return 0
	}
	return -1
}

// readStore opens the store for reading.
func (p *project) readStore(wait bool) (*store.Store, error) {
	dir, err := p.stateDir()
	if err != nil {
		return nil, err
	}
	s, err := store.Open(filepath.Join(dir, store.File), store.Options{ReadOnly: true, Wait: patience(wait), Migrated: p.migrated})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoWorkflow
	}
	return s, err
}

// migrated tells a person that the database has another form now, and what to go back to.
func (p *project) migrated(from, to int, copied string) {
	fmt.Fprintf(p.streams.Err, "the database was brought from schema %d to %d; as it was, it is kept in %s\n", from, to, terminal.Line(copied))
}

// writer opens the store for changing it. Where there is none yet it is made, with its folder, for the commands that
// start something, and is errNoWorkflow for the others.
func (p *project) writer(command string, starts, wait bool) (s *store.Store, dir string, err error) {
	if starts {
		dir, err = config.OpenStateDir(p.root)
	} else {
		dir, err = p.stateDir()
	}
	if err != nil {
		return nil, "", err
	}
	path := filepath.Join(dir, store.File)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && !starts {
		return nil, "", errNoWorkflow
	}
	s, err = store.Open(path, store.Options{Command: "ralph " + command, Wait: patience(wait), Migrated: p.migrated})
	if err != nil {
		return nil, "", err
	}
	// What an import left that was killed must be gone before anything new takes its names.
	if err := account.Recover(context.Background(), dir, s, p.snapshots); err != nil {
		return nil, "", errors.Join(err, s.Close())
	}
	return s, dir, nil
}

// specPath makes the path that a person typed, relative to where they stand, absolute. The folder's real name is
// used, as it is for the project, so that a path within the project is seen as one.
func (p *project) specPath(path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(p.dir, path)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(dir, filepath.Base(path))
	}
	return path, nil
}

// inProject is the path as the engine names it: relative where it lies inside.
func (p *project) inProject(path string) string {
	if rel, err := filepath.Rel(p.root, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// choose returns the workflow that is meant: the one named with -w, else the only open one, else, with ended, the
// latest. It is loaded whole.
func (p *project) choose(ctx context.Context, s reader, ended bool) (engine.Workflow, error) {
	if p.workflow != "" {
		return s.Load(ctx, engine.WorkflowID(p.workflow))
	}
	all, err := s.List(ctx)
	if err != nil {
		return engine.Workflow{}, err
	}
	open := openOnes(all)
	switch {
	case len(open) == 1:
		return s.Load(ctx, open[0].ID)
	case len(open) > 1:
		return engine.Workflow{}, severalOpen(open)
	case len(all) == 0:
		return engine.Workflow{}, errNoWorkflow
	case !ended:
		return engine.Workflow{}, usagef("ralph start SPEC.md", "no workflow is open; the latest, %s, is %s", all[len(all)-1].ID, all[len(all)-1].State)
	}
	return s.Load(ctx, all[len(all)-1].ID)
}

func openOnes(all []engine.Workflow) []engine.Workflow {
	var open []engine.Workflow
	for _, w := range all {
		if !w.State.Ended() {
			open = append(open, w)
		}
	}
	return open
}

func severalOpen(open []engine.Workflow) error {
	names := make([]string, len(open))
	for i, w := range open {
		names[i] = string(w.ID)
	}
	return usagef("ralph -w "+names[len(names)-1]+" …", "several workflows are open: %s", strings.Join(names, ", "))
}

// line prints one line for people; the arguments may be hostile.
func (a *app) line(format string, args ...any) {
	fmt.Fprintln(a.progressOut(), terminal.Line(fmt.Sprintf(format, args...)))
}
