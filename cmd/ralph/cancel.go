package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/control"
	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
)

type cancelOptions struct {
	*app
	yes bool
}

func newCancel(a *app) *cobra.Command {
	o := &cancelOptions{app: a}
	cmd := &cobra.Command{
		Use:   "cancel",
		Short: "End a workflow for good, without finishing it",
		Long: `End a workflow for good, without finishing it. What the agent did to the project
stays. On a terminal the command asks first.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	cmd.Flags().BoolVar(&o.yes, "yes", false, "do not ask")
	return cmd
}

func (o *cancelOptions) run(ctx context.Context) error {
	if !o.yes && !o.streams.InTerminal() {
		return usagef("ralph cancel --yes", "cancel: there is no terminal to ask on")
	}
	p, err := o.project()
	if err != nil {
		return err
	}
	var w engine.Workflow
	switch l, errDial := p.dial(ctx); {
	case errDial == nil: // the process that works on it stops its sandboxes itself
		defer l.Close()
		w, err = o.cancel(ctx, p, l, func(w engine.Workflow) (engine.Workflow, error) {
			return l.Do(ctx, w.ID, engine.Cancel{Reason: cancelReason})
		})
	case !errors.Is(errDial, control.ErrNobody):
		return errDial
	default:
		s, errOpen := p.session("cancel", false, &plain{out: p.progressOut()})
		if errOpen != nil {
			return errOpen
		}
		defer s.Close()
		w, err = o.cancel(ctx, p, s.store, func(w engine.Workflow) (engine.Workflow, error) {
			if err := s.connect(ctx); err != nil {
				return w, err
			}
			return s.runner.Cancel(ctx, w, cancelReason)
		})
	}
	if err != nil || w.State != engine.Cancelled {
		return err
	}
	if o.json {
		return o.printJSON(statusDocument{Schema: schema, Workflows: []workflowDocument{newWorkflowDocument(w)}})
	}
	o.line("%s is cancelled", w.ID)
	return nil
}

const cancelReason = "by a person"

// cancel asks, where it has to, and cancels. A person who does not want to gets the workflow as it is.
func (o *cancelOptions) cancel(ctx context.Context, p *project, from reader, end func(engine.Workflow) (engine.Workflow, error)) (engine.Workflow, error) {
	w, err := p.choose(ctx, from, false)
	if err != nil {
		return w, err
	}
	if !o.yes {
		sure, err := o.ask(ctx, fmt.Sprintf("cancel %s (%s; %s)? [y/N] ", w.ID, w.SpecPath, tally(w.Tasks)))
		if err != nil || !sure {
			return w, err
		}
	}
	return end(w)
}

// ask asks a person on the terminal; only yes is yes.
func (a *app) ask(ctx context.Context, question string) (bool, error) {
	fmt.Fprint(a.streams.Err, terminal.Line(question)+" ")
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(a.streams.In).ReadString('\n')
		answer <- line
	}()
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case line := <-answer:
		line = strings.ToLower(strings.TrimSpace(line))
		return line == "y" || line == "yes", nil
	}
}
