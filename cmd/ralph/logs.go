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
	w, id, err := o.find(ctx, p)
	if err != nil {
		return err
	}
	state, err := config.StateDir(p.root)
	if err != nil {
		return err
	}
	dir := steps.AttemptDir(state, w.ID, id)
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

// find returns the workflow and the attempt or check that is meant.
func (o *logsOptions) find(ctx context.Context, p *project) (w engine.Workflow, id engine.AttemptID, err error) {
	if o.attempt != "" {
		if id, err = engine.ParseAttemptID(o.attempt); err != nil {
			return w, id, usagef("ralph status", "%w", err)
		}
	}
	s, err := p.reader(ctx)
	if err != nil {
		return w, id, err
	}
	defer s.Close()
	if w, err = p.choose(ctx, s, true); err != nil {
		return w, id, err
	}
	if o.attempt == "" {
		id, err = latest(ctx, s, w.ID)
		return w, id, err
	}
	t := w.Task(id.Task)
	switch {
	case t == nil:
		return w, id, fmt.Errorf("task %s of workflow %s: %w", id.Task, w.ID, engine.ErrNotFound)
	case t.Attempts == 0:
		return w, id, fmt.Errorf("task %s of workflow %s has had no attempt: %w", id.Task, w.ID, engine.ErrNotFound)
	case id.Number > t.Attempts:
		return w, id, fmt.Errorf("attempt %s: task %s has had %s: %w", id, t.ID, count(t.Attempts, "attempt"), engine.ErrNotFound)
	case id.Number == 0:
		id.Number = t.Attempts
		if t.ID == engine.CriteriaTask && t.LastFailure == nil {
			id.Check = t.CheckRuns // no agent was needed
		}
	}
	return w, id, nil
}

// latest returns the last attempt that was begun, or the last check where there was no attempt.
func latest(ctx context.Context, s reader, w engine.WorkflowID) (id engine.AttemptID, err error) {
	err = s.Events(ctx, w, 0, func(e engine.Event) error {
		data, ok := e.Data.(engine.IntendedData)
		if ok && (data.Check == 0 || id.Number == 0 || id.Check > 0) {
			id = engine.AttemptID{Task: e.Task, Number: e.Attempt, Check: data.Check}
		}
		return nil
	})
	if err == nil && id.Number == 0 {
		err = fmt.Errorf("an attempt of workflow %s: %w: none has begun", w, engine.ErrNotFound)
	}
	return id, err
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
