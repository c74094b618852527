package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/sandbox/image"
)

func newImageUpgrade() *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:   "upgrade AGENT",
		Short: "Choose another version of an agent's client",
		Long: `upgrade asks npm's registry for the latest version of an agent's client, or for that of --to, and records it
with the hash of its archive for all your projects. The next image has it: in a layer on top, so nothing else is made
anew. Images with the version before stay until wrapix image prune, and what runs goes on with its own.

wrapix was tested with the version that it comes with; --to with that version takes the choice back.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{what: fmt.Sprintf("one agent expected, not %q", args), try: "wrapix image upgrade claude"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if to != "latest" && !config.IsVersion(to) {
				return &usageError{what: fmt.Sprintf("--to: %q is no version", to), try: "wrapix image upgrade " + args[0] + " --to 1.2.3"}
			}
			now, err := config.Program(args[0])
			if errors.Is(err, config.ErrNoProgram) {
				return &usageError{what: err.Error(), try: "wrapix image upgrade claude"}
			}
			if err != nil {
				return err
			}
			next, err := image.Published(cmd.Context(), now, to)
			if err != nil {
				return err
			}
			if next == now {
				fmt.Fprintf(cmd.OutOrStdout(), "%s is the one in use\n", now)
				return nil
			}
			if err := config.ChooseProgram(next); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s, which was %s; the next image has it\n", next, now.Version)
			return nil
		},
	}
	cmd.Flags().StringVar(&to, "to", "latest", "the `VERSION`")
	return cmd
}
