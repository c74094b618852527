package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/report"
	"github.com/wrapix/wrapix/snapshot"
	"github.com/wrapix/wrapix/steps"
)

type reportOptions struct {
	*app
	format, file string
	force        bool
}

func newReport(a *app) *cobra.Command {
	o := &reportOptions{app: a}
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Tell a workflow on one page: what was done, what waits, what it cost",
		Long: `Tell a workflow on one page: what was done, what waits for a person, what it
cost; then each task with its attempts, checks, changes and questions. The page
needs nothing else and runs nothing; text of the agent stays text in it.

On a terminal it becomes the file ralph-report-WORKFLOW.html in the present
folder; in a pipe it goes to standard output.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	cmd.Flags().StringVar(&o.format, "format", "", "html or markdown (default html, or what the file's name says)")
	cmd.Flags().StringVarP(&o.file, "output", "o", "", "the `FILE` to write, - for standard output")
	cmd.Flags().BoolVar(&o.force, "force", false, "write over a file that is not a report of this workflow")
	return cmd
}

// reportDocument is `ralph report --json`: where the page is.
type reportDocument struct {
	Schema   int    `json:"schema"`
	Workflow string `json:"workflow"`
	Format   string `json:"format"`
	File     string `json:"file"`
}

func (o *reportOptions) run(ctx context.Context) error {
	if err := o.settle(); err != nil {
		return err
	}
	p, err := o.project()
	if err != nil {
		return err
	}
	s, err := p.reader(ctx)
	if err != nil {
		return err
	}
	w, r, err := p.report(ctx, s)
	// What is left to read are files and snapshots: a loop that starts meanwhile finds the store free.
	if closeErr := s.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	write, mark, extension := r.HTML, report.HTMLMark(string(w.ID)), ".html"
	if o.format == "markdown" {
		write, mark, extension = r.Markdown, report.MarkdownMark(string(w.ID)), ".md"
	}
	if o.file == "-" || o.file == "" && !o.streams.Out.Terminal && !o.json {
		return write(ctx, o.streams.Out)
	}
	name := o.file
	if name == "" {
		name = "ralph-report-" + string(w.ID) + extension
	}
	path, err := p.specPath(name)
	if err != nil {
		return err
	}
	if err := writeWhole(path, mark, o.force, func(out io.Writer) error { return write(ctx, out) }); err != nil {
		return err
	}
	if o.json {
		return o.printJSON(reportDocument{schema, string(w.ID), o.format, path})
	}
	o.line("the report of %s is in %s", w.ID, path)
	return nil
}

// settle makes the format of what the person said.
func (o *reportOptions) settle() error {
	switch {
	case o.format == "" && slices.Contains([]string{".md", ".markdown"}, strings.ToLower(filepath.Ext(o.file))):
		o.format = "markdown"
	case o.format == "":
		o.format = "html"
	case o.format == "md":
		o.format = "markdown"
	case o.format != "html" && o.format != "markdown":
		return usagef("ralph report --format html", "report: the format %q does not exist; there are html and markdown", o.format)
	}
	if o.json && o.file == "-" {
		return usagef("ralph report -o FILE --json", "report: standard output takes the report or the JSON document, not both")
	}
	return nil
}

// report makes the report of the workflow that is meant.
func (p *project) report(ctx context.Context, s reader) (w engine.Workflow, _ *report.Report, err error) {
	if w, err = p.choose(ctx, s, true); err != nil {
		return w, nil, err
	}
	all, err := s.List(ctx)
	if err != nil {
		return w, nil, err
	}
	state, err := p.stateDir()
	if err != nil {
		return w, nil, err
	}
	in := inWorkflow(w, len(openOnes(all)))
	events := func(ctx context.Context, yield func(engine.Event) error) error { return s.Events(ctx, w.ID, 0, yield) }
	r, err := report.New(ctx, w, events, report.Options{
		Files: &attemptFiles{project: p, state: state, workflow: w.ID}, Now: p.now(), Describe: describe,
		Ways: func(wait engine.OpenWait) []string { return ways(w, wait, in) },
	})
	return w, r, err
}

// attemptFiles is where a report finds what attempts printed and changed.
type attemptFiles struct {
	*project
	state    string
	workflow engine.WorkflowID
	repo     *snapshot.Repo
	taken    map[string]string // message of a snapshot -> its ID
}

// Changes lists the files that an attempt changed.
func (f *attemptFiles) Changes(ctx context.Context, id engine.AttemptID) ([]report.Change, error) {
	before, after, err := f.around(ctx, id)
	if err != nil {
		return nil, err
	}
	changes, err := f.repo.Changes(ctx, before, after)
	all := make([]report.Change, len(changes))
	for i, c := range changes {
		all[i] = report.Change{Path: c.Path, Kind: string(c.Kind)}
	}
	return all, err
}

// Diff writes what an attempt changed.
func (f *attemptFiles) Diff(ctx context.Context, id engine.AttemptID, to io.Writer) error {
	before, after, err := f.around(ctx, id)
	if err != nil {
		return err
	}
	return f.repo.Diff(ctx, before, after, to)
}

// around names the snapshots before and after an attempt. There may be thousands, so they are listed once.
func (f *attemptFiles) around(ctx context.Context, id engine.AttemptID) (before, after string, err error) {
	if f.taken == nil {
		f.taken = map[string]string{}
		if _, err := os.Stat(filepath.Join(f.state, steps.SnapshotsName)); errors.Is(err, fs.ErrNotExist) {
			return "", "", engine.ErrNotFound
		}
		if f.repo, err = f.snapshots(); err != nil {
			return "", "", err
		}
		all, err := f.repo.List(ctx)
		if err != nil {
			return "", "", err
		}
		for _, s := range slices.Backward(all) {
			f.taken[s.Message] = s.ID
		}
	}
	before, after = f.taken[steps.SnapshotMessage("before", f.workflow, id)], f.taken[steps.SnapshotMessage("after", f.workflow, id)]
	if before == "" || after == "" {
		return "", "", engine.ErrNotFound
	}
	return before, after, nil
}

// Transcript returns the end of what an activity printed.
func (f *attemptFiles) Transcript(id engine.AttemptID, limit int) (tail []byte, size int64, err error) {
	file, err := os.Open(steps.Shown(steps.AttemptDir(f.state, f.workflow, id)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, engine.ErrNotFound
	}
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	size = info.Size()
	tail = make([]byte, min(size, int64(limit)))
	n, err := file.ReadAt(tail, size-int64(len(tail)))
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return tail[:n], size, err
}

// writeWhole writes a file that appears whole or not at all. A file that is there stays, unless it begins with the mark
// or force is set.
func writeWhole(path, mark string, force bool, write func(io.Writer) error) (err error) {
	if err := mayReplace(path, mark, force); err != nil {
		return err
	}
	fresh, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".new-*") // mode 0600
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return usagef("", "write %s: %w", path, err)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(fresh.Name())
		}
	}()
	err = write(fresh)
	if err == nil {
		err = fresh.Sync()
	}
	if closeErr := fresh.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(fresh.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// mayReplace says whether a file may take the place of what is there.
func mayReplace(path, mark string, force bool) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return usagef("", "write %s: %w", path, err)
	case info.IsDir():
		return usagef("", "write %s: it is a folder", path)
	case force:
		return nil
	}
	if info.Mode().IsRegular() && mark != "" {
		b := make([]byte, len(mark))
		f, err := os.Open(path)
		if err != nil {
			return usagef("", "write %s: %w", path, err)
		}
		defer f.Close()
		if n, _ := io.ReadFull(f, b); string(b[:n]) == mark {
			return nil
		}
	}
	return usagef("name another file, or add --force", "write %s: there is something else already", path)
}
