package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/control"
	"github.com/wrapix/wrapix/engine"
)

type resumeOptions struct {
	*app
	all     bool
	readyFD int
}

func newResume(a *app) *cobra.Command {
	o := &resumeOptions{app: a}
	cmd := &cobra.Command{
		Use:   "resume",
		Short: "End a pause and go on as loop does",
		Long: `End a pause and go on as loop does. Where a loop still works on the workflow, or
stays for a person, that one goes on, and the command returns.

With --all every open workflow of yours is taken up that has something to do, in
all projects: what a crash or a reboot interrupted, what is left to do, what
waits for a time. What waits for a person or is paused stays as it is. Projects
are worked on side by side, the workflows of one project one after the other,
and each writes to loop.log in its state folder. The command stays until
nothing is left to do; SIGTERM and Ctrl-C stop everything in order.
"ralph service install" has it run after a reboot.

Exit codes of --all: 0 all is done, 1 something failed or could not be taken up,
101 something waits for a person, 102 a limit is reached, 75 the rest is worked
on by other processes, 130 interrupted. Of several, the first of 130, 1, 101,
102, 75.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case o.readyFD > 0:
				return o.takeUp(cmd.Context())
			case o.all && (o.workflow != "" || cmd.Flags().Changed("directory")):
				return usagef("ralph resume", "--all is every open workflow, and -C and -w name one")
			case o.all:
				return o.resumeAll(cmd.Context())
			}
			return o.run(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&o.all, "all", false, "take up every open workflow, in all projects")
	readyFD(cmd.Flags(), &o.readyFD)
	return cmd
}

func (o *resumeOptions) run(ctx context.Context) error {
	p, err := o.project()
	if err != nil {
		return err
	}
	if done, err := p.resumeThrough(ctx); done || err != nil {
		return err
	}
	return p.resume(ctx, func(ctx context.Context, s *session, w engine.Workflow) (engine.Workflow, error) {
		w, err := s.runner.Do(ctx, w.ID, engine.Unpause{})
		if err != nil {
			return w, err
		}
		return s.runner.Loop(ctx, w)
	})
}

// takeUp does for `resume --all` what is to be done in one workflow now, in a process of its own. It sits out no wait,
// because other workflows of the project may have something to do; the one that started it knows when to do so again.
func (o *resumeOptions) takeUp(ctx context.Context) error {
	o.goBackground(o.readyFD)
	p, err := o.project()
	if err != nil {
		return err
	}
	return p.resume(ctx, func(ctx context.Context, s *session, w engine.Workflow) (engine.Workflow, error) {
		s.runner.Sleep = nil
		w, err := s.runner.Loop(ctx, w)
		if engine.Passes(w, err) {
			s.show.note(err.Error())
			err = nil
		}
		return w, err
	})
}

func (p *project) resume(ctx context.Context, advance advance) error {
	w, err := p.run(ctx, job{command: "resume", endless: true, pick: pickChosen, advance: advance})
	if err != nil {
		return err
	}
	return exitWith(codeOfState(w.State))
}

// resumeThrough ends the pause in the process that works on the workflow, and leaves the work to it. Where none does,
// nothing is done.
func (p *project) resumeThrough(ctx context.Context) (done bool, err error) {
	holder, err := p.dial(ctx)
	if errors.Is(err, control.ErrNobody) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer holder.Close()
	works := holder.Server().Workflow
	if works == "" || p.workflow != "" && p.workflow != string(works) {
		return false, nil
	}
	p.workflow = string(works)
	return true, p.decide(ctx, "resume", func(engine.Workflow) (engine.Command, error) { return engine.Unpause{}, nil })
}
