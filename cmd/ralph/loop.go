package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/engine"
)

type loopOptions struct {
	*app
	spec   string
	limits limitFlags

	detach  bool
	passed  []string // the command line for the process that goes on without the terminal
	readyFD int
	raise   []string
	wait    bool
}

func newLoop(a *app) *cobra.Command {
	o := &loopOptions{app: a}
	cmd := &cobra.Command{
		Use:   "loop [SPEC.md]",
		Short: "Work on a workflow until it is done or needs a person",
		Long: `Work on a workflow until it is done or needs a person. With SPEC.md it is
started first, unless a workflow of it is open. After a crash, a reboot or
Ctrl-C the same command goes on where the work stood.

Limits given here stay with the workflow, in the place of those of wrapix.toml,
until others are given. --raise max_cost_usd=20 gives more of one that is used up,
also to a loop that runs. Days are those of UTC.

With --detach the work goes on without the terminal, in a process of its own
that writes to loop.log in the state folder. The command returns when that
process works, or with what keeps it from working. "ralph attach" shows it.
Without --detach, closing the terminal stops the loop as Ctrl-C does.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.spec = args[0]
			}
			o.passed = passedOn(cmd.Flags(), "detach", args)
			return o.run(cmd.Context())
		},
	}
	o.limits.register(cmd.Flags())
	cmd.Flags().BoolVar(&o.detach, "detach", false, "go on without this terminal")
	readyFD(cmd.Flags(), &o.readyFD)
	cmd.Flags().StringArrayVar(&o.raise, "raise", nil, "raise one limit, as in `KEY=VALUE`; may be repeated")
	cmd.Flags().BoolVar(&o.wait, "wait", false, "stay and wait for a person too, until the work is done")
	return cmd
}

func (o *loopOptions) run(ctx context.Context) error {
	raise, err := parseRaise(o.raise)
	if err != nil {
		return err
	}
	if o.spec != "" && o.workflow != "" {
		return usagef("ralph loop -w "+o.workflow, "a spec and -w both name a workflow")
	}
	switch {
	case o.detach:
		return o.hand(ctx)
	case o.readyFD > 0:
		o.goBackground(o.readyFD)
	}
	p, err := o.project()
	if err != nil {
		return err
	}
	if len(raise.To) > 0 {
		if holder, err := p.dial(ctx); err == nil {
			defer holder.Close()
			return o.raiseThrough(ctx, p, holder, raise)
		}
	}
	pick := pick(pickChosen)
	if o.spec != "" {
		if pick, err = p.pickSpec(o.spec); err != nil {
			return err
		}
	}
	w, err := p.run(ctx, job{
		command: "loop", starts: o.spec != "", endless: true, limits: &o.limits, pick: pick,
		raise: raise, stays: o.wait,
		advance: func(ctx context.Context, s *session, w engine.Workflow) (engine.Workflow, error) {
			return s.runner.Loop(ctx, w)
		},
	})
	if err != nil {
		return err
	}
	return exitWith(codeOfState(w.State))
}

// pickSpec picks the open workflow of a spec, or starts one.
func (p *project) pickSpec(spec string) (pick, error) {
	path, err := p.specPath(spec)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, s *session) (engine.Workflow, error) {
		all, err := s.store.List(ctx)
		if err != nil {
			return engine.Workflow{}, err
		}
		open := ofSpec(openOnes(all), p.inProject(path))
		switch len(open) {
		case 0:
			if err := p.checkSpec(path, false); err != nil {
				return engine.Workflow{}, err
			}
			if past := ofSpec(all, p.inProject(path)); len(past) > 0 {
				s.sweep(ctx, past[len(past)-1].ID)
			}
			return s.start(ctx, all, path, false)
		case 1:
			return s.store.Load(ctx, open[0].ID)
		}
		return engine.Workflow{}, severalOpen(open)
	}, nil
}

func ofSpec(all []engine.Workflow, path string) []engine.Workflow {
	var of []engine.Workflow
	for _, w := range all {
		if w.SpecPath == path {
			of = append(of, w)
		}
	}
	return of
}
