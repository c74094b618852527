package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/snapshot"
	"github.com/wrapix/wrapix/steps"
)

func newDiffAttempt(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "diff-attempt [TASK[/ATTEMPT]]",
		Short: "Show what an attempt changed in the project; by default the latest",
		Long: `Show what an attempt changed in the project, from the snapshots that were taken
before and after it; by default the latest attempt. Ignored files are in no
snapshot.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var attempt string
			if len(args) > 0 {
				attempt = args[0]
			}
			return a.diffAttempt(cmd.Context(), attempt)
		},
	}
}

// diffDocument is `ralph diff-attempt --json`.
type diffDocument struct {
	Schema   int            `json:"schema"`
	Workflow string         `json:"workflow"`
	Attempt  string         `json:"attempt"`
	Before   string         `json:"before"`
	After    string         `json:"after"`
	Ignored  int            `json:"ignored"`
	Changes  []changeRecord `json:"changes"`
	Diff     string         `json:"diff"`
}

type changeRecord struct {
	Path string `json:"path"`
	Kind string `json:"kind"`
}

func (a *app) diffAttempt(ctx context.Context, name string) error {
	p, err := a.project()
	if err != nil {
		return err
	}
	w, id, err := p.findAttempt(ctx, name)
	if err != nil {
		return err
	}
	id.Check = 0
	repo, err := p.snapshots()
	if err != nil {
		return err
	}
	before, after, err := around(ctx, repo, w.ID, id)
	if err != nil {
		return cmp.Or(p.pruned(w.ID), err)
	}
	if !a.json {
		fmt.Fprintf(a.streams.Out, "%s of %s: from snapshot %.12s to %.12s; %s left out as ignored\n\n",
			id, terminal.Line(string(w.ID)), before.ID, after.ID, count(after.Ignored, "path"))
		clean := terminal.NewCleaner(a.streams.Out)
		return errors.Join(repo.Diff(ctx, before.ID, after.ID, clean), clean.Close())
	}
	d := diffDocument{Schema: schema, Workflow: string(w.ID), Attempt: id.String(), Before: before.ID, After: after.ID, Ignored: after.Ignored, Changes: []changeRecord{}}
	changes, err := repo.Changes(ctx, before.ID, after.ID)
	if err != nil {
		return err
	}
	for _, c := range changes {
		d.Changes = append(d.Changes, changeRecord{string(c.Path), string(c.Kind)})
	}
	var text bytes.Buffer
	if err := repo.Diff(ctx, before.ID, after.ID, &text); err != nil {
		return err
	}
	d.Diff = text.String()
	return a.printJSON(d)
}

// snapshots opens the project's snapshots.
func (p *project) snapshots() (*snapshot.Repo, error) {
	state, err := p.stateDir()
	if err != nil {
		return nil, err
	}
	return snapshot.Open(filepath.Join(state, steps.SnapshotsName), p.root, snapshot.Options{})
}

// around returns the snapshots before and after an attempt. Of one that was interrupted there is only the first.
func around(ctx context.Context, repo *snapshot.Repo, w engine.WorkflowID, id engine.AttemptID) (before, after snapshot.Snapshot, err error) {
	all, err := repo.List(ctx)
	if err != nil {
		return before, after, err
	}
	for _, s := range all {
		switch s.Message {
		case steps.SnapshotMessage("before", w, id):
			before = s
		case steps.SnapshotMessage("after", w, id):
			after = s
		}
	}
	if before.ID == "" || after.ID == "" {
		return before, after, fmt.Errorf("what %s changed is not known: it has not finished, or no snapshot was taken: %w", id, engine.ErrNotFound)
	}
	return before, after, nil
}
