package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/specs"
	"github.com/wrapix/wrapix/steps"
)

type startOptions struct {
	*app
	spec       string
	again, new bool
}

func newStart(a *app) *cobra.Command {
	o := &startOptions{app: a}
	cmd := &cobra.Command{
		Use:   "start SPEC.md",
		Short: "Make a workflow of a spec",
		Long: `Make a workflow of a spec. The spec's text, the commit that the project stands
at and the configuration are recorded. Nothing runs yet but git, in a sandbox.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.spec = args[0]
			return o.run(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&o.again, "again", false, "start although a workflow of the spec is open")
	cmd.Flags().BoolVar(&o.new, "new", false, "the spec does not exist yet: the agent writes it in `ralph plan`")
	return cmd
}

// startDocument is `ralph start --json`. Tasks counts those that the spec itself states.
type startDocument struct {
	Schema   int    `json:"schema"`
	Workflow string `json:"workflow"`
	Label    string `json:"label"`
	Spec     string `json:"spec"`
	Tasks    int    `json:"tasks"`
}

func (o *startOptions) run(ctx context.Context) error {
	p, err := o.project()
	if err != nil {
		return err
	}
	path, err := p.specPath(o.spec)
	if err != nil {
		return err
	}
	if err := p.checkSpec(path, o.new); err != nil {
		return err
	}
	s, err := p.session("start", true, &plain{out: p.progressOut()})
	if err != nil {
		return err
	}
	defer s.Close()
	all, err := s.store.List(ctx)
	if err != nil {
		return err
	}
	if open := ofSpec(openOnes(all), p.inProject(path)); len(open) > 0 && !o.again {
		return usagef("ralph loop"+inWorkflow(open[0], len(openOnes(all))), "start %s: workflow %s of it is open (--again starts another)", o.spec, open[0].ID)
	}
	w, err := s.start(ctx, all, path, o.new)
	if err != nil {
		return err
	}
	if o.json {
		return o.printJSON(startDocument{schema, string(w.ID), w.Label, w.SpecPath, len(w.Source.Tasks)})
	}
	o.line("started %s: %s, %s", w.ID, w.SpecPath, planned(w.Source))
	fmt.Fprint(o.streams.Out, tryLine(o.streams.Out, "ralph loop"+inWorkflow(w, len(openOnes(all))+1)))
	return nil
}

// planned says what a workflow begins with.
func planned(s *engine.Source) string {
	switch {
	case len(s.Tasks) > 0:
		return count(len(s.Tasks), "task")
	case s.Complete:
		return "the agent will propose the tasks"
	}
	return "the agent will write the spec: " + s.Reason
}

// start makes a workflow of the spec at an absolute path. all are the workflows that there are.
func (s *session) start(ctx context.Context, all []engine.Workflow, path string, missingOK bool) (engine.Workflow, error) {
	if err := s.connect(ctx); err != nil {
		return engine.Workflow{}, err
	}
	command, diagnostics, err := s.steps.Begin(ctx, path, missingOK)
	if err != nil {
		return engine.Workflow{}, err
	}
	if specs.HasErrors(diagnostics) {
		return engine.Workflow{}, &specError{path: command.SpecPath, diagnostics: diagnostics}
	}
	command.ID = newID(command.Label, all)
	command.Limits, command.Config = limits(s.conf.Loop), s.conf.Text
	return s.runner.Start(ctx, command)
}

// checkSpec looks at the spec before anything is opened, and prints what is to be said of it. A spec with errors is an
// error.
func (p *project) checkSpec(path string, missingOK bool) error {
	text, err := readSpec(path)
	if os.IsNotExist(err) && missingOK {
		return nil
	}
	if os.IsNotExist(err) {
		return &engine.Hint{Err: fmt.Errorf("%s: %w", p.inProject(path), steps.ErrNoSpec), Try: "ralph start --new " + p.inProject(path)}
	}
	if err != nil {
		return fmt.Errorf("read the spec: %w", err)
	}
	_, diagnostics := specs.Parse(p.inProject(path), text)
	if specs.HasErrors(diagnostics) {
		return &specError{path: p.inProject(path), diagnostics: diagnostics}
	}
	for _, d := range diagnostics {
		if d.Severity != specs.Info {
			fmt.Fprintln(p.streams.Err, terminal.Line(d.String()))
		}
	}
	return nil
}

// maxSpec is more than a spec may have, so that package specs can say that it is too large.
const maxSpec = 16<<20 + 1

// readSpec reads an ordinary file, and waits for no pipe.
func readSpec(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil {
		return nil, err
	} else if !st.Mode().IsRegular() {
		return nil, usagef("", "%s is not an ordinary file", path)
	}
	return io.ReadAll(io.LimitReader(f, maxSpec))
}

// newID makes an id of the label that no workflow has: demo-1, demo-2, ….
func newID(label string, all []engine.Workflow) engine.WorkflowID {
	slug := slug(label)
	taken := map[engine.WorkflowID]bool{}
	for _, w := range all {
		taken[w.ID] = true
	}
	for n := 1; ; n++ {
		if id := engine.WorkflowID(fmt.Sprintf("%s-%d", slug, n)); !taken[id] {
			return id
		}
	}
}

// slug makes a name of a container, a folder and a word on the command line from any label.
func slug(label string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(label) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= 32 {
			break
		}
	}
	if s := strings.Trim(b.String(), "-"); s != "" {
		return s
	}
	return "spec"
}
