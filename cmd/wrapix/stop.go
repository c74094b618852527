package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/sandbox"
)

func newStop(connect connectFunc) *cobra.Command {
	var seconds uint
	cmd := &cobra.Command{
		Use:   "stop NAME",
		Short: "End a sandbox that runs",
		Long: `stop asks the command of a sandbox to end (SIGTERM), and kills all that runs in it when the time is over. NAME is one
of wrapix ps, or the start of one. A sandbox that was started with --rm=false stays, with its log, until wrapix prune.`,
		Args:              oneName,
		ValidArgsFunction: completeNames(connect, isRunning),
		RunE: func(cmd *cobra.Command, args []string) error {
			engine, err := connect(cmd)
			if err != nil {
				return err
			}
			defer engine.Close()
			s, err := sandboxNamed(cmd.Context(), engine, args[0])
			if err != nil {
				return err
			}
			if s.State == sandbox.StateExited {
				fmt.Fprintln(cmd.OutOrStdout(), terminal.Line(s.Name+" has ended already"))
				return nil
			}
			if err := engine.Stop(cmd.Context(), s.Name, time.Duration(seconds)*time.Second); err != nil {
				return fmt.Errorf("stop the sandbox: %w", err)
			}
			fmt.Fprintln(cmd.OutOrStdout(), terminal.Line("stopped "+s.Name))
			return nil
		},
	}
	cmd.Flags().UintVar(&seconds, "time", 10, "how many `SECONDS` it gets to end by itself; 0 kills it at once")
	return cmd
}
