package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/sandbox/image"
)

func newImage(connect connectFunc, s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "image",
		Short: "Make, look at and remove the images that sandboxes start from",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &usageError{what: fmt.Sprintf("wrapix image has no command %q", args[0]), try: "wrapix image --help"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return &usageError{what: "wrapix image needs a command: build, list, show, export, prune or upgrade", try: "wrapix image --help"}
		},
	}
	cmd.AddCommand(newImageBuild(connect, s), newImageList(connect), newImageShow(connect, s), newImageExport(connect), newImagePrune(connect), newImageUpgrade())
	return cmd
}

func newImageBuild(connect connectFunc, s streams) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "build [PROFILE]",
		Short: "Make the image of a profile where the host does not have it",
		Long: `build makes the image of a profile and prints its name. The base is Debian's image, pulled by digest, where a
container registry answers; otherwise the image is bootstrapped from the package sources of this host. An image that
is there already is taken as it is.

The profiles are those that wrapix profile list shows; without one, what wrapix.toml in the present folder says counts: its
image, which is fetched where Podman does not have it or built of a Containerfile, or its profile, or else base. Where
wrapix.toml signs an agent in, its client is in the profile's image, in a layer on top.

An image is made in layers, and profiles share those that they have in common. What can only be had from elsewhere than
Debian is left out where that cannot be reached, and the output says so; --force tries again.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return &usageError{what: fmt.Sprintf("one profile expected, not %q", args), try: cmd.CommandPath() + " --help"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			conf, err := loadConfig(".")
			if err != nil {
				return err
			}
			w, err := profiled(conf, args)
			if err == nil && conf.Login() != "" { // it is what the agent's sandboxes start from
				w, err = w.withAgent(conf)
			}
			if err != nil {
				return err
			}
			if err := approvedHere(cmd.Context(), s, conf, w); err != nil {
				return err
			}
			engine, err := connect(cmd)
			if err != nil {
				return err
			}
			defer engine.Close()
			ref, err := w.ensure(cmd.Context(), engine, image.Options{Progress: cmd.ErrOrStderr(), Force: force})
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), ref)
			return nil
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "make it anew although the host has it")
	return cmd
}

// imagesDocument is what `wrapix image list --json` prints.
type imagesDocument struct {
	Schema int            `json:"schema"`
	Images []image.Listed `json:"images"`
}

func newImageList(connect connectFunc) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the images that wrapix made",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			engine, err := connect(cmd)
			if err != nil {
				return err
			}
			defer engine.Close()
			images, err := image.List(cmd.Context(), engine)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), imagesDocument{Schema: 1, Images: images})
			}
			return printImages(cmd.OutOrStdout(), images)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func printImages(w io.Writer, images []image.Listed) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "IMAGE\tPROFILE\tSIZE\tCREATED\tIN USE")
	for _, i := range images {
		used := "no"
		if i.InUse {
			used = "yes"
		}
		fmt.Fprintf(table, "%s\t%s\t%d MB\t%s\t%s\n", i.Ref, terminal.Line(i.Profile), i.Size/1e6, i.Created.Format(time.DateOnly), used)
	}
	return table.Flush()
}

// approvedHere is approved for the present folder, as far as the image goes that is wanted.
func approvedHere(ctx context.Context, s streams, conf config.Config, w wanted) error {
	dir, err := realPath(".")
	if err != nil {
		return fmt.Errorf("find the present folder: %s", reason(err))
	}
	effective := conf
	if w.image != conf.Sandbox.Image { // it is not made use of
		effective.Sandbox.Image = ""
	}
	return approved(ctx, s, dir, conf, effective, "profiles.", "sandbox.image")
}
