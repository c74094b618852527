package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/podman"
)

// connectFunc connects with the flags of a command line.
type connectFunc func(*cobra.Command) (*podman.Engine, error)

// listed is one sandbox of ours, as `wrapix ps --json` shows it. Workflow and attempt are ids that ralph takes.
type listed struct {
	Name     string        `json:"name"`
	ID       string        `json:"id"`
	State    sandbox.State `json:"state"`
	Process  ownership     `json:"process"` // that looks after it
	Project  string        `json:"project"`
	Image    string        `json:"image"`
	Command  *string       `json:"command"`
	Workflow *string       `json:"workflow"`
	Task     *string       `json:"task"`
	Attempt  *string       `json:"attempt"`
	Created  time.Time     `json:"created"`
	Kept     bool          `json:"kept"`     // started with --rm=false
	Terminal bool          `json:"terminal"` // its command has one
}

// psDocument is what `wrapix ps --json` prints.
type psDocument struct {
	Schema    int      `json:"schema"`
	Sandboxes []listed `json:"sandboxes"`
}

func newPs(connect connectFunc) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ps",
		Short: "List the sandboxes of wrapix and ralph",
		Long: `ps lists the sandboxes that wrapix and ralph made and that are still there. PROCESS says whether the process that
looks after the sandbox is living or gone; what is gone, wrapix prune removes. A sandbox that was started with --rm=false
needs none, and is kept.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			engine, err := connect(cmd)
			if err != nil {
				return err
			}
			defer engine.Close()
			all, err := sandboxes(cmd.Context(), engine)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), psDocument{Schema: 1, Sandboxes: all})
			}
			return printSandboxes(cmd.OutOrStdout(), all)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

// sandboxes returns all of ours, the oldest first.
func sandboxes(ctx context.Context, rt sandbox.Runtime) ([]listed, error) {
	found, err := rt.List(ctx, map[string]string{labelOurs: "1"})
	if err != nil {
		return nil, fmt.Errorf("list the sandboxes: %w", err)
	}
	all := []listed{}
	for _, c := range found {
		all = append(all, listed{
			Name: c.Name, ID: c.ID, State: c.State, Process: ownerOf(c), Image: c.Image, Created: c.Created.UTC(),
			Project: c.Labels[labelProject], Command: label(c, labelCommand), Workflow: label(c, labelWorkflow),
			Task: label(c, labelTask), Attempt: label(c, labelAttempt),
			Kept: c.Labels[labelKept] != "", Terminal: c.Labels[labelTerminal] != "",
		})
	}
	slices.SortFunc(all, func(a, b listed) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.Name, b.Name))
	})
	return all, nil
}

func label(c sandbox.Container, name string) *string {
	if value, ok := c.Labels[name]; ok {
		return &value
	}
	return nil
}

func printSandboxes(w io.Writer, all []listed) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tSTATE\tPROCESS\tAGE\tPROJECT\tWHAT")
	for _, s := range all {
		what := "ralph"
		switch {
		case s.Attempt != nil && s.Workflow != nil:
			what = "ralph " + *s.Workflow + " " + *s.Attempt
		case s.Command != nil:
			what = *s.Command
		}
		process := string(s.Process)
		if s.Kept && s.Process == ownerGone {
			process = "kept"
		}
		age := time.Since(s.Created).Round(time.Second)
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", cell(s.Name), s.State, process, age, cell(s.Project), cell(what))
	}
	return table.Flush()
}

// cell makes text of others fit for one cell of a table.
func cell(text string) string {
	const limit = 60
	runes := []rune(terminal.Line(text))
	if len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return string(runes)
}

func printJSON(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(terminal.EscapeJSON(b), '\n'))
	return err
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &usageError{what: fmt.Sprintf("%s takes no %q", cmd.CommandPath(), args[0]), try: cmd.CommandPath() + " --help"}
	}
	return nil
}
