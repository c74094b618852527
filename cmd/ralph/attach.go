package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/control"
	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/steps"
)

func newAttach(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "attach",
		Short: "Show the loop that works on the project, as it shows itself",
		Long: `Show the loop that works on the project, as it shows itself on a terminal of its
own. Ctrl-C, and closing the terminal, leave the display and not the loop.

It ends with the loop, with the same account and the same exit code: 0 done,
1 failed, 101 waits for a person, 102 budget spent, and 130 where the loop was
stopped before the workflow came to an end. Exit code 130 is also that of
Ctrl-C. Where no loop works on the project it is 2.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.attach(cmd.Context()) },
	}
}

var (
	// errNoLoop says that there is nothing to attach to.
	errNoLoop = errors.New("no loop works on this project")
	// errLoopGone says that there is more to do, but nobody who does it. Whether the loop was stopped in order or killed
	// is not known here.
	errLoopGone = errors.New("the loop ended before the workflow did; the next one looks after what ran")
)

func (a *app) attach(ctx context.Context) error {
	p, err := a.project()
	if err != nil {
		return err
	}
	client, err := p.dial(ctx)
	if errors.Is(err, control.ErrNobody) {
		return usagef("ralph loop --detach", "%w; ralph status shows where it stands", errNoLoop)
	}
	if err != nil {
		return err
	}
	if works := client.Server().Workflow; p.workflow == "" && works != "" {
		p.workflow = string(works)
	} else if works != "" && p.workflow != string(works) {
		server := client.Server()
		_ = client.Close()
		return usagef("ralph attach -w "+string(works), "%s (process %d) works on %s, not on %s", server.Command, server.PID, works, p.workflow)
	}
	w, err := p.follow(ctx, client)
	switch {
	case ctx.Err() != nil:
		server := client.Server()
		p.line("left; %s goes on (process %d). ralph attach shows it again", server.Command, server.PID)
		return exitWith(exitInterrupted)
	case err != nil:
		return err
	}
	p.account(w.Workflow, w.open)
	if !engine.Rests(w.Workflow) {
		return &engine.Hint{Err: errLoopGone, Try: "ralph loop --detach"}
	}
	return exitWith(codeOfState(w.State))
}

// left is a workflow after the process that worked on it, and how many are open.
type left struct {
	engine.Workflow
	open int
}

// follow shows the workflow that is meant until nobody works on it any more. It closes the client.
func (p *project) follow(ctx context.Context, client *control.Client) (left, error) {
	w, err := p.choose(ctx, client, true)
	if err != nil {
		_ = client.Close()
		return left{}, err
	}
	show := p.newProgress()
	defer show.close()
	if lines, ok := show.(*plain); ok {
		lines.watches = true
		server := client.Server()
		show.note(fmt.Sprintf("%s (process %d) works on %s", server.Command, server.PID, w.ID))
	}
	show.begin(w)
	v := &viewer{project: p, show: show, w: w, tails: map[engine.AttemptID]int64{}}
	for {
		err := client.Follow(ctx, w.ID, control.FollowOptions{After: v.w.Seq, Output: p.progressOut().Terminal}, v.see)
		_ = client.Close()
		if err != nil && !errors.Is(err, control.ErrNobody) {
			return left{}, err
		}
		// The process may only have ended its loop to begin it anew, for a command that came at the last moment.
		r, err := p.reader(ctx)
		if err != nil {
			return left{}, err
		}
		if next, ok := r.(*control.Client); ok && !v.w.State.Ended() && next.Server().Workflow == w.ID {
			client = next
			continue
		}
		defer r.Close()
		if err := r.Events(ctx, w.ID, v.w.Seq, func(e engine.Event) error { return v.see(control.Update{Event: &e}) }); err != nil {
			return left{}, err
		}
		all, err := r.List(ctx)
		return left{v.w, len(openOnes(all))}, err
	}
}

// viewer shows what another process does.
type viewer struct {
	*project
	show  progress
	w     engine.Workflow
	tails map[engine.AttemptID]int64 // how far what activities print is shown
}

// see takes the next thing that happened.
func (v *viewer) see(u control.Update) error {
	if u.Output != nil {
		v.read(*u.Output)
		return nil
	}
	w, err := engine.Evolve(v.w, *u.Event)
	if err != nil {
		return fmt.Errorf("follow workflow %s: %w", v.w.ID, err)
	}
	v.w = w
	v.show.observe(w, []engine.Event{*u.Event})
	return nil
}

// shownAtOnce bounds how much of what an activity printed is read at a time: a screen shows the last lines only.
const shownAtOnce = 64 << 10

// read shows what an activity printed since. What cannot be read is not shown.
func (v *viewer) read(id engine.AttemptID) {
	state, err := config.StateDir(v.root)
	if err != nil {
		return
	}
	f, err := os.Open(steps.Shown(steps.AttemptDir(state, v.w.ID, id)))
	if err != nil {
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return
	}
	from := v.tails[id]
	if from > info.Size() { // a loop that took the activity up makes its transcript anew
		from = 0
	}
	from = max(from, info.Size()-shownAtOnce)
	text, _ := io.ReadAll(io.NewSectionReader(f, from, info.Size()-from))
	v.tails[id] = from + int64(len(text))
	v.show.output(id, text)
}
