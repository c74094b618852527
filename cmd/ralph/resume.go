package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/control"
	"github.com/wrapix/wrapix/engine"
)

func newResume(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "resume",
		Short: "End a pause and go on as loop does",
		Long: `End a pause and go on as loop does. Where a loop still works on the workflow, or
stays for a person, that one goes on, and the command returns.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.resume(cmd.Context()) },
	}
}

func (a *app) resume(ctx context.Context) error {
	p, err := a.project()
	if err != nil {
		return err
	}
	if done, err := p.resumeThrough(ctx); done || err != nil {
		return err
	}
	w, err := p.run(ctx, job{
		command: "resume", endless: true, pick: pickChosen,
		advance: func(ctx context.Context, s *session, w engine.Workflow) (engine.Workflow, error) {
			w, err := s.runner.Do(ctx, w.ID, engine.Unpause{})
			if err != nil {
				return w, err
			}
			return s.runner.Loop(ctx, w)
		},
	})
	if err != nil {
		return err
	}
	return exitWith(codeOfState(w.State))
}

// resumeThrough ends the pause in the process that works on the workflow, and leaves the work to it. Where none does,
// nothing is done.
func (p *project) resumeThrough(ctx context.Context) (done bool, err error) {
	holder, err := p.dial(ctx)
	if errors.Is(err, control.ErrNobody) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer holder.Close()
	works := holder.Server().Workflow
	if works == "" || p.workflow != "" && p.workflow != string(works) {
		return false, nil
	}
	p.workflow = string(works)
	return true, p.decide(ctx, "resume", func(engine.Workflow) (engine.Command, error) { return engine.Unpause{}, nil })
}
