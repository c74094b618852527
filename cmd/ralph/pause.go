package main

import (
	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/engine"
)

func newPause(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "pause",
		Short: "Let what runs end, and begin nothing new",
		Long: `Let what runs end, and begin nothing new. A loop that works on the workflow ends
then; "ralph resume" goes on.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.decide(cmd.Context(), "pause", func(engine.Workflow) (engine.Command, error) { return engine.Pause{}, nil })
		},
	}
}
