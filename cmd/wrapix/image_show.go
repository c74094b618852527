package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/sandbox/image"
)

func newImageShow(connect connectFunc) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show [PROFILE|IMAGE]",
		Short: "Show an image's layers, their sizes, and what it lacks",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return &usageError{what: fmt.Sprintf("one image expected, not %q", args), try: "wrapix image list"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			conf, err := loadConfig(".")
			if err != nil {
				return err
			}
			name := conf.Sandbox.Profile
			if len(args) > 0 {
				name = args[0]
			}
			ref := name
			if slices.Contains(conf.Profiles.Names(), name) {
				p, err := conf.ProfileOf(name)
				if err != nil {
					return err
				}
				ref = image.Ref(p)
			}
			engine, err := connect(cmd)
			if err != nil {
				return err
			}
			defer engine.Close()
			shown, err := image.Show(cmd.Context(), engine, ref)
			if err != nil {
				return &usageError{what: err.Error(), try: "wrapix image build, or wrapix image list"}
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), struct {
					Schema int `json:"schema"`
					image.Shown
				}{1, shown})
			}
			return printImage(cmd.OutOrStdout(), shown)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func printImage(w io.Writer, s image.Shown) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(table, "image\t%s\n", terminal.Line(s.Ref))
	fmt.Fprintf(table, "digest\t%s\n", s.Digest)
	fmt.Fprintf(table, "from\t%s, %s\n", terminal.Line(string(s.Source)), s.Created.Format(time.DateOnly))
	fmt.Fprintf(table, "size\t%d MB\n", s.Size/1e6)
	for _, l := range s.LeftOut {
		fmt.Fprintf(table, "lacks\t%s\n", terminal.Line(l.String()))
	}
	for _, l := range s.Layers {
		fmt.Fprintf(table, "layer\t%6.1f MB  %s\n", float64(l.Size)/1e6, terminal.Line(l.What))
	}
	return table.Flush()
}

func newImagePrune(connect connectFunc) *cobra.Command {
	return &cobra.Command{
		Use:   "prune",
		Short: "Remove images of wrapix that nothing uses",
		Long: `prune removes the images that wrapix made and that no container uses, but for those of the built-in profiles as they
are now, and of the profiles of wrapix.toml in the present folder; also what is left of builds that were killed. What
another image is made of stays.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conf, err := loadConfig(".")
			if err != nil {
				return err
			}
			keep, err := conf.AllProfiles()
			if err != nil {
				return err
			}
			ofAgents, err := conf.AgentProfiles()
			if err != nil {
				return err
			}
			keep = append(keep, ofAgents...)
			engine, err := connect(cmd)
			if err != nil {
				return err
			}
			defer engine.Close()
			removed, err := image.Prune(cmd.Context(), engine, keep, image.Options{Progress: cmd.ErrOrStderr()})
			for _, name := range removed {
				fmt.Fprintf(cmd.OutOrStdout(), "removed %s\n", name)
			}
			return err
		},
	}
}
