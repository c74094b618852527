package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/account"
	"github.com/wrapix/wrapix/engine"
)

type importOptions struct {
	*app
	gigabytes int
}

func newImport(a *app) *cobra.Command {
	o := &importOptions{app: a}
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Take in a workflow's account that `ralph export` wrote",
		Long: `Take in a workflow's account that "ralph export" wrote, elsewhere or here before.
All of it is verified first: an archive that is not whole, or not of one piece,
changes nothing. "-" is standard input.

The project's own files stay as they are. A workflow that is not finished can be
gone on with here; what ran when it was exported counts as interrupted.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },
	}
	cmd.Flags().IntVar(&o.gigabytes, "max-gb", account.MaxSize>>30, "refuse an archive that unpacks to more than `N` gigabytes")
	return cmd
}

// importDocument is `ralph import --json`.
type importDocument struct {
	Schema      int      `json:"schema"`
	Workflow    string   `json:"workflow"`
	Label       string   `json:"label"`
	State       string   `json:"state"`
	Events      uint64   `json:"events"`
	Snapshots   int      `json:"snapshots"`
	Interrupted []string `json:"interrupted"`
}

func (o *importOptions) run(ctx context.Context, name string) error {
	if o.gigabytes < 1 || o.gigabytes > 1<<20 {
		return usagef("ralph import --max-gb 8 FILE", "import: --max-gb %d is no size", o.gigabytes)
	}
	p, err := o.project()
	if err != nil {
		return err
	}
	in, err := p.open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	s, state, err := p.writer("import", true, true)
	if err != nil {
		return err
	}
	done, err := account.Import{
		Store: s, State: state, Project: p.root, Snapshots: p.snapshots, MaxSize: int64(o.gigabytes) << 30, Now: p.now(),
	}.Read(ctx, in)
	all, listErr := s.List(ctx)
	if closeErr := s.Close(); err == nil {
		err = errors.Join(listErr, closeErr)
	}
	if err != nil {
		return o.explain(name, err)
	}
	w := done.Workflow
	if o.json {
		return o.printJSON(importDocument{schema, string(w.ID), w.Label, string(w.State), w.Seq, done.Snapshots, names(done.Interrupted)})
	}
	o.line("imported %s: %s, %s, %s", w.ID, stateWords(w.State), count(int(w.Seq), "event"), count(done.Snapshots, "snapshot"))
	for _, id := range done.Interrupted {
		o.line("%s ran when it was exported, and counts as interrupted", id)
	}
	if !w.State.Ended() {
		fmt.Fprint(o.progressOut(), tryLine(o.progressOut(), "ralph loop"+inWorkflow(w, len(openOnes(all)))+"   (here or where it comes from, not in both places)"))
	}
	return nil
}

// open opens what is to be imported, and waits for no pipe unless it is standard input.
func (p *project) open(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(p.streams.In), nil
	}
	path, err := p.specPath(name)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, usagef("", "import: %w", err)
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		_ = f.Close()
		return nil, usagef("", "import: %s is not an ordinary file", name)
	}
	return f, nil
}

// explain says what a person can do about an archive that was refused.
func (o *importOptions) explain(name string, err error) error {
	var hint *engine.Hint
	try := ""
	switch {
	case errors.As(err, &hint):
		try = hint.Try
	case errors.Is(err, account.ErrExists):
		try = "ralph list"
	case errors.Is(err, account.ErrTooLarge):
		try = fmt.Sprintf("ralph import --max-gb %d %s", o.gigabytes*2, name)
	case errors.Is(err, account.ErrForeign):
		try = "export it again, and copy it anew"
	default:
		return fmt.Errorf("import %s: %w", name, err)
	}
	return usagef(try, "import %s: %w", name, err)
}
