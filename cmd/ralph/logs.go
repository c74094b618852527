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

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/steps"
)

type logsOptions struct {
	*app
	attempt     string
	stderr, raw bool
}

func newLogs(a *app) *cobra.Command {
	o := &logsOptions{app: a}
	cmd := &cobra.Command{
		Use:   "logs [TASK[/ATTEMPT[/check-N]]]",
		Short: "Print what an attempt or its check printed; by default the latest attempt",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.attempt = args[0]
			}
			return o.run(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&o.stderr, "stderr", false, "what it printed on standard error")
	cmd.Flags().BoolVar(&o.raw, "raw", false, "the bytes as they were, also such as a terminal acts upon")
	return cmd
}

// logsDocument is `ralph logs --json`: where the files are, because their content may be large.
type logsDocument struct {
	Schema   int    `json:"schema"`
	Workflow string `json:"workflow"`
	Attempt  string `json:"attempt"`
	Folder   string `json:"folder"`
	Stdout   string `json:"stdout"`
	Stderr   string `json:"stderr"`
}

func (o *logsOptions) run(ctx context.Context) error {
	p, err := o.project()
	if err != nil {
		return err
	}
	w, id, err := p.findAttempt(ctx, o.attempt)
	if err != nil {
		return err
	}
	state, err := config.StateDir(p.root)
	if err != nil {
		return err
	}
	dir := steps.AttemptDir(state, w.ID, id)
	if err := p.pruned(w.ID); err != nil {
		return err
	}
	d := logsDocument{
		Schema: schema, Workflow: string(w.ID), Attempt: id.String(), Folder: dir,
		Stdout: filepath.Join(dir, steps.TranscriptName), Stderr: filepath.Join(dir, steps.StderrName),
	}
	if o.json {
		return o.printJSON(d)
	}
	name := d.Stdout
	if o.stderr {
		name = d.Stderr
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s of workflow %s has printed nothing yet: %w", id, w.ID, engine.ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("read what %s printed: %w", id, err)
	}
	defer f.Close()
	return o.print(f)
}

func (o *logsOptions) print(f io.Reader) error {
	if o.raw {
		_, err := io.Copy(o.streams.Out, f)
		return err
	}
	clean := terminal.NewCleaner(o.streams.Out)
	if _, err := io.Copy(clean, f); err != nil {
		return err
	}
	return clean.Close()
}
