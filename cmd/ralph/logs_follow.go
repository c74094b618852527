package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/wrapix/wrapix/control"
	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/steps"
	"github.com/wrapix/wrapix/store"
)

// following is one `ralph logs -f`. One goroutine hears what happens in the workflow, another one prints: who prints may
// have to wait for a pager, and a loop drops whoever does not listen.
type following struct {
	*project
	options *logsOptions
	meant   meant
	state   string
	id      engine.WorkflowID
	loop    *control.Version // who was heard last
	told    bool             // that it is gone

	mu    sync.Mutex
	w     engine.Workflow
	queue []engine.AttemptID // what has begun and is not printed to its end yet
	over  bool               // nothing is heard any more
	wake  chan struct{}      // holds a token when any of it may have changed, or there is more to print
}

func (o *logsOptions) runFollow(ctx context.Context) error {
	if o.json {
		return usagef("ralph logs --json", "what is followed is no JSON document; that of ralph logs names the files")
	}
	m, err := parseMeant(o.attempt)
	if err != nil {
		return err
	}
	p, err := o.project()
	if err != nil {
		return err
	}
	f := &following{project: p, options: o, meant: m, wake: make(chan struct{}, 1)}
	if f.state, err = p.stateDir(); err != nil {
		return err
	}
	r, err := f.begin(ctx)
	for errors.Is(err, control.ErrNobody) { // it ended while it was asked: then the store is free in a moment
		r, err = f.begin(ctx)
	}
	if err != nil {
		return err
	}
	return f.run(ctx, r)
}

// begin finds the workflow, and what of it is printed first. What has not begun is an error unless somebody works on it.
func (f *following) begin(ctx context.Context) (r reader, err error) {
	if r, err = f.reader(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = r.Close()
		}
	}()
	if c, ok := r.(*control.Client); ok && f.workflow == "" {
		f.workflow = string(c.Server().Workflow)
	}
	if f.w, err = f.choose(ctx, r, true); err != nil {
		return r, err
	}
	f.id = f.w.ID
	if f.meant.Task != "" && f.w.Task(f.meant.Task) == nil {
		return r, f.meant.unknown(f.w)
	}
	if err := f.pruned(f.id); err != nil {
		return r, err
	}
	if f.queue = f.runs(); len(f.queue) > 0 {
		return r, nil
	}
	first, err := f.meant.latest(ctx, r, f.w)
	if err == nil && !f.hasBegun(first) {
		err = f.notBegun()
	}
	switch {
	case errors.Is(err, engine.ErrNotFound) && f.works(r) && !f.isOver():
		return r, nil
	case err != nil:
		return r, err
	}
	f.queue = append(f.queue, first)
	if _, err := os.Stat(f.path(first)); f.meant.one() && errors.Is(err, fs.ErrNotExist) {
		return r, printedNothing(f.id, first)
	}
	return r, nil
}

func (f *following) notBegun() error {
	return fmt.Errorf("%s of workflow %s has not begun: %w", engine.AttemptID(f.meant), f.id, engine.ErrNotFound)
}

// hasBegun says whether an attempt or check has, as far as the workflow tells: of a task's earlier attempts it does not
// know how many checks they had.
func (f *following) hasBegun(id engine.AttemptID) bool {
	t := f.w.Task(id.Task)
	return id.Number < t.Attempts || id.Number == t.Attempts && id.Check <= t.CheckRuns
}

// isOver says whether nothing that is meant runs, and nothing of it will.
func (f *following) isOver() bool {
	t := f.w.Task(f.meant.Task)
	switch {
	case f.w.State.Ended():
		return true
	case t == nil || len(f.runs()) > 0:
		return false
	case f.meant.one() && f.hasBegun(engine.AttemptID(f.meant)):
		return true
	}
	return t.State.Finished()
}

// runs lists what runs of that which is meant.
func (f *following) runs() (ids []engine.AttemptID) {
	for _, a := range f.w.OpenActivities() {
		if f.meant.has(a.ID) {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

// works says whether it is another process that works on the workflow.
func (f *following) works(r reader) bool {
	c, ok := r.(*control.Client)
	return ok && c.Server().Workflow == f.id
}

// run prints until it is over. It closes the reader.
func (f *following) run(parent context.Context, r reader) error {
	unread, stop := untilUnread(parent, f.streams.Out.Writer)
	defer stop()
	ctx, cancel := context.WithCancel(unread)
	defer cancel()
	heard := make(chan error, 1)
	go func() {
		err := f.hear(ctx, r)
		f.change(func() { f.over = true })
		heard <- err
	}()
	err := f.show(ctx)
	cancel()
	hearErr := <-heard
	switch {
	case parent.Err() != nil:
		return exitWith(exitInterrupted)
	case unread.Err() != nil: // nobody reads it any more
		return nil
	case err != nil:
		return err
	}
	return hearErr
}

// change does something that the one who prints has to see.
func (f *following) change(do func()) {
	f.mu.Lock()
	do()
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// What ends the hearing of one process.
var (
	errOver = errors.New("nothing more is to come")
	errGone = errors.New("it is gone, and left something in the middle")
)

// hear follows the workflow through whoever works on it, one after the other, until it is over. It closes the reader.
func (f *following) hear(ctx context.Context, r reader) error {
	changes, err := watchState(ctx, f.state)
	if err != nil {
		_ = r.Close()
		return err
	}
	defer changes.close()
	for {
		err := f.hearOne(ctx, r)
		_ = r.Close()
		if errors.Is(err, errGone) {
			err = changes.next()
		}
		switch {
		case errors.Is(err, errOver):
			return f.end()
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return err
		}
		if r, err = f.reopen(ctx); err != nil {
			return err
		}
	}
}

// reopen finds who works on the workflow now, or the store where nobody does. A loop that is about to begin or to end has
// the store and no socket; whoever opens the store waits a second for that.
func (f *following) reopen(ctx context.Context) (reader, error) {
	for {
		r, err := f.reader(ctx)
		if !errors.Is(err, store.ErrHeld) || ctx.Err() != nil {
			return r, err
		}
	}
}

// hearOne follows through one process, until that ends. Where nobody works on the workflow, the store has the rest.
func (f *following) hearOne(ctx context.Context, r reader) error {
	if f.isOver() {
		return errOver
	}
	if f.works(r) {
		c := r.(*control.Client)
		server := c.Server()
		f.loop, f.told = &server, false
		err := c.Follow(ctx, f.id, control.FollowOptions{After: f.w.Seq, Output: true}, f.see)
		if errors.Is(err, control.ErrNobody) {
			return nil
		}
		return cmp.Or(err, errOver)
	}
	err := r.Events(ctx, f.id, f.w.Seq, func(e engine.Event) error { return f.see(control.Update{Event: &e}) })
	switch left := f.runs(); {
	case errors.Is(err, control.ErrNobody): // who held the store, for something else, ended
		return nil
	case err != nil:
		return err
	case f.loop == nil || len(left) == 0:
		return errOver
	case !f.told:
		f.told = true
		f.say("%s (process %d) is gone, and %s has not ended: waiting for the next loop", f.loop.Command, f.loop.PID, left[0])
	}
	return errGone
}

// end says what is not plain from what was printed.
func (f *following) end() error {
	if left := f.runs(); len(left) > 0 {
		f.say("%s has not ended, and no loop works on it; ralph loop does", left[0])
	}
	if f.meant.one() && !f.hasBegun(engine.AttemptID(f.meant)) {
		return f.notBegun()
	}
	return nil
}

// see takes the next thing that happened.
func (f *following) see(u control.Update) error {
	if u.Event == nil {
		f.change(func() {})
		return nil
	}
	w, err := engine.Evolve(f.w, *u.Event)
	if err != nil {
		return fmt.Errorf("follow workflow %s: %w", f.id, err)
	}
	over := false
	f.change(func() {
		f.w = w
		if data, ok := u.Event.Data.(engine.IntendedData); ok {
			if id := (engine.AttemptID{Task: u.Event.Task, Number: u.Event.Attempt, Check: data.Check}); f.meant.has(id) {
				f.queue = append(f.queue, id)
			}
		}
		over = f.isOver()
	})
	if over {
		return errOver
	}
	return nil
}

func (f *following) say(format string, args ...any) {
	fmt.Fprintln(f.streams.Err, terminal.Line(fmt.Sprintf(format, args...)))
}

// show prints what has begun, one after the other and each to its end, until it is over.
func (f *following) show(ctx context.Context) error {
	out, lines := &lastByte{Writer: f.streams.Out}, f.options.lines
	for {
		id, ok := f.next(ctx)
		if !ok {
			return nil
		}
		t := f.options.tail(func() string { return f.path(id) }, out, lines)
		lines = -1 // what begins from now on is printed whole
		var err error
		if !f.meant.one() {
			err = t.header(f.streams.Out, id)
		}
		for err == nil {
			ended := f.hasEnded(id) // before it is read: then what is read is all
			if err = t.more(ctx); ended || !f.await(ctx) {
				break
			}
		}
		if err := errors.Join(err, t.close()); err != nil {
			return fmt.Errorf("print what %s printed: %w", id, err)
		}
	}
}

// path is the file that is followed of an attempt or check.
func (f *following) path(id engine.AttemptID) string {
	return f.options.file(steps.AttemptDir(f.state, f.id, id))
}

// next waits for something to be printed. There is nothing more when ok is false.
func (f *following) next(ctx context.Context) (id engine.AttemptID, ok bool) {
	for {
		f.mu.Lock()
		over := f.over
		if len(f.queue) > 0 {
			id, f.queue, ok = f.queue[0], f.queue[1:], true
		}
		f.mu.Unlock()
		switch {
		case ctx.Err() != nil:
			return id, false
		case ok || over:
			return id, ok
		}
		f.await(ctx)
	}
}

// await waits for something to have changed; it is false when nothing will be printed any more.
func (f *following) await(ctx context.Context) bool {
	select {
	case <-f.wake:
		return true
	case <-ctx.Done():
		return false
	}
}

// hasEnded says whether nothing more is printed of it.
func (f *following) hasEnded(id engine.AttemptID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.w.Task(id.Task)
	return f.over || t.Open == nil || t.Open.ID != id
}
