package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/account"
	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/steps"
)

type exportOptions struct {
	*app
	force bool
}

func newExport(a *app) *cobra.Command {
	o := &exportOptions{app: a}
	cmd := &cobra.Command{
		Use:   "export FILE",
		Short: "Write a workflow's whole account to one archive, for `ralph import` elsewhere",
		Long: `Write a workflow's whole account to one archive: its events, the prompts and
transcripts of its attempts, and the snapshots of the project around them. "-"
is standard output. It can be made while a loop works: what runs just then is
not in it.

The archive holds the project's files, and what the agent was told and said.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },
	}
	cmd.Flags().BoolVar(&o.force, "force", false, "write over a file that is there")
	return cmd
}

// exportDocument is `ralph export --json`.
type exportDocument struct {
	Schema    int      `json:"schema"`
	Workflow  string   `json:"workflow"`
	File      string   `json:"file"`
	Events    uint64   `json:"events"`
	Attempts  int      `json:"attempts"`
	Snapshots int      `json:"snapshots"`
	Open      []string `json:"open"`
}

func (o *exportOptions) run(ctx context.Context, name string) error {
	if name == "-" && (o.json || o.streams.Out.Terminal) {
		return usagef("ralph export FILE", "export: standard output is a terminal, or taken by the JSON document")
	}
	p, err := o.project()
	if err != nil {
		return err
	}
	s, err := p.reader(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	x, err := p.export(ctx, s)
	if err != nil {
		return err
	}
	if name == "-" {
		_, err := x.Write(ctx, o.streams.Out)
		return err
	}
	path, err := p.specPath(name)
	if err != nil {
		return err
	}
	x.Temp = filepath.Dir(path)
	var done account.Exported
	err = writeWhole(path, "", o.force, func(out io.Writer) error {
		done, err = x.Write(ctx, out)
		return err
	})
	if err != nil {
		return err
	}
	if o.json {
		return o.printJSON(exportDocument{schema, string(x.Workflow.ID), path, done.Events, done.Attempts, done.Snapshots, names(done.Open)})
	}
	o.line("the account of %s is in %s: %s, %s, %s", x.Workflow.ID, path, count(int(done.Events), "event"),
		count(done.Attempts, "run"), count(done.Snapshots, "snapshot"))
	for _, id := range done.Open {
		o.line("%s runs just now: what it prints is not in it", id)
	}
	return nil
}

// export says what there is to export of the workflow that is meant.
func (p *project) export(ctx context.Context, s reader) (x account.Export, err error) {
	w, err := p.choose(ctx, s, true)
	if err != nil {
		return x, err
	}
	state, err := p.stateDir()
	if err != nil {
		return x, err
	}
	x = account.Export{
		Workflow: w, State: state, Program: version, Now: p.now(),
		Events: func(ctx context.Context, yield func(engine.Event) error) error { return s.Events(ctx, w.ID, 0, yield) },
	}
	if _, err := os.Stat(filepath.Join(state, steps.SnapshotsName)); err == nil {
		x.Snapshots, err = p.snapshots()
		return x, err
	} else if !errors.Is(err, fs.ErrNotExist) {
		return x, fmt.Errorf("look for snapshots: %w", err)
	}
	return x, nil
}

func names(ids []engine.AttemptID) []string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = id.String()
	}
	return all
}
