package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
)

func newList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the project's workflows",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.list(cmd.Context()) },
	}
}

// listDocument is `ralph list --json`.
type listDocument struct {
	Schema    int              `json:"schema"`
	Workflows []listedDocument `json:"workflows"`
}

type listedDocument struct {
	ID         string    `json:"id"`
	Label      string    `json:"label"`
	Spec       string    `json:"spec"`
	State      string    `json:"state"`
	CostUSD    float64   `json:"cost_usd"`
	Tokens     int64     `json:"tokens"`
	Iterations int       `json:"iterations"`
	Created    time.Time `json:"created"`
	Updated    time.Time `json:"updated"`
}

func (a *app) list(ctx context.Context) error {
	p, err := a.project()
	if err != nil {
		return err
	}
	all, err := p.all(ctx)
	if err != nil {
		return err
	}
	if a.json {
		d := listDocument{Schema: schema, Workflows: []listedDocument{}}
		for _, w := range all {
			d.Workflows = append(d.Workflows, listedDocument{
				string(w.ID), w.Label, w.SpecPath, string(w.State), w.CostUSD, w.Tokens, w.Iterations, w.Created, w.Updated,
			})
		}
		return a.printJSON(d)
	}
	out := a.streams.Out
	if len(all) == 0 {
		fmt.Fprint(out, "nothing was started here yet\n"+tryLine(out, hintOf(errNoWorkflow)))
		return nil
	}
	wide := 0
	for _, w := range all {
		wide = max(wide, len(w.ID))
	}
	for _, w := range all {
		fmt.Fprintf(out, "%s  %s  %s  %s\n", terminal.Pad(terminal.Line(string(w.ID)), wide),
			out.Paint(workflowStyle(w.State), terminal.Pad(stateWords(w.State), 20)),
			w.Created.Local().Format("2006-01-02 15:04"), terminal.Line(w.SpecPath))
	}
	return nil
}

// all lists the project's workflows without their tasks; none where nothing was started yet.
func (p *project) all(ctx context.Context) ([]engine.Workflow, error) {
	s, err := p.reader(ctx)
	if errors.Is(err, errNoWorkflow) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.List(ctx)
}
