package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/control"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/internal/wallclock"
	"github.com/wrapix/wrapix/trust"
)

// app is what all commands share: the streams, the clock and the global options.
type app struct {
	streams *terminal.Streams
	now     func() time.Time
	sleep   func(ctx context.Context, until time.Time) error

	dir      string // -C
	workflow string // -w
	json     bool

	detached *detached // of a process that goes on without a terminal, else nil
}

// execute runs the command line and returns the exit code.
func execute(ctx context.Context, streams *terminal.Streams, args []string) int {
	a := &app{streams: streams, now: time.Now, sleep: wallclock.Sleep}
	err := a.execute(ctx, args)
	// Who holds the store may end while it is asked. Then the store is free, and nothing was done or printed yet.
	for tries := 1; errors.Is(err, control.ErrNobody) && !streams.Out.Written() && tries < 3; tries++ {
		err = a.execute(ctx, args)
	}
	return conclude(a.streams, a.withRoom(err))
}

func (a *app) execute(ctx context.Context, args []string) error {
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(a.streams.In)
	root.SetOut(a.streams.Out)
	root.SetErr(a.streams.Err)

	// Before a command runs, only its command line can be wrong. No command looks for a program of the host before this.
	runs := false
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		runs = true
		return trust.GuardPath(a.dir)
	}
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && !runs {
		err = usagef(cmd.CommandPath()+" --help", "%w", err)
	}
	return err
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "ralph",
		Short: "Take a spec through a durable workflow of sandboxed agent steps",
		Long: `ralph takes a Markdown spec through a durable workflow: each step runs a coding
agent in a sandbox of its own, each claim of the agent is checked in a fresh
one, and a person is called only when needed.

  ralph init                 write wrapix.toml and an example spec
  ralph start specs/x.md     make a workflow of a spec
  ralph loop                 work on it until it is done or needs you
  ralph status               see where it stands

Exit codes: 0 done, 1 failed, 2 wrong usage or an invalid spec or
configuration, 75 another ralph holds the project, 100 nothing left to do
(step), 101 waits for a person, 102 budget spent, 130 interrupted.`,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("ralph {{.Version}}\n")
	flags := root.PersistentFlags()
	flags.StringVarP(&a.dir, "directory", "C", ".", "work on the project that contains `DIR`")
	flags.StringVarP(&a.workflow, "workflow", "w", "", "the `WORKFLOW` that is meant, where several are open")
	flags.BoolVar(&a.json, "json", false, "print one JSON document on standard output, progress on standard error")
	root.AddCommand(
		newInit(a), newStart(a), newPlan(a), newReady(a), newStep(a), newLoop(a), newAttach(a),
		newStatus(a), newList(a), newLogs(a), newDiffAttempt(a), newRestore(a), newUndo(a), newHistory(a), newCost(a), newReport(a), newExport(a), newImport(a), newGraph(a), newCheck(a),
		newAnswer(a), newRetry(a), newSkip(a), newPause(a), newResume(a), newService(a), newCancel(a), newDoctor(a), newBackup(a), newPrune(a), newMan(root),
	)
	return root
}

// schema is the version of all JSON documents.
const schema = 1

// printJSON prints a document on standard output.
func (a *app) printJSON(document any) error {
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return err
	}
	_, err = a.streams.Out.Write(append(terminal.EscapeJSON(text), '\n'))
	return err
}

// progressOut is where progress goes: standard output belongs to the document where one is printed.
func (a *app) progressOut() *terminal.Output {
	if a.json {
		return a.streams.Err
	}
	return a.streams.Out
}
