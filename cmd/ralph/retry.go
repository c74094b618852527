package main

import (
	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/engine"
)

func newRetry(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "retry [TASK]",
		Short: "Give a blocked or failed task all its attempts again",
		Long:  "Give a blocked or failed task all its attempts again. Without TASK the only one that\nwaits is meant.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.decide(cmd.Context(), "retry", func(w engine.Workflow) (engine.Command, error) {
				if len(args) > 0 {
					return engine.Retry{Task: engine.TaskID(args[0])}, nil
				}
				task, err := only(w, "retry", "failure or block", engine.Blocked, engine.BudgetSpent)
				return engine.Retry{Task: task}, err
			})
		},
	}
}
