package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/hooks"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/trust"
)

// trustOptions are those of `wrapix trust`.
type trustOptions struct {
	show, revoke, yes, json bool
	devcontainer            bool
	streams                 streams
}

func newTrust(s streams) *cobra.Command {
	o := &trustOptions{streams: s}
	cmd := &cobra.Command{
		Use:   "trust [DIR]",
		Short: "Approve what a project's wrapix.toml does to the host",
		Long: `trust shows what wrapix.toml does outside of the sandbox (programs that run on the host, places that data is sent
to, files and secrets that are given to it, the image that it is made from), or what has changed of that since it was approved, and asks whether it may. What you have seen is recorded in the
project's state folder. Until then nothing of it takes effect, and a ralph loop waits.

Without a terminal it shows the same and needs --yes.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return &usageError{what: fmt.Sprintf("one folder expected, not %q", args), try: cmd.CommandPath() + " --help"}
			}
			if o.show && o.revoke || (o.show || o.revoke) && o.yes || o.json && !o.show {
				return &usageError{what: "of --show, --revoke and --yes only one can be meant, and --json goes with --show", try: cmd.CommandPath() + " --help"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			if o.devcontainer {
				return o.runDevcontainer(cmd.Context(), dir)
			}
			return o.run(cmd.Context(), dir)
		},
	}
	cmd.Flags().BoolVar(&o.show, "show", false, "only list the settings, each with whether it is trusted")
	cmd.Flags().BoolVar(&o.revoke, "revoke", false, "trust nothing of it any more")
	cmd.Flags().BoolVar(&o.yes, "yes", false, "approve without asking")
	cmd.Flags().BoolVar(&o.json, "json", false, "with --show: print one JSON document")
	cmd.Flags().BoolVar(&o.devcontainer, "from-devcontainer", false, "the same for what wrapix --from-devcontainer takes of the folder's devcontainer.json")
	return cmd
}

// trustDocument is what `wrapix trust --show --json` prints.
type trustDocument struct {
	Schema   int               `json:"schema"`
	Project  string            `json:"project"`
	Trusted  bool              `json:"trusted"`
	Settings []settingDocument `json:"settings"`
	Gone     []settingDocument `json:"gone"` // approved, and not there any more
}

type settingDocument struct {
	Key     string `json:"key"`
	Words   string `json:"words"`
	Trusted bool   `json:"trusted"`
}

func (o *trustOptions) run(ctx context.Context, dir string) error {
	project, err := config.FindProject(dir)
	switch {
	case errors.Is(err, config.ErrNoProject):
		return &usageError{what: err.Error(), try: "wrapix trust DIR"}
	case err != nil:
		return &usageError{what: "use the folder " + dir + ": " + reason(err)}
	}
	state, err := config.StateDir(project)
	if err == nil {
		err = config.CheckStateDir(state, project)
	}
	if err != nil {
		return err
	}
	if o.revoke {
		return o.forget(project, state)
	}
	// The file is read once: what is shown is what is recorded, whatever becomes of the file meanwhile.
	conf, err := config.LoadPart(filepath.Join(project, config.FileName))
	var problems *config.Problems
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist):
	case errors.As(err, &problems):
		return err
	default:
		return &usageError{what: "read the configuration: " + err.Error()}
	}
	d, err := trust.Check(state, project, trust.List(conf))
	if err != nil && !errors.Is(err, trust.ErrDamaged) {
		return err
	}
	if err != nil {
		fmt.Fprintln(o.streams.err, "wrapix: "+terminal.Line(err.Error())+"; nothing is trusted")
	}
	if o.show {
		return o.list(d)
	}
	return o.approve(ctx, project, conf, d)
}

func (o *trustOptions) forget(project, state string) error {
	was, err := trust.Revoke(state)
	if err != nil {
		return err
	}
	text := "nothing was approved for " + project
	if was {
		text = "nothing of " + project + " is trusted any more"
	}
	fmt.Fprintln(o.streams.out, terminal.Line(text))
	return nil
}

// list shows each setting with whether it is trusted.
func (o *trustOptions) list(d trust.Difference) error {
	doc := trustDocument{Schema: 1, Project: d.Project, Trusted: d.Trusted(), Settings: []settingDocument{}, Gone: []settingDocument{}}
	for _, s := range d.Shown() {
		doc.Settings = append(doc.Settings, settingDocument{s.Key, s.Words, d.Approved(s)})
	}
	for _, s := range d.Removed {
		doc.Gone = append(doc.Gone, settingDocument{s.Key, s.Words, false})
	}
	if o.json {
		return printJSON(o.streams.out, doc)
	}
	if len(doc.Settings) == 0 {
		fmt.Fprintln(o.streams.out, nothingReaches(d))
	}
	for _, s := range doc.Settings {
		word := "untrusted"
		if s.Trusted {
			word = "trusted"
		}
		fmt.Fprintf(o.streams.out, "%-9s  %s\n", word, terminal.Line(s.Key+": "+s.Words))
	}
	if len(doc.Settings) > 0 {
		for _, s := range doc.Gone {
			fmt.Fprintf(o.streams.out, "%-9s  %s\n", "gone", terminal.Line(s.Key+": "+s.Words))
		}
	}
	return nil
}

func nothingReaches(d trust.Difference) string {
	return "nothing in " + d.FileName() + " reaches the host, so there is nothing to approve"
}

// approve shows what would be approved of wrapix.toml, has a person agree, and records it.
func (o *trustOptions) approve(ctx context.Context, project string, conf config.Config, d trust.Difference) error {
	if o.already(d) {
		return nil
	}
	for _, args := range programs(conf) {
		if err := hooks.Check(project, args[0]); err != nil {
			return &usageError{what: fmt.Sprintf("the program %s cannot be approved: %v", args[0], err), try: "put it outside of the project, and name that path in wrapix.toml"}
		}
	}
	if err := mountable(project, conf); err != nil {
		return err
	}
	var notes []string
	if text := conf.Sandbox.Containerfile; text != "" && slices.ContainsFunc(d.Added, func(s trust.Setting) bool { return s.Key == "sandbox.image" }) {
		notes = append(notes, terminal.Line("the file "+conf.Sandbox.Image+" is"))
		for line := range strings.Lines(text) {
			notes = append(notes, "  | "+terminal.Line(strings.TrimRight(line, "\n")))
		}
	}
	for _, args := range programs(conf) {
		if hooks.Mentions(project, args) {
			notes = append(notes, terminal.Line("note: "+args[0]+" is given a path of the project. If it runs what lies there, it runs what an agent wrote."))
		}
	}
	if err := o.agree(ctx, d, notes...); err != nil {
		return err
	}
	state, err := config.OpenStateDir(project)
	if err != nil {
		return err
	}
	return o.record(state, d)
}

// already says so where there is nothing to approve.
func (o *trustOptions) already(d trust.Difference) bool {
	switch {
	case d.Trusted() && len(d.List) == 0:
		fmt.Fprintln(o.streams.out, nothingReaches(d))
	case d.Recorded():
		fmt.Fprintln(o.streams.out, "all of it is trusted already; wrapix trust --show lists it")
	default:
		return false
	}
	return true
}

// agree shows the difference and the notes, which are clean, and returns nothing if a person takes it.
func (o *trustOptions) agree(ctx context.Context, d trust.Difference, notes ...string) error {
	what := " reaches the host:"
	if d.Trusted() {
		what = " limits the network. If that is recorded, what is wider will need your approval:"
	}
	fmt.Fprintln(o.streams.out, terminal.Line(d.FileName()+" of "+d.Project+what))
	for _, line := range d.Lines() {
		fmt.Fprintln(o.streams.out, "  "+terminal.Line(line))
	}
	for _, note := range notes {
		fmt.Fprintln(o.streams.out, note)
	}
	if o.yes {
		return nil
	}
	return o.ask(ctx)
}

func (o *trustOptions) record(state string, d trust.Difference) error {
	if err := trust.Approve(state, d.Project, d.List, time.Now()); err != nil {
		return err
	}
	fmt.Fprintln(o.streams.out, "trusted")
	return nil
}

// programs are those that the configuration runs on the host.
func programs(c config.Config) (all [][]string) {
	for _, args := range [][]string{c.Hooks.PreLoop, c.Hooks.PreStep, c.Hooks.PostStep, c.Hooks.PostLoop} {
		if len(args) > 0 {
			all = append(all, args)
		}
	}
	for _, s := range c.Secrets {
		if len(s.Command) > 0 {
			all = append(all, s.Command)
		}
	}
	return all
}

// ask returns nothing if a person says yes.
func (o *trustOptions) ask(ctx context.Context) error {
	if !isTerminal(o.streams.in) {
		return &usageError{what: "approve it: standard input is no terminal to ask on", try: "wrapix trust --yes"}
	}
	ok, err := yes(ctx, o.streams, "May it?")
	if err == nil && !ok {
		err = errors.New("nothing was approved")
	}
	return err
}
