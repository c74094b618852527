package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
)

type costOptions struct {
	*app
	by string
}

func newCost(a *app) *cobra.Command {
	o := &costOptions{app: a}
	cmd := &cobra.Command{
		Use:   "cost",
		Short: "Tell what a workflow cost, by task, model or day",
		Long: `Tell what a workflow cost, by task, model or day, as far as its agent said. Attempts
that were interrupted count with what they had said by then: of these the cost is
often not known, and tokens are. Days are those of UTC.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	cmd.Flags().StringVar(&o.by, "by", "task", "`WHAT` each line is about: task, model or day")
	return cmd
}

// costDocument is `ralph cost --json`.
type costDocument struct {
	Schema   int        `json:"schema"`
	Workflow string     `json:"workflow"`
	By       string     `json:"by"`
	Rows     []costLine `json:"rows"`
	Total    costLine   `json:"total"`
}

// costLine is what the attempts of one task, model or day used.
type costLine struct {
	Key      string  `json:"key"`
	Attempts int     `json:"attempts"`
	CostUSD  float64 `json:"cost_usd"`
	Tokens   int64   `json:"tokens"`
	// Unpriced are the tokens of attempts that told no cost.
	Unpriced int64 `json:"unpriced_tokens"`
}

func (l *costLine) add(cost float64, tokens int64) {
	l.Attempts++
	l.CostUSD += cost
	l.Tokens += tokens
	if cost == 0 {
		l.Unpriced += tokens
	}
}

// costKeys make the key of an attempt's line of what ended it.
var costKeys = map[string]func(e engine.Event, model string, day time.Time) string{
	"task":  func(e engine.Event, _ string, _ time.Time) string { return string(e.Task) },
	"model": func(_ engine.Event, model string, _ time.Time) string { return cmp.Or(model, "unknown") },
	"day": func(e engine.Event, _ string, day time.Time) string {
		if day.IsZero() { // as logs of before there were limits per day have it
			day = e.Time
		}
		return day.UTC().Format(time.DateOnly)
	},
}

func (o *costOptions) run(ctx context.Context) error {
	key, known := costKeys[o.by]
	if !known {
		return usagef("ralph cost --by task", "cost: %q is none of task, model, day", o.by)
	}
	p, err := o.project()
	if err != nil {
		return err
	}
	s, err := p.reader(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	w, err := p.choose(ctx, s, true)
	if err != nil {
		return err
	}
	d := costDocument{Schema: schema, Workflow: string(w.ID), By: o.by, Rows: []costLine{}, Total: costLine{Key: "total"}}
	rows := map[string]*costLine{}
	err = s.Events(ctx, w.ID, 0, func(e engine.Event) error {
		var model string
		var day time.Time
		var cost float64
		var tokens int64
		switch data := e.Data.(type) {
		case engine.FinishedData:
			model, day, cost, tokens = data.Outcome.Model, data.Day, data.Outcome.CostUSD, data.Outcome.InputTokens+data.Outcome.OutputTokens
		case engine.InterruptedData:
			model, day, cost, tokens = data.Model, data.Day, data.Usage.CostUSD, data.Usage.Tokens
		default:
			return nil
		}
		if e.Type != engine.AttemptFinished && e.Type != engine.AttemptInterrupted { // a check has no agent
			return nil
		}
		name := key(e, model, day)
		if rows[name] == nil {
			rows[name] = &costLine{Key: name}
		}
		rows[name].add(cost, tokens)
		d.Total.add(cost, tokens)
		return nil
	})
	if err != nil {
		return err
	}
	for _, row := range rows {
		d.Rows = append(d.Rows, *row)
	}
	slices.SortFunc(d.Rows, func(a, b costLine) int {
		if o.by == "task" { // as the plan has them
			return cmp.Or(cmp.Compare(placeOf(w, a.Key), placeOf(w, b.Key)), cmp.Compare(a.Key, b.Key))
		}
		return cmp.Compare(a.Key, b.Key)
	})
	if o.json {
		return o.printJSON(d)
	}
	o.print(d)
	return nil
}

// placeOf is where a task stands in the plan; the workflow's own work comes first.
func placeOf(w engine.Workflow, task string) int {
	return slices.IndexFunc(w.Tasks, func(t *engine.Task) bool { return string(t.ID) == task })
}

func (o *costOptions) print(d costDocument) {
	out := o.streams.Out
	wide := len(d.Total.Key)
	for _, row := range d.Rows {
		wide = max(wide, terminal.Width(terminal.Line(row.Key)))
	}
	fmt.Fprintf(out, "%s  ATTEMPTS  COST        TOKENS\n", terminal.Pad("", wide))
	for _, row := range append(d.Rows, d.Total) {
		fmt.Fprintf(out, "%s  %8d  %7.2f USD  %d\n", terminal.Pad(terminal.Line(row.Key), wide), row.Attempts, row.CostUSD, row.Tokens)
	}
	if d.Total.Unpriced > 0 {
		fmt.Fprintf(out, "of %d of these tokens the agent told no cost\n", d.Total.Unpriced)
	}
}
