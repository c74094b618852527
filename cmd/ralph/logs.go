package main

import (
	"context"
	"errors"
	"fmt"
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
	follow      bool
	lines       int // the last so many; all when negative
}

func newLogs(a *app) *cobra.Command {
	o := &logsOptions{app: a}
	cmd := &cobra.Command{
		Use:   "logs [TASK[/ATTEMPT[/check-N]]]",
		Short: "Print what an attempt or its check printed; by default the latest attempt",
		Long: `Print what an attempt or its check printed; by default the latest attempt.

With --follow it goes on with what is printed from then on, while a loop works
in another process. An attempt or check that is named is followed to its end. Of
a task, and where nothing is named, each further attempt and check follows as it
begins, below a line that says which, until the task is finished or the loop
ends. What has not begun is waited for while a loop works. When the loop is
killed, the next one is waited for. The exit code is 0, and 130 after Ctrl-C,
which leaves the loop alone.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.attempt = args[0]
			}
			switch given := cmd.Flags().Changed("lines"); {
			case !given:
				o.lines = -1
			case o.lines < 0:
				return usagef("ralph logs -n 100", "%d lines cannot be printed", o.lines)
			}
			if o.follow {
				return o.runFollow(cmd.Context())
			}
			return o.run(cmd.Context())
		},
	}
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "go on with what is printed from now on")
	cmd.Flags().IntVarP(&o.lines, "lines", "n", 0, "begin with the last `N` lines; all when it is not given")
	cmd.Flags().BoolVar(&o.stderr, "stderr", false, "what it printed on standard error")
	cmd.Flags().BoolVar(&o.raw, "raw", false, "the bytes as they were, also such as a terminal acts upon, or a client's records")
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
	if err := p.pruned(w.ID); err != nil {
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
	t := o.tail(func() string { return o.file(dir) }, &lastByte{Writer: o.streams.Out}, o.lines)
	err = errors.Join(t.more(ctx), t.close())
	switch {
	case ctx.Err() != nil:
		return exitWith(exitInterrupted)
	case err != nil:
		return fmt.Errorf("print what %s printed: %w", id, err)
	case t.file == nil:
		return printedNothing(w.ID, id)
	}
	return nil
}

func printedNothing(w engine.WorkflowID, id engine.AttemptID) error {
	return fmt.Errorf("%s of workflow %s has printed nothing yet: %w", id, w, engine.ErrNotFound)
}

// file is the one of an attempt's files that is printed. Which one people are shown is known once there is one.
func (o *logsOptions) file(dir string) string {
	switch {
	case o.stderr:
		return filepath.Join(dir, steps.StderrName)
	case o.raw:
		return filepath.Join(dir, steps.TranscriptName)
	}
	return steps.Shown(dir)
}

// tail prints a file as the flags say.
func (o *logsOptions) tail(path func() string, out *lastByte, lines int) *tail {
	t := &tail{path: path, lines: lines, out: out}
	if !o.raw {
		t.clean = terminal.NewCleaner(out)
	}
	return t
}
