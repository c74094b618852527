package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/snapshot"
	"github.com/wrapix/wrapix/steps"
	"github.com/wrapix/wrapix/store"
)

type undoOptions struct {
	*app
	yes bool
}

func newUndo(a *app) *cobra.Command {
	o := &undoOptions{app: a}
	cmd := &cobra.Command{
		Use:   "undo TASK/ATTEMPT",
		Short: "Put the project's files back to before an attempt",
		Long: `Put the project's files back to before an attempt, with all that was done since,
by whomever. The tasks that lose their work are open again. Ignored files, commits
and branches stay. The files of now are recorded first: "ralph restore" has them
back in another folder. On a terminal the command asks first.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },
	}
	cmd.Flags().BoolVar(&o.yes, "yes", false, "do not ask")
	return cmd
}

// undoDocument is `ralph undo --json`.
type undoDocument struct {
	Schema   int            `json:"schema"`
	Workflow string         `json:"workflow"`
	Attempt  string         `json:"attempt"`
	Snapshot string         `json:"snapshot"`
	Before   string         `json:"before"`
	Reopened []string       `json:"reopened"`
	Changes  []changeRecord `json:"changes"`
	Left     string         `json:"left,omitempty"`
}

func (o *undoOptions) run(ctx context.Context, name string) error {
	id, err := engine.ParseAttemptID(name)
	if err != nil || id.Number == 0 || id.Check != 0 {
		return usagef("ralph history", "undo %s: name an attempt, such as T1/2", terminal.Line(name))
	}
	if !o.yes && !o.streams.InTerminal() {
		return usagef("ralph undo --yes "+id.String(), "undo: there is no terminal to ask on")
	}
	p, err := o.project()
	if err != nil {
		return err
	}
	s, _, err := p.writer("undo", false, true)
	if err != nil {
		return err
	}
	defer s.Close()
	w, err := p.choose(ctx, s, true)
	if err != nil {
		return err
	}
	repo, err := p.snapshots()
	if err != nil {
		return err
	}
	command, err := planUndo(ctx, s, repo, w, id)
	if err != nil {
		return err
	}
	return o.undo(ctx, s, repo, w, command)
}

// planUndo finds out what taking back an attempt means. It is refused where other workflows would lose work too, which
// would not know of it.
func planUndo(ctx context.Context, s *store.Store, repo *snapshot.Repo, w engine.Workflow, id engine.AttemptID) (engine.Undo, error) {
	c := engine.Undo{ID: id}
	log, err := eventsOf(ctx, s, w.ID)
	if err != nil {
		return c, err
	}
	tasks, since := engine.AttemptedSince(log, id)
	if since.IsZero() {
		return c, &engine.Hint{Err: fmt.Errorf("undo %s: %s has no such attempt: %w", id, w.ID, engine.ErrNotFound), Try: "ralph history -w " + string(w.ID)}
	}
	taken, err := repo.List(ctx)
	if err != nil {
		return c, err
	}
	at := slices.IndexFunc(taken, func(t snapshot.Snapshot) bool { return t.Message == steps.SnapshotMessage("before", w.ID, id) })
	if at < 0 {
		return c, fmt.Errorf("undo %s: no snapshot was taken before it: %w", id, engine.ErrNotFound)
	}
	c.Tasks, c.Snapshot = tasks, taken[at].ID
	beside := fmt.Sprintf("ralph restore %.12s --to DIR", c.Snapshot)
	if w.State.Ended() {
		return c, &engine.Hint{Err: fmt.Errorf("undo %s: workflow %s is %s, and stays so: %w", id, w.ID, w.State, engine.ErrEnded), Try: beside}
	}
	all, err := s.List(ctx)
	if err != nil {
		return c, err
	}
	for _, other := range all {
		if other.ID == w.ID || other.Updated.Before(since) {
			continue
		}
		log, err := eventsOf(ctx, s, other.ID)
		if err != nil {
			return c, err
		}
		for _, e := range log {
			if e.Type == engine.AttemptIntended && !e.Time.Before(since) {
				return c, &engine.Hint{Err: fmt.Errorf("undo %s: it would take away work of %s too, such as %s/%d: %w",
					id, other.ID, e.Task, e.Attempt, engine.ErrNotAllowed), Try: beside}
			}
		}
	}
	return c, nil
}

func eventsOf(ctx context.Context, s *store.Store, id engine.WorkflowID) (log []engine.Event, err error) {
	err = s.Events(ctx, id, 0, func(e engine.Event) error { log = append(log, e); return nil })
	return log, err
}

// undo says what will change, asks, and does it.
func (o *undoOptions) undo(ctx context.Context, s *store.Store, repo *snapshot.Repo, w engine.Workflow, c engine.Undo) error {
	before, changes, err := repo.Preview(ctx, c.Snapshot)
	if err != nil {
		return err
	}
	c.Before = before.ID
	events, err := engine.Decide(w, c, o.now()) // so that what is refused is refused before somebody is asked
	if err != nil {
		return err
	}
	reopened := reopenedBy(events)
	if !o.json {
		o.preview(c, before, changes, reopened)
	}
	if !o.yes {
		sure, err := o.ask(ctx, fmt.Sprintf("put the files of %s back to before %s? [y/N]", w.ID, c.ID))
		if err != nil || !sure {
			return err
		}
	}
	observe := (&plain{out: o.progressOut(), events: true}).observe
	r := &engine.Runner{Store: s, Steps: steps.New(steps.Options{Snapshots: repo}), Clock: clock{o.now}, Observe: observe}
	if w, err = r.Do(ctx, w.ID, c); err != nil {
		return err
	}
	// From here on the undo is decided: whatever ends this process, the next one goes on with it.
	left := ""
	r.Observe = func(w engine.Workflow, events []engine.Event) {
		for _, e := range events {
			if undone, ok := e.Data.(engine.UndoneData); ok {
				left, c.Before = undone.Left, undone.Before
			}
		}
		observe(w, events)
	}
	if w, err = r.PutBack(ctx, w); err != nil {
		return err
	}
	if o.json {
		d := undoDocument{Schema: schema, Workflow: string(w.ID), Attempt: c.ID.String(), Snapshot: c.Snapshot, Before: c.Before,
			Reopened: reopened, Changes: []changeRecord{}, Left: left}
		for _, change := range changes {
			d.Changes = append(d.Changes, changeRecord{string(change.Path), string(change.Kind)})
		}
		return o.printJSON(d)
	}
	o.line("the files as they were are snapshot %.12s", c.Before)
	_, err = io.WriteString(o.streams.Out, tryLine(o.streams.Out, fmt.Sprintf("ralph restore %.12s --to DIR", c.Before))+tryLine(o.streams.Out, "ralph loop"))
	return err
}

func reopenedBy(events []engine.Event) []string {
	reopened := []string{}
	for _, e := range events {
		if e.Type == engine.TaskReopened {
			reopened = append(reopened, string(e.Task))
		}
	}
	return reopened
}

// shownChanges is how many files are named before somebody is asked.
const shownChanges = 20

func (o *undoOptions) preview(c engine.Undo, before snapshot.Snapshot, changes []snapshot.Change, reopened []string) {
	o.line("undo of %s, back to snapshot %.12s:", c.ID, c.Snapshot)
	for i, change := range changes {
		if i == shownChanges {
			o.detail("and %d more", len(changes)-i)
			break
		}
		o.detail("%s %s", undoWords[change.Kind], string(change.Path))
	}
	o.detail("%s; %s ignored, and left as they are", count(len(changes), "file"), count(before.Ignored, "path"))
	if len(reopened) > 0 {
		o.detail("open again: %s", strings.Join(reopened, ", "))
	}
}

// detail prints one indented line; the arguments may be hostile.
func (o *undoOptions) detail(format string, args ...any) {
	fmt.Fprintln(o.progressOut(), "  "+terminal.Line(fmt.Sprintf(format, args...)))
}

// undoWords say what an undo does to a file.
var undoWords = map[snapshot.ChangeKind]string{
	snapshot.Added: "brings back", snapshot.Removed: "removes", snapshot.Changed: "puts back", snapshot.Mode: "sets the mode of",
}
