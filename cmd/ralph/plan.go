package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/engine"
)

func newPlan(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "plan",
		Short: "Have the agent write the spec, where it is missing or not complete",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.transition(cmd.Context(), engine.PlanTask)
		},
	}
}

// transition performs one of the workflow's own transitions: attempts of it, until it is made or waits for a person.
func (a *app) transition(ctx context.Context, id engine.TaskID) error {
	p, err := a.project()
	if err != nil {
		return err
	}
	w, err := p.run(ctx, job{
		command: string(id), pick: pickChosen,
		advance: func(ctx context.Context, s *session, w engine.Workflow) (engine.Workflow, error) {
			return s.transition(ctx, w, id)
		},
	})
	if err != nil {
		return err
	}
	if w.State.Waits() || w.State.Ended() {
		return exitWith(codeOfState(w.State))
	}
	return nil
}

func (s *session) transition(ctx context.Context, w engine.Workflow, id engine.TaskID) (engine.Workflow, error) {
	w, err := s.runner.Recover(ctx, w)
	if err != nil {
		return w, err
	}
	if w.Task(id).State.Finished() {
		s.show.note(already(id))
		return w, nil
	}
	if id == engine.ReadyTask && !w.Plan.State.Finished() && !w.State.Waits() {
		return w, &engine.Hint{Err: errPlanDue, Try: "ralph plan" + inNamed(s.workflow)}
	}
	for err == nil && engine.Next(w).Task == id {
		if ctx.Err() != nil {
			return w, engine.ErrStopped
		}
		w, _, err = s.runner.Advance(ctx, w)
	}
	return w, err
}

func already(id engine.TaskID) string {
	if id == engine.PlanTask {
		return "plan: there is nothing to do, the spec is complete"
	}
	return "ready: there is nothing to do, the tasks are planned"
}

func inNamed(workflow string) string {
	if workflow == "" {
		return ""
	}
	return " -w " + workflow
}
