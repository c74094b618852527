package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/service"
	"github.com/wrapix/wrapix/store"
)

// projectsAtOnce bounds how many projects are worked on at a time. One that waits for a time is not among them.
const projectsAtOnce = 4

// resumption takes up every open workflow of every project. It only looks itself: each workflow is worked on by a
// process of its own, so that neither a crash nor the streams of one touch another.
type resumption struct {
	*app
	slots   chan struct{}
	display sync.Mutex
}

// resumed is what became of one project. It belongs to the goroutine that looks after the project.
type resumed struct {
	state     config.State
	held      string // by whom, where somebody else works on it
	troubles  []trouble
	workflows []engine.Workflow // open at some time, as they stand now, in order of creation
	taken     map[engine.WorkflowID]bool
}

// trouble is why something could not be worked on, or not to its end, and the way out.
type trouble struct{ what, try string }

func (o *resumeOptions) resumeAll(ctx context.Context) error {
	began := o.now()
	states, err := config.States()
	if err != nil {
		return err
	}
	r := &resumption{app: o.app, slots: make(chan struct{}, projectsAtOnce)}
	projects := make([]*resumed, len(states))
	var wg sync.WaitGroup
	for i, state := range states {
		p := &resumed{state: state, taken: map[engine.WorkflowID]bool{}}
		projects[i] = p
		wg.Go(func() { r.project(ctx, p) })
	}
	wg.Wait()
	d := newResumedDocument(projects, ctx.Err() != nil)
	d.Began, d.Ended = began, o.now()
	if err := d.keep(); err != nil {
		r.say(fmt.Sprintf("what was done could not be noted: %v", err), "")
	}
	switch {
	case o.json:
		err = o.printJSON(d)
	case len(d.Projects) == 0 && ctx.Err() == nil:
		o.line("no workflow is open")
	}
	if err == nil && ctx.Err() != nil {
		err = &engine.Hint{Err: ctx.Err(), Try: "ralph resume --all"}
	}
	if err == nil {
		err = exitWith(d.ExitCode)
	}
	return err
}

// project works on the workflows of a project until nothing is left to do, or only what a person has to do first.
func (r *resumption) project(ctx context.Context, p *resumed) {
	stuck := map[engine.WorkflowID]bool{} // to do it again leads nowhere
	for first := true; r.look(ctx, p); first = false {
		worked, wakes := false, time.Time{}
		for i, w := range p.workflows {
			switch {
			case ctx.Err() != nil || p.held != "":
				return
			case stuck[w.ID]:
			case r.isDue(w) && (goesOn(w) || !p.taken[w.ID]):
				worked, p.taken[w.ID] = true, true
				stuck[w.ID] = !r.take(ctx, p, i)
			case goesOn(w):
				if at := w.Wakes(); wakes.IsZero() || at.Before(wakes) {
					wakes = at
				}
			case first:
				r.tell(p, w)
			}
		}
		if worked {
			continue
		}
		if wakes.IsZero() {
			return
		}
		r.sayOf(p, "waits until "+wakes.Local().Format(time.DateTime), "")
		if r.sleep(ctx, wakes) != nil {
			return
		}
	}
}

// isDue says whether there is something to do in the workflow now: work, a wait whose time has come, something to look
// after, a person to be told, or an approval to be looked for. What only a person can end is left alone.
func (r *resumption) isDue(w engine.Workflow) bool {
	switch wakes := w.Wakes(); {
	case w.State.Ended():
		return false
	case w.Undo != nil || len(w.OpenActivities()) > 0 || engine.Next(w).Kind != engine.Nothing:
		return true
	case goesOn(w) && !wakes.After(r.now()):
		return true
	}
	for _, wait := range w.Waits() {
		untold := wait.Until.IsZero() && !wait.Notified && wait.Kind != engine.Paused // who paused it knows
		if untold || wait.Kind == engine.AwaitingApproval {
			return true
		}
	}
	return false
}

// goesOn says whether a loop finds something to do in the workflow, now or at a time that is known. No wait keeps it from
// looking after what is open.
func goesOn(w engine.Workflow) bool {
	return !w.State.Ended() && (len(w.OpenActivities()) > 0 || !engine.Rests(w))
}

// look brings what is known of the project's open workflows up to date, and says whether they can be worked on.
func (r *resumption) look(ctx context.Context, p *resumed) bool {
	if ctx.Err() != nil {
		return false
	}
	ctx = context.WithoutCancel(ctx)
	s, err := store.Open(filepath.Join(p.state.Dir, store.File), store.Options{ReadOnly: true, Migrated: (&project{app: r.app}).migrated})
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	var all []engine.Workflow
	if err == nil {
		defer s.Close()
		all, err = s.List(ctx)
	}
	known := map[engine.WorkflowID]bool{}
	for _, w := range p.workflows {
		known[w.ID] = true
	}
	p.workflows = nil
	for _, w := range all {
		if err != nil || w.State.Ended() && !known[w.ID] {
			continue
		}
		if w, err = s.Load(ctx, w.ID); err == nil {
			p.workflows = append(p.workflows, w)
		}
	}
	switch {
	case errors.Is(err, store.ErrHeld):
		r.leave(p, messageOf(err))
		return false
	case err != nil:
		r.trouble(p, trouble{messageOf(err), p.wayOut(err)})
		return false
	case len(openOnes(p.workflows)) == 0:
		return false
	case p.state.Problem != nil:
		r.trouble(p, trouble{
			fmt.Sprintf("%v; %s is open", p.state.Problem, count(len(openOnes(p.workflows)), "workflow")),
			p.wayOut(p.state.Problem),
		})
		return false
	}
	return true
}

// take has a process do what is to be done in one of the workflows now, and says whether it is worth another look.
func (r *resumption) take(ctx context.Context, p *resumed, which int) bool {
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return false
	}
	w := p.workflows[which]
	cmd := itself("resume", "--all", "-C", p.state.Project, "-w", string(w.ID))
	cmd.Env = environment(p.state)
	log, said := filepath.Join(p.state.Dir, logName), &beginning{limit: 64 << 10}
	from := lengthOf(log)
	cmd.Stdout, cmd.Stderr = &beginning{}, said
	worker, err := inBackground(ctx, cmd)
	if worker != nil {
		r.sayOf(p, fmt.Sprintf("process %d works on %s; log: %s", worker.PID, w.ID, worker.Log), "")
		err = worker.wait()
		said.text = append(said.text, textFrom(log, from, said.limit)...)
	}
	after, loadErr := p.load(context.WithoutCancel(ctx), w.ID)
	if loadErr == nil {
		p.workflows[which] = after
	}
	what, try := complaint(said.text)
	var exit exitError
	switch {
	case errors.As(err, &exit) && exit == exitHeld:
		r.leave(p, what)
		return false
	case ctx.Err() != nil:
		return false
	case err != nil && !errors.As(err, &exit):
		r.trouble(p, trouble{fmt.Sprintf("%s: %v", w.ID, err), "ralph loop -w " + string(w.ID)})
		return false
	case what != "":
		r.trouble(p, trouble{what, try})
		return false
	case loadErr == nil && codeOf(err) != codeOfState(after.State):
		r.trouble(p, trouble{fmt.Sprintf("%s: its process ended with exit code %d", w.ID, codeOf(err)), "tail " + service.ShellWord(log)})
		return false
	}
	r.tell(p, p.workflows[which])
	return after.Seq != w.Seq
}

// load reads one workflow.
func (p *resumed) load(ctx context.Context, id engine.WorkflowID) (engine.Workflow, error) {
	s, err := store.Open(filepath.Join(p.state.Dir, store.File), store.Options{ReadOnly: true})
	if err != nil {
		return engine.Workflow{}, err
	}
	defer s.Close()
	return s.Load(ctx, id)
}

// environment is that in which the project's commands find its state.
func environment(s config.State) []string {
	env := []string{}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, config.StateVariable+"=") {
			env = append(env, v)
		}
	}
	if s.Variable != "" {
		env = append(env, config.StateVariable+"="+s.Variable)
	}
	return env
}

// beginning keeps the first bytes that are written to it.
type beginning struct {
	limit int
	text  []byte
}

// Write takes the next piece of text.
func (b *beginning) Write(p []byte) (int, error) {
	b.text = append(b.text, p[:min(len(p), max(0, b.limit-len(b.text)))]...)
	return len(p), nil
}

func lengthOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// textFrom is what a log has from a place on, or its last bytes: a log that grew too long was begun anew.
func textFrom(path string, from int64, limit int) []byte {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	if from <= int64(len(text)) {
		text = text[from:]
	}
	text = text[max(0, len(text)-limit):]
	if i := bytes.IndexByte(text, '\n'); i >= 0 && len(text) == limit {
		text = text[i+1:]
	}
	return text
}
