package main

import (
	"bufio"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/specs"
)

func newCheck(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "check SPEC.md",
		Short: "Say what is wrong with a spec",
		Long: `Say what is wrong with a spec, one finding a line, as file:line:column:
severity: text. Exit code 0 says that there is no error, 2 that there is one.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return a.check(args[0]) },
	}
}

// check needs no project: a spec can be checked anywhere.
func (a *app) check(spec string) error {
	path, err := (&project{app: a}).specPath(spec)
	if err != nil {
		return err
	}
	text, err := readSpec(path)
	if err != nil {
		return usagef("", "read the spec: %w", err)
	}
	parsed, diagnostics := specs.Parse(spec, text)
	if a.json {
		err = a.printJSON(specs.NewDocument(parsed, diagnostics))
	} else {
		out := bufio.NewWriter(a.streams.Out)
		for _, d := range diagnostics {
			fmt.Fprintln(out, terminal.Line(d.String()))
		}
		err = out.Flush()
	}
	if err != nil {
		return err
	}
	if specs.HasErrors(diagnostics) {
		return exitWith(exitUsage)
	}
	return nil
}
