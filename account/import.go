package account

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/failpoint"
	"github.com/wrapix/wrapix/snapshot"
)

// MaxSize is how much the members of an archive may take where nothing else is said.
const MaxSize = 8 << 30

// stagingName is the folder within the state folder where an import is prepared, in one named after its workflow. As long
// as that is there, what lies elsewhere of a workflow which the store does not have was left by an import.
const stagingName = "importing"

// Store is where an imported workflow goes. The caller has it open for writing, so nobody else works on the project.
type Store interface {
	Load(ctx context.Context, id engine.WorkflowID) (engine.Workflow, error)
	Import(ctx context.Context, id engine.WorkflowID, events func(yield func(engine.Event) error) error) (engine.Workflow, error)
}

// Import says where to import to.
type Import struct {
	Store     Store
	State     string // the project's state folder
	Project   string // the project's folder
	Snapshots func() (*snapshot.Repo, error)
	MaxSize   int64
	Now       time.Time
}

// Imported says what was imported.
type Imported struct {
	Workflow  engine.Workflow
	Snapshots int
	// Interrupted are the activities that ran when the account was taken. What became of them is not known here.
	Interrupted []engine.AttemptID
}

// Interruption is the reason that such activities get.
const Interruption = "it ran elsewhere when the account was exported"

// Read reads an archive, verifies all of it, and takes it in. An error leaves everything as it was.
func (m Import) Read(ctx context.Context, in io.Reader) (done Imported, err error) {
	if m.MaxSize <= 0 {
		m.MaxSize = MaxSize
	}
	if err := Recover(ctx, m.State, m.Store, m.Snapshots); err != nil {
		return done, err
	}
	staging := ""
	u, err := unpack(ctx, in, m.MaxSize, func(id engine.WorkflowID) (string, error) {
		var err error
		staging, err = m.stage(ctx, id)
		return staging, err
	})
	defer func() {
		if err != nil && staging != "" {
			err = errors.Join(err, m.recover(ctx, engine.WorkflowID(filepath.Base(staging)), staging))
		}
	}()
	if err != nil {
		return done, err
	}
	v, err := u.verify(ctx)
	if err != nil {
		return done, err
	}
	further, interrupted, err := m.interruptions(v.w)
	if err != nil {
		return done, foreign("end what ran: %w", err)
	}
	if err := m.place(ctx, u, v); err != nil {
		return done, err
	}
	w, err := m.Store.Import(ctx, u.head.Workflow, func(yield func(engine.Event) error) error {
		err := u.events(ctx, yield)
		for _, e := range further {
			if err == nil {
				err = yield(e)
			}
		}
		return err
	})
	if err != nil {
		return done, err
	}
	failpoint.Here("import-stored")
	return Imported{Workflow: w, Snapshots: len(v.records), Interrupted: interrupted}, os.RemoveAll(staging)
}

// stage makes the folder to prepare a workflow in, where there is none of that id and nothing that could be taken for a
// part of it.
func (m Import) stage(ctx context.Context, id engine.WorkflowID) (string, error) {
	_, err := m.Store.Load(ctx, id)
	if err == nil {
		return "", fmt.Errorf("%s: %w", id, ErrExists)
	}
	if !errors.Is(err, engine.ErrNotFound) {
		return "", err
	}
	if _, err := os.Lstat(m.attempts(id)); !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s: there is a folder %s: %w", id, m.attempts(id), ErrExists)
	}
	staging := filepath.Join(m.State, stagingName, string(id))
	if err := os.MkdirAll(staging, 0o700); err != nil {
		return "", fmt.Errorf("prepare the import: %w", err)
	}
	return staging, syncFolders(filepath.Dir(staging), m.State)
}

func (m Import) attempts(id engine.WorkflowID) string {
	return filepath.Join(m.State, attemptsName, string(id))
}

// interruptions are the events that end what ran elsewhere, so that the workflow can go on here.
func (m Import) interruptions(w engine.Workflow) (events []engine.Event, ids []engine.AttemptID, err error) {
	if w.State.Ended() {
		return nil, nil, nil
	}
	for _, a := range w.OpenActivities() {
		decided, err := engine.Decide(w, engine.Interrupt{ID: a.ID, Reason: Interruption}, m.Now)
		if err == nil {
			w, err = engine.Evolve(w, decided...)
		}
		if err != nil {
			return nil, nil, err
		}
		events, ids = append(events, decided...), append(ids, a.ID)
	}
	return events, ids, nil
}

// place brings snapshots and attempts where they belong. Nobody looks for them there before the store has the workflow.
func (m Import) place(ctx context.Context, u unpacked, v verified) error {
	if len(v.records) > 0 {
		if err := m.placeSnapshots(ctx, u, v.records); err != nil {
			return err
		}
	}
	failpoint.Here("import-snapshots")
	from := filepath.Join(u.dir, attemptsName)
	if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var folders []string
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			folders = append(folders, path)
		}
		return err
	})
	if err == nil {
		err = syncFolders(folders...)
	}
	to := m.attempts(u.head.Workflow)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o700)
	}
	if err == nil {
		err = os.Rename(from, to)
	}
	if err == nil {
		err = syncFolders(filepath.Dir(to), m.State)
	}
	if err != nil {
		return fmt.Errorf("put the attempts in place: %w", err)
	}
	failpoint.Here("import-attempts")
	return nil
}

// placeSnapshots has git check the foreign pack in a repository made for that, and then takes it over.
func (m Import) placeSnapshots(ctx context.Context, u unpacked, records []snapshot.Record) error {
	staged, err := snapshot.Open(filepath.Join(u.dir, "snapshots.git"), m.Project, snapshot.Options{})
	if err != nil {
		return err
	}
	pack, err := os.Open(filepath.Join(u.dir, packName))
	if err != nil {
		return err
	}
	defer pack.Close()
	err = staged.Check(ctx, pack, records)
	if errors.Is(err, snapshot.ErrForeign) && ctx.Err() == nil {
		return foreign("%w", err)
	}
	if err != nil {
		return err
	}
	repo, err := m.Snapshots()
	if err != nil {
		return err
	}
	return repo.Adopt(ctx, staged, string(u.head.Workflow), records)
}

// Recover takes away what imports left that did not come to their end. The caller has the store open for writing. With
// nothing to do it only looks whether there is a folder.
func Recover(ctx context.Context, state string, s Store, snapshots func() (*snapshot.Repo, error)) error {
	entries, err := os.ReadDir(filepath.Join(state, stagingName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for unfinished imports: %w", err)
	}
	m := Import{Store: s, State: state, Snapshots: snapshots}
	for _, e := range entries {
		id := engine.WorkflowID(e.Name())
		if !workflowPattern.MatchString(e.Name()) {
			continue // not ours
		}
		if err := m.recover(ctx, id, filepath.Join(state, stagingName, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// recover ends one import: a workflow that the store has is complete, all else goes.
func (m Import) recover(ctx context.Context, id engine.WorkflowID, staging string) error {
	ctx = context.WithoutCancel(ctx)
	_, err := m.Store.Load(ctx, id)
	if errors.Is(err, engine.ErrNotFound) {
		err = errors.Join(m.forget(ctx, id), os.RemoveAll(m.attempts(id)))
	}
	if err == nil {
		err = os.RemoveAll(staging)
	}
	if err != nil {
		return fmt.Errorf("clear away an unfinished import of %s: %w", id, err)
	}
	return nil
}

// forget drops the snapshots. Where the project has none there is nothing to forget.
func (m Import) forget(ctx context.Context, id engine.WorkflowID) error {
	repo, err := m.Snapshots()
	if err != nil {
		return err
	}
	return repo.Disown(ctx, string(id))
}

func syncFolders(paths ...string) error {
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		err = f.Sync()
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return err
		}
	}
	return nil
}
