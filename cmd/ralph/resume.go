package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/engine"
)

func newResume(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "resume",
		Short: "End a pause and go on as loop does",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.resume(cmd.Context()) },
	}
}

func (a *app) resume(ctx context.Context) error {
	p, err := a.project()
	if err != nil {
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
