package main

import (
	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/engine"
)

func newSkip(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "skip TASK",
		Short: "Do without a task",
		Long: `Do without a task: what comes after it goes on as if it were done, and every
display says that it was skipped. An attempt of it that runs is stopped.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.decide(cmd.Context(), "skip", func(engine.Workflow) (engine.Command, error) {
				return engine.Skip{Task: engine.TaskID(args[0])}, nil
			})
		},
	}
}
