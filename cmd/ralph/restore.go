package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/snapshot"
)

type restoreOptions struct {
	*app
	to string
}

func newRestore(a *app) *cobra.Command {
	o := &restoreOptions{app: a}
	cmd := &cobra.Command{
		Use:   "restore SNAPSHOT --to DIR",
		Short: "Write the project as a snapshot has it into an empty folder",
		Long: `Write the project as a snapshot has it into an empty folder. The project itself
stays as it is. "ralph diff-attempt" names the snapshots around an attempt.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },
	}
	cmd.Flags().StringVar(&o.to, "to", "", "the `DIR` to write to: empty, or not there yet")
	return cmd
}

// restoreDocument is `ralph restore --json`.
type restoreDocument struct {
	Schema   int    `json:"schema"`
	Snapshot string `json:"snapshot"`
	Folder   string `json:"folder"`
}

func (o *restoreOptions) run(ctx context.Context, id string) error {
	if o.to == "" {
		return usagef("ralph restore "+terminal.Line(id)+" --to DIR", "restore: it is not said where to")
	}
	p, err := o.project()
	if err != nil {
		return err
	}
	repo, err := p.snapshots()
	if err != nil {
		return err
	}
	dest, err := p.specPath(o.to)
	if err != nil {
		return err
	}
	switch err := repo.Restore(ctx, id, dest); {
	case errors.Is(err, snapshot.ErrUnknown):
		return usagef("ralph diff-attempt", "%w", err)
	case errors.Is(err, snapshot.ErrNotEmpty):
		return usagef("name a folder that is empty, or not there yet", "%w", err)
	case err != nil:
		return err
	}
	if o.json {
		return o.printJSON(restoreDocument{schema, id, dest})
	}
	o.line("snapshot %s is in %s", id, dest)
	return nil
}
