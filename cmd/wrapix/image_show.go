package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/sandbox/image"
)

func newImageShow(connect connectFunc, s streams) *cobra.Command {
	var asJSON, bill bool
	cmd := &cobra.Command{
		Use:   "show [PROFILE|IMAGE]",
		Short: "Show an image's layers, their sizes, and what it lacks",
		Long: `show tells what an image is made of, layer by layer, and what it lacks because that could not be reached.

With --sbom it prints a bill of materials instead, as a CycloneDX document: each package that Debian's package manager has
installed in the image, with its version and architecture. A sandbox without a network and without your files reads that
list. What was installed in another way, by a run line or from its makers, is not on it.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if asJSON && bill {
				return &usageError{what: "of --json and --sbom only one can be meant", try: cmd.CommandPath() + " --help"}
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
			if bill && len(args) == 0 { // a sandbox is made from it
				if err := approvedHere(cmd.Context(), s, conf, w); err != nil {
					return err
				}
			}
			engine, err := connect(cmd)
			if err != nil {
				return err
			}
			defer engine.Close()
			shown, err := image.Show(cmd.Context(), engine, w.ref())
			if err != nil {
				return &usageError{what: err.Error(), try: "wrapix image build, or wrapix image list"}
			}
			if bill {
				return printBill(cmd.Context(), engine, cmd.OutOrStdout(), shown)
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
	cmd.Flags().BoolVar(&bill, "sbom", false, "print a bill of materials: its packages, in CycloneDX's JSON")
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
