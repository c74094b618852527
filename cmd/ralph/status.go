package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/control"
	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/given"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/sandbox/podman"
	"github.com/wrapix/wrapix/steps"
)

func newStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show where the open workflows stand, or else the latest one",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.status(cmd.Context()) },
	}
}

// statusDocument is `ralph status --json`.
type statusDocument struct {
	Schema    int                `json:"schema"`
	Workflows []workflowDocument `json:"workflows"`
}

type workflowDocument struct {
	ID         string         `json:"id"`
	Label      string         `json:"label"`
	Spec       string         `json:"spec"`
	State      string         `json:"state"`
	Waiting    *waitDocument  `json:"waiting"`
	Tasks      []taskDocument `json:"tasks"`
	CostUSD    float64        `json:"cost_usd"`
	Tokens     int64          `json:"tokens"`
	Iterations int            `json:"iterations"`
	Created    time.Time      `json:"created"`
	Updated    time.Time      `json:"updated"`
}

type waitDocument struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
}

type taskDocument struct {
	ID       string   `json:"id"`
	Title    string   `json:"title"`
	State    string   `json:"state"`
	Profile  string   `json:"profile"`
	Attempts int      `json:"attempts"`
	Verified *bool    `json:"verified"`
	After    []string `json:"after"`
}

func newWorkflowDocument(w engine.Workflow) workflowDocument {
	d := workflowDocument{
		ID: string(w.ID), Label: w.Label, Spec: w.SpecPath, State: string(w.State), CostUSD: w.CostUSD, Tokens: w.Tokens,
		Iterations: w.Iterations, Created: w.Created, Updated: w.Updated, Tasks: make([]taskDocument, len(w.Tasks)),
	}
	if wait := w.Waiting(); wait != nil {
		d.Waiting = &waitDocument{Kind: string(wait.Kind), Message: wait.Message}
	}
	for i, t := range w.Tasks {
		after := make([]string, len(t.After))
		for j, id := range t.After {
			after[j] = string(id)
		}
		d.Tasks[i] = taskDocument{string(t.ID), t.Title, string(t.State), t.Profile, t.Attempts, t.Verified, after}
	}
	return d
}

func (a *app) status(ctx context.Context) error {
	p, err := a.project()
	if err != nil {
		return err
	}
	workflows, about, err := p.statusWorkflows(ctx)
	if err != nil {
		return err
	}
	if a.json {
		d := statusDocument{Schema: schema, Workflows: []workflowDocument{}}
		for _, w := range workflows {
			d.Workflows = append(d.Workflows, newWorkflowDocument(w))
		}
		return a.printJSON(d)
	}
	out := a.streams.Out
	if len(workflows) == 0 {
		fmt.Fprint(out, "nothing was started here yet\n"+tryLine(out, hintOf(errNoWorkflow)))
		return nil
	}
	buffered := bufio.NewWriter(out)
	for i, w := range workflows {
		if i > 0 {
			fmt.Fprintln(buffered)
		}
		fmt.Fprint(buffered, statusText(out, w, a.now(), about))
	}
	if conf, err := p.config(); err == nil { // whoever works tells of one that cannot be read
		for _, text := range podman.Warnings(given.Limits(conf.Sandbox)) {
			fmt.Fprintln(buffered, text)
		}
	}
	fmt.Fprint(buffered, p.webhookTrouble())
	if state, err := p.stateDir(); err == nil {
		if text := steps.NewGit(state, p.root); text != "" {
			fmt.Fprintln(buffered, terminal.Line(text))
		}
	}
	return buffered.Flush()
}

// surroundings are what a workflow's status depends on besides it.
type surroundings struct {
	open   int               // workflows of the project
	worker string            // the process that works on one of them, as a person would name it; empty when there is none
	works  engine.WorkflowID // which one that is, where it says so
}

// statusWorkflows returns the workflow that -w names, or all that are open, or the latest, and what is around them.
func (p *project) statusWorkflows(ctx context.Context) (_ []engine.Workflow, about surroundings, _ error) {
	s, err := p.reader(ctx)
	if errors.Is(err, errNoWorkflow) && p.workflow == "" {
		return nil, about, nil
	}
	if err != nil {
		return nil, about, err
	}
	defer s.Close()
	all, err := s.List(ctx)
	if err != nil {
		return nil, about, err
	}
	if c, ok := s.(*control.Client); ok {
		v := c.Server()
		about.worker = fmt.Sprintf("%s, process %d, since %s", v.Command, v.PID, moment(v.Since, p.now(), "15:04"))
		about.works = v.Workflow
	}
	open := openOnes(all)
	about.open = len(open)
	wanted := open
	switch {
	case p.workflow != "":
		wanted = []engine.Workflow{{ID: engine.WorkflowID(p.workflow)}}
	case len(open) == 0 && len(all) > 0:
		wanted = all[len(all)-1:]
	}
	workflows, err := loadAll(ctx, s, wanted)
	return workflows, about, err
}

func loadAll(ctx context.Context, s reader, wanted []engine.Workflow) ([]engine.Workflow, error) {
	var loaded []engine.Workflow
	for _, w := range wanted {
		w, err := s.Overview(ctx, w.ID)
		if err != nil {
			return nil, err
		}
		loaded = append(loaded, w)
	}
	return loaded, nil
}

// statusText shows one workflow to a person.
func statusText(out *terminal.Output, w engine.Workflow, now time.Time, about surroundings) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s  %s\n", out.Paint(terminal.Bold, terminal.Line(string(w.ID))),
		out.Paint(workflowStyle(w.State), stateWords(w.State)), terminal.Line(w.SpecPath))
	fmt.Fprintf(&b, "  started %s, changed %s ago; %s%s\n", w.Created.Local().Format("2006-01-02 15:04"),
		short(now.Sub(w.Updated)), count(w.Iterations, "attempt"), spent(w))
	taskTable(&b, out, w, now)
	b.WriteString(waitLines(out, w, about.open, "", now))
	switch {
	case w.State.Ended():
	case about.worker != "" && about.works != "" && about.works != w.ID:
		b.WriteString(terminal.Line(about.worker) + ", works on " + terminal.Line(string(about.works)) + "\n")
	case about.worker != "":
		b.WriteString("worked on by " + terminal.Line(about.worker) + "\n")
	case w.Waiting() == nil:
		b.WriteString(tryLine(out, "ralph loop"+inWorkflow(w, about.open)))
	}
	return b.String()
}

// spent is what the workflow has cost, as far as its agent says so.
func spent(w engine.Workflow) string {
	var s string
	if w.CostUSD > 0 {
		s += fmt.Sprintf(", %.2f USD", w.CostUSD)
	}
	if w.Tokens > 0 {
		s += fmt.Sprintf(", %d tokens", w.Tokens)
	}
	if w.Spent > 0 {
		s += ", " + short(w.Spent) + " in sandboxes"
	}
	return s
}

func taskTable(b *strings.Builder, out *terminal.Output, w engine.Workflow, now time.Time) {
	tasks := visible(w)
	if len(tasks) == 0 {
		return
	}
	wide := len("TASK")
	for _, t := range tasks {
		wide = min(max(wide, terminal.Width(string(t.ID))), 64)
	}
	fmt.Fprintf(b, "\n  %s  %s  %s  %s  TITLE\n", terminal.Pad("TASK", wide), terminal.Pad("STATE", 17), terminal.Pad("ATTEMPTS", 8), terminal.Pad("VERIFIED", 9))
	b.Grow(len(tasks) * 100)
	for _, t := range tasks {
		state := string(t.State)
		if t.Open != nil {
			state += " " + short(now.Sub(t.Open.Since))
		}
		id, state, attempts := terminal.Fit(terminal.Line(string(t.ID)), wide), terminal.Fit(state, 17), strconv.Itoa(t.Attempts)
		verified := verifiedWords(w, t)
		b.WriteString("  ")
		b.WriteString(id)
		gap(b, wide-terminal.Width(id)+2)
		b.WriteString(out.Paint(taskStyle(t), state))
		gap(b, 17-len(state)+2+8-len(attempts))
		b.WriteString(attempts)
		gap(b, 2)
		b.WriteString(verified)
		gap(b, 9-len(verified)+2)
		b.WriteString(terminal.Line(t.Title))
		b.WriteByte('\n')
	}
	b.WriteString("\n")
}

const blanks = "                                                                  "

func gap(b *strings.Builder, columns int) { b.WriteString(blanks[:min(max(columns, 0), len(blanks))]) }

// verifiedWords says whether checks passed. A task that has none is unchecked, before it is done and after.
func verifiedWords(w engine.Workflow, t *engine.Task) string {
	switch {
	case t.Verified != nil && *t.Verified:
		return "yes"
	case t.Verified != nil:
		return "no"
	case t.State == engine.TaskDone, len(t.Checks) == 0 && len(w.Source.Checks) == 0 && !t.ID.Reserved():
		return "unchecked"
	}
	return "-"
}
