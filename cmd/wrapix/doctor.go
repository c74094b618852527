package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/doctor"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/podman"
	"github.com/wrapix/wrapix/sandbox/profile"
)

// doctorOptions are those of `wrapix doctor`.
type doctorOptions struct {
	fix, yes, json bool
	root           *runOptions // the flags of all commands
}

func newDoctor(root *runOptions) *cobra.Command {
	o := &doctorOptions{root: root}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this host lacks for sandboxes, and mend it",
		Long: `doctor looks at Podman and at all else that sandboxes need of this host, and says what is missing or wrong with the
command that mends it. Exit code 1 says that something keeps sandboxes from running.

--fix shows each such command, asks, runs it, and looks again. What needs root's rights is printed for you to run, and
so is what takes something away that you may want to keep. Without a terminal it needs --yes.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.yes && !o.fix {
				return &usageError{what: "--yes goes with --fix", try: "wrapix doctor --fix --yes"}
			}
			return o.run(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&o.fix, "fix", false, "mend what can be mended, and ask before each command")
	cmd.Flags().BoolVar(&o.yes, "yes", false, "with --fix: do not ask")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON document")
	return cmd
}

// checksDocument is what `wrapix doctor --json` prints.
type checksDocument struct {
	Schema int             `json:"schema"`
	Checks []checkDocument `json:"checks"`
}

type checkDocument struct {
	Name  string `json:"name"`
	State string `json:"state"` // ok, warning or failed
	Code  string `json:"code"`  // as in ralph doctor --json
	Text  string `json:"text"`
	Fix   string `json:"fix"`
	FixBy string `json:"fix_by"` // user, root or hand; empty without a fix
}

func (o *doctorOptions) run(ctx context.Context) error {
	s := o.root.streams
	if o.fix && !o.yes && !(isTerminal(s.in) && isTerminal(s.err) && inForeground(s.in)) {
		return &usageError{what: "mend this host: standard input is no terminal to ask on", try: "wrapix doctor --fix --yes"}
	}
	here, err := realPath(".")
	if err != nil {
		return err
	}
	results := doctor.Run(ctx, o.checks(here))
	if err := ctx.Err(); err != nil {
		return err
	}
	switch {
	case o.fix:
		if results, err = o.mend(ctx, results); err != nil {
			return err
		}
	case !o.json:
		printResults(s.out, results)
	}
	if o.json {
		if err := printJSON(s.out, newChecksDocument(results)); err != nil {
			return err
		}
	}
	if doctor.Failed(results) {
		return &codeError{code: exitFailed}
	}
	return nil
}

// checks are those of the host, and of the configuration of the present folder.
func (o *doctorOptions) checks(here string) []doctor.Check {
	opts := doctor.Options{Podman: podman.Options{AllowRoot: o.root.allowRoot}}
	conf, err := loadConfig(here)
	if err == nil {
		opts.Profiles, err = conf.AllProfiles()
	}
	if err == nil && conf.Login() != "" {
		var ofAgents []profile.Profile
		ofAgents, err = conf.AgentProfiles()
		opts.Profiles = append(opts.Profiles, ofAgents...)
	}
	own := func(context.Context) []sandbox.Finding { return nil }
	if err != nil {
		own = func(context.Context) []sandbox.Finding {
			return []sandbox.Finding{{
				Severity: sandbox.SeverityError, Check: "config", Code: "config",
				Text: strings.ReplaceAll(err.Error(), "\n", "; "), Fix: "correct " + config.FileName,
			}}
		}
	}
	opts.State, _ = config.StatesDir() // without one there is no state
	return append([]doctor.Check{{Name: "config", Look: own}}, doctor.Host(opts)...)
}

// mend goes through the results, and returns them as they are after the fixes that were run.
func (o *doctorOptions) mend(ctx context.Context, results []doctor.Result) (now []doctor.Result, err error) {
	out := o.root.streams.out
	if o.json {
		out = o.root.streams.err
	}
	told, mended := map[string]bool{}, map[string]bool{}
	for _, r := range results {
		if mended[r.Check] {
			continue // it was looked at again
		}
		printState(out, r.Finding)
		after := []doctor.Result{r}
		switch {
		case r.Fix == "" || told[r.Fix]:
		case r.By == sandbox.ByUser:
			fmt.Fprintln(out, "fix: "+terminal.Line(r.Fix))
			if after, mended[r.Check], err = o.mendOne(ctx, r, out); err != nil {
				return nil, err
			}
		case r.By == sandbox.ByRoot:
			fmt.Fprintln(out, "needs root's rights, so run it yourself: "+terminal.Line(r.Fix))
		default:
			fmt.Fprintln(out, "not for a program to run: "+terminal.Line(r.Fix))
		}
		told[r.Fix] = true
		now = append(now, after...)
	}
	return now, nil
}

// mendOne asks, runs the fix, and says how it stands then; ran is whether somebody wanted it.
func (o *doctorOptions) mendOne(ctx context.Context, r doctor.Result, out *os.File) (after []doctor.Result, ran bool, err error) {
	s := o.root.streams
	if !o.yes {
		if ok, err := yes(ctx, streams{in: s.in, out: out, err: s.err}, "Run it?"); err != nil || !ok {
			return []doctor.Result{r}, false, err
		}
		// A person may have taken an hour to answer, and what was safe to run then may not be now.
		if after = r.Again(ctx); ctx.Err() == nil && !slices.ContainsFunc(after, func(now doctor.Result) bool { return now.Fix == r.Fix && now.By == r.By }) {
			fmt.Fprintln(out, "that has changed meanwhile, so it was not run; look again: wrapix doctor")
			return []doctor.Result{r}, false, nil
		}
	}
	wrapix, err := os.Executable()
	if err != nil {
		return nil, false, err
	}
	// A fix that fails has said why; how it stands is what the check says.
	if err := doctor.Mend(ctx, r.Finding, wrapix, s.err); err != nil && ctx.Err() == nil {
		fmt.Fprintln(s.err, "wrapix: "+terminal.Line(err.Error()))
	}
	after = r.Again(ctx)
	if err := ctx.Err(); err != nil {
		return nil, true, err
	}
	if len(after) == 0 {
		f := sandbox.Finding{Severity: sandbox.SeverityOK, Check: r.Check, Code: r.Code, Text: r.Check + " is in order now"}
		after = []doctor.Result{{Finding: f}}
	}
	for _, r := range after {
		printState(out, r.Finding)
	}
	return after, true, nil
}

// states are the words for severities.
var states = map[sandbox.Severity]string{sandbox.SeverityOK: "ok", sandbox.SeverityWarning: "warning", sandbox.SeverityError: "failed"}

func printState(w io.Writer, f sandbox.Finding) {
	fmt.Fprintf(w, "%-7s  %s\n", states[f.Severity], terminal.Line(f.Text))
}

func printResults(w io.Writer, results []doctor.Result) {
	mendable := false
	for _, r := range results {
		printState(w, r.Finding)
		if r.Fix != "" {
			fmt.Fprintln(w, "try: "+terminal.Line(r.Fix))
		}
		mendable = mendable || r.By == sandbox.ByUser
	}
	if mendable {
		fmt.Fprintln(w, "wrapix doctor --fix asks, and mends what needs no root's rights")
	}
}

func newChecksDocument(results []doctor.Result) checksDocument {
	d := checksDocument{Schema: 1, Checks: []checkDocument{}}
	for _, r := range results {
		c := checkDocument{Name: r.Check, State: states[r.Severity], Code: r.Code, Text: r.Text, Fix: r.Fix, FixBy: string(r.By)}
		if c.Fix != "" && r.By == sandbox.ByHand {
			c.FixBy = "hand"
		}
		d.Checks = append(d.Checks, c)
	}
	return d
}
