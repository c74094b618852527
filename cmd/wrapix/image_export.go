package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/sandbox/image"
)

func newImageExport(connect connectFunc) *cobra.Command {
	var to string
	var force bool
	cmd := &cobra.Command{
		Use:   "export [PROFILE|IMAGE] --to FILE",
		Short: "Write an image to a file, as an OCI archive",
		Long: `export writes an image that the host has to one file, which podman load and other tools for OCI images read on another
machine. The file appears when it is whole.`,
		Example: "  wrapix image export rust --to rust.tar && scp rust.tar other: && ssh other podman load --input rust.tar",
		Args: func(cmd *cobra.Command, args []string) error {
			if to == "" {
				return &usageError{what: "which file to write must be said", try: cmd.CommandPath() + " --to FILE"}
			}
			return oneImage(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			conf, err := loadConfig(".")
			if err != nil {
				return err
			}
			w, err := named(conf, args)
			if err != nil {
				return err
			}
			engine, err := connect(cmd)
			if err != nil {
				return err
			}
			defer engine.Close()
			size, err := image.Export(cmd.Context(), engine, w.ref(), to, force)
			switch {
			case errors.Is(err, image.ErrNotFound):
				return &usageError{what: err.Error(), try: "wrapix image build, or wrapix image list"}
			case errors.Is(err, fs.ErrExist):
				return &usageError{what: "write " + to + ": there is such a file", try: "another name, or --force to replace it"}
			case err != nil:
				return fmt.Errorf("export the image %s: %w", w.ref(), err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "wrote %s, %d MB\n", to, size/1e6)
			return nil
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "the file to write")
	cmd.Flags().BoolVar(&force, "force", false, "replace a file that is there")
	return cmd
}
