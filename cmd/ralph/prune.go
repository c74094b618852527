package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/filesystem"
	"github.com/wrapix/wrapix/snapshot"
	"github.com/wrapix/wrapix/steps"
)

type pruneOptions struct {
	*app
	olderThan string
	dryRun    bool
}

func newPrune(a *app) *cobra.Command {
	o := &pruneOptions{app: a}
	cmd := &cobra.Command{
		Use:   "prune --older-than AGE",
		Short: "Drop transcripts and snapshots of workflows that ended long ago",
		Long: `Drop the prompts, transcripts and snapshots of workflows that ended longer ago
than AGE, such as 30d or 12h, and give back the room that nothing uses any more.
Open workflows keep everything. Of the others the events stay: status, history
and report still tell what happened.

Snapshots are one chain in time: those of an old workflow go when no workflow
that stays has an older one.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	cmd.Flags().StringVar(&o.olderThan, "older-than", "", "how long ago a workflow must have ended: a number with d, h or m")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "say what would be dropped, and drop nothing")
	return cmd
}

// pruneDocument is `ralph prune --json`. The bytes of snapshots and of the database are known only when something was
// dropped.
type pruneDocument struct {
	Schema          int              `json:"schema"`
	DryRun          bool             `json:"dry_run"`
	Workflows       []prunedWorkflow `json:"workflows"`
	Snapshots       int              `json:"snapshots"`
	TranscriptBytes int64            `json:"transcript_bytes"`
	SnapshotBytes   int64            `json:"snapshot_bytes"`
	DatabaseBytes   int64            `json:"database_bytes"`
}

type prunedWorkflow struct {
	ID    string    `json:"id"`
	Ended time.Time `json:"ended"`
	Bytes int64     `json:"bytes"`
}

func (o *pruneOptions) run(ctx context.Context) error {
	const try = "ralph prune --older-than 30d"
	if o.olderThan == "" {
		return usagef(try, "prune: it is not said how long ago a workflow must have ended")
	}
	age, err := parseAge(o.olderThan)
	if err != nil {
		return usagef(try, "prune: %w", err)
	}
	p, err := o.project()
	if err != nil {
		return err
	}
	// The store's lock is what keeps a loop from beginning meanwhile.
	s, state, err := p.writer("prune", false, true)
	if err != nil {
		return err
	}
	defer s.Close()
	all, err := s.List(ctx)
	if err != nil {
		return err
	}
	cut := pruning{project: p, state: state, before: o.now().Add(-age), dryRun: o.dryRun, old: map[engine.WorkflowID]bool{}}
	for _, w := range all {
		cut.old[w.ID] = w.State.Ended() && w.Updated.Before(cut.before)
		if begun := w.Created.Truncate(time.Second); !cut.old[w.ID] && (cut.begun.IsZero() || begun.Before(cut.begun)) {
			cut.begun = begun
		}
	}
	d := pruneDocument{Schema: schema, DryRun: o.dryRun, Workflows: []prunedWorkflow{}}
	for _, w := range all {
		if !cut.old[w.ID] {
			continue
		}
		bytes, err := cut.transcripts(w.ID)
		if err != nil {
			return fmt.Errorf("drop the transcripts of workflow %s: %w", w.ID, err)
		}
		if bytes > 0 {
			d.Workflows = append(d.Workflows, prunedWorkflow{string(w.ID), w.Updated, bytes})
			d.TranscriptBytes += bytes
		}
	}
	if d.Snapshots, d.SnapshotBytes, err = cut.snapshots(ctx); err != nil {
		return err
	}
	if !o.dryRun {
		if d.DatabaseBytes, err = s.Compact(ctx); err != nil {
			return err
		}
	}
	return o.print(d)
}

func (o *pruneOptions) print(d pruneDocument) error {
	if o.json {
		return o.printJSON(d)
	}
	verb := "dropped"
	if d.DryRun {
		verb = "would drop"
	}
	size := func(n int64) string { return filesystem.Bytes(uint64(max(n, 0))) }
	for _, w := range d.Workflows {
		o.line("%s the transcripts of %s, which ended on %s: %s", verb, w.ID, w.Ended.Local().Format(time.DateOnly), size(w.Bytes))
	}
	if d.Snapshots > 0 {
		o.line("%s %s", verb, count(d.Snapshots, "snapshot"))
	}
	switch freed := d.TranscriptBytes + d.SnapshotBytes + d.DatabaseBytes; {
	case len(d.Workflows) == 0 && d.Snapshots == 0 && freed <= 0:
		o.line("nothing to drop")
	case !d.DryRun:
		o.line("%s given back: transcripts %s, snapshots %s, database %s", size(freed), size(d.TranscriptBytes), size(d.SnapshotBytes), size(d.DatabaseBytes))
	}
	return nil
}

// parseAge reads how long ago something was: 30d, 12h, 90m.
func parseAge(text string) (time.Duration, error) {
	age, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n int
		if n, err = strconv.Atoi(days); n > 36500 {
			err = errors.New("more than a hundred years")
		}
		age = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || age < 0 {
		return 0, fmt.Errorf("%q is no age", text)
	}
	return age, nil
}

// pruning is what one prune knows.
type pruning struct {
	*project
	state  string
	before time.Time
	dryRun bool
	old    map[engine.WorkflowID]bool // those that ended before
	begun  time.Time                  // the first of the others; zero where there is none
}

// prunedName is the file in a workflow's folder that says when the rest of the folder was dropped.
const prunedName = "pruned"

// transcripts drops what lies in a workflow's folder. The file that says so comes first, safe from a power cut:
// what a killed process left of the rest, the next one drops.
func (c *pruning) transcripts(id engine.WorkflowID) (bytes int64, err error) {
	folder := filepath.Join(c.state, steps.AttemptsName, string(id))
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Name() == prunedName })
	if len(entries) == 0 {
		return 0, nil
	}
	for _, e := range entries {
		n, err := sizeOf(filepath.Join(folder, e.Name()))
		if err != nil {
			return 0, err
		}
		bytes += n
	}
	if c.dryRun {
		return bytes, nil
	}
	if err := filesystem.Replace(filepath.Join(folder, prunedName), []byte(c.now().UTC().Format(time.RFC3339)+"\n")); err != nil {
		return 0, err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(folder, e.Name())); err != nil {
			return 0, err
		}
	}
	return bytes, nil
}

// snapshots drops the snapshots before the oldest one that somebody may still want, and packs the rest.
func (c *pruning) snapshots(ctx context.Context) (dropped int, bytes int64, err error) {
	folder := filepath.Join(c.state, steps.SnapshotsName)
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return 0, 0, nil
	}
	before, err := sizeOf(folder)
	if err != nil {
		return 0, 0, err
	}
	repo, err := c.project.snapshots()
	if err != nil {
		return 0, 0, err
	}
	was, err := repo.List(ctx)
	if err != nil {
		return 0, 0, err
	}
	if c.dryRun {
		old, err := repo.Old(ctx, c.wanted)
		return len(old), 0, err
	}
	for id, old := range c.old { // those that came with an import are no part of the chain
		of := func(s snapshot.Snapshot) bool {
			of, ok := steps.SnapshotWorkflow(s.Message)
			return ok && of == id
		}
		if old && slices.ContainsFunc(was, of) {
			if err := repo.Disown(ctx, string(id)); err != nil {
				return 0, 0, err
			}
		}
	}
	if err := repo.Forget(ctx, c.wanted); err != nil {
		return 0, 0, err
	}
	are, err := repo.List(ctx)
	if err != nil {
		return 0, 0, err
	}
	after, err := sizeOf(folder)
	return len(was) - len(are), before - after, err
}

// wanted says whether a snapshot stays: it is young, or of a workflow that is not old. One that names no workflow was
// taken by an undo, and counts as one of each that was there.
func (c *pruning) wanted(s snapshot.Snapshot) bool {
	of, ok := steps.SnapshotWorkflow(s.Message)
	return !s.Time.Before(c.before) || ok && !c.old[of] || !ok && !c.begun.IsZero() && !s.Time.Before(c.begun)
}

// sizeOf is what a file, or a folder with all in it, takes up.
func sizeOf(path string) (bytes int64, err error) {
	err = filepath.WalkDir(path, func(_ string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			bytes += info.Size()
		} else if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	})
	return bytes, err
}

// pruned returns an error that is engine.ErrNotFound where the workflow's transcripts and snapshots were dropped.
func (p *project) pruned(id engine.WorkflowID) error {
	state, err := p.stateDir()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(state, steps.AttemptsName, string(id), prunedName))
	if err != nil {
		return nil
	}
	day := "an earlier day"
	if at, err := time.Parse(time.RFC3339, strings.TrimSpace(string(text))); err == nil {
		day = at.Local().Format(time.DateOnly)
	}
	return fmt.Errorf("the transcripts of workflow %s were pruned on %s: %w", id, day, engine.ErrNotFound)
}
