package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/sandbox"
)

// sandboxNamed finds a sandbox of wrapix by its name or the start of it, which may leave "wrapix-" out.
func sandboxNamed(ctx context.Context, rt sandbox.Runtime, name string) (listed, error) {
	all, err := sandboxes(ctx, rt)
	if err != nil {
		return listed{}, err
	}
	var found []listed
	for _, s := range all {
		if s.Name == name {
			found = []listed{s}
			break
		}
		if name != "" && (strings.HasPrefix(s.Name, name) || strings.HasPrefix(s.Name, namePrefix+name)) {
			found = append(found, s)
		}
	}
	switch {
	case len(found) == 0:
		return listed{}, &usageError{what: fmt.Sprintf("there is no sandbox %q", name), try: "wrapix ps"}
	case len(found) > 1:
		return listed{}, &usageError{what: fmt.Sprintf("%q can be %s or %s", name, found[0].Name, found[1].Name), try: "write more of the name: wrapix ps"}
	case found[0].Command == nil:
		return listed{}, &usageError{what: found[0].Name + " is a sandbox of ralph's", try: "ralph attach, ralph logs or ralph pause, in " + terminal.Line(found[0].Project)}
	}
	return found[0], nil
}

// runningNamed finds one that runs.
func runningNamed(ctx context.Context, rt sandbox.Runtime, name string) (listed, error) {
	s, err := sandboxNamed(ctx, rt, name)
	if err == nil && s.State != sandbox.StateRunning {
		err = &usageError{what: s.Name + " does not run: it is " + string(s.State), try: "wrapix logs " + s.Name}
	}
	return s, err
}

// oneName takes one argument, the name of a sandbox.
func oneName(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return &usageError{what: "one name of a sandbox expected", try: cmd.CommandPath() + " NAME, with a name of wrapix ps"}
	}
	return nil
}

// completeNames offers the names of sandboxes in the first argument's place.
func completeNames(connect connectFunc, fits func(listed) bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveDefault
		}
		engine, err := connect(cmd)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		defer engine.Close()
		all, err := sandboxes(cmd.Context(), engine)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var names []string
		for _, s := range all {
			if s.Command != nil && fits(s) && strings.HasPrefix(s.Name, typed) {
				names = append(names, s.Name)
			}
		}
		slices.Sort(names)
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

func isRunning(s listed) bool { return s.State == sandbox.StateRunning }
