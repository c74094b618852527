package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/engine"
)

// errPlanDue says that the tasks cannot be planned before the spec is there.
var errPlanDue = fmt.Errorf("plan the tasks: the spec is not complete yet: %w", engine.ErrNotAllowed)

func newReady(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "ready",
		Short: "Make the task graph: from the spec's own tasks, else proposed by the agent",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.transition(cmd.Context(), engine.ReadyTask)
		},
	}
}
