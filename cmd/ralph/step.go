package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/engine"
)

func newStep(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "step",
		Short: "Do one task: one attempt and its verification",
		Long: `Do one task of a workflow: one attempt and its verification. What of plan and
ready is still due comes first; when all tasks are done, the success criteria
are checked. Exit code 100 says that nothing is left and all is complete.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.step(cmd.Context()) },
	}
}

func (a *app) step(ctx context.Context) error {
	p, err := a.project()
	if err != nil {
		return err
	}
	before := engine.Workflow{}
	w, err := p.run(ctx, job{
		command: "step", pick: pickChosen,
		advance: func(ctx context.Context, s *session, w engine.Workflow) (engine.Workflow, error) {
			before = w
			return s.step(ctx, w)
		},
	})
	switch {
	case err != nil:
		return err
	case w.State == engine.Done && before.Seq == 0: // it was done before: nothing ran
		return exitWith(exitNothingLeft)
	case w.State.Ended() || w.State.Waits():
		return exitWith(codeOfState(w.State))
	}
	return nil
}

// step does what leads up to a task, one attempt at it, and what verifies that.
func (s *session) step(ctx context.Context, w engine.Workflow) (engine.Workflow, error) {
	w, err := s.runner.Recover(ctx, w)
	var task engine.TaskID
	for err == nil {
		next := engine.Next(w)
		if next.Kind == engine.Nothing || task != "" && (next.Kind != engine.RunCheck && next.Kind != engine.RunHook || next.Task != task) {
			return w, nil
		}
		if ctx.Err() != nil {
			return w, engine.ErrStopped
		}
		if next.Kind != engine.RunHook && next.Kind != engine.PutBack && (!next.Task.Reserved() || next.Task == engine.CriteriaTask) {
			task = next.Task
		}
		w, _, err = s.runner.Advance(ctx, w)
	}
	return w, err
}
