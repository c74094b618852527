package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/engine"
)

type graphOptions struct {
	*app
	format string
	task   string
}

func newGraph(a *app) *cobra.Command {
	o := &graphOptions{app: a}
	cmd := &cobra.Command{
		Use:   "graph",
		Short: "Draw the state machine of a workflow or a task, with the present state marked",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	cmd.Flags().StringVar(&o.format, "format", string(engine.GraphText), "`FORMAT`: text, mermaid or dot")
	cmd.Flags().StringVar(&o.task, "task", "", "draw the machine of this `TASK`")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(graphFormats(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// graphDocument is `ralph graph --json`.
type graphDocument struct {
	Schema   int            `json:"schema"`
	Workflow string         `json:"workflow"`
	Task     *engine.TaskID `json:"task"`
	State    string         `json:"state"`
	Format   string         `json:"format"`
	Graph    string         `json:"graph"`
}

func (o *graphOptions) run(ctx context.Context) error {
	format := engine.GraphFormat(o.format)
	if format != engine.GraphText && format != engine.GraphMermaid && format != engine.GraphDot {
		return usagef("ralph graph --format mermaid", "unknown format %q: want %s", o.format, strings.Join(graphFormats(), ", "))
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
	w, err := p.choose(ctx, s, true)
	if err != nil {
		return err
	}
	d := graphDocument{Schema: schema, Workflow: string(w.ID), State: string(w.State), Format: o.format}
	if o.task == "" {
		d.Graph, err = engine.WorkflowGraph(w.State, format)
	} else {
		t := w.Task(engine.TaskID(o.task))
		if t == nil {
			return fmt.Errorf("draw task %s: %w", o.task, engine.ErrNotFound)
		}
		d.Task, d.State = &t.ID, string(t.State)
		d.Graph, err = engine.TaskGraph(t.State, format)
	}
	if err != nil {
		return err
	}
	if o.json {
		return o.printJSON(d)
	}
	_, err = fmt.Fprintln(o.streams.Out, strings.TrimRight(d.Graph, "\n"))
	return err
}

func graphFormats() []string {
	return []string{string(engine.GraphText), string(engine.GraphMermaid), string(engine.GraphDot)}
}
