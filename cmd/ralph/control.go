package main

import (
	"context"
	"errors"

	"github.com/wrapix/wrapix/control"
	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/store"
)

// served is what other processes reach through the control socket while this one runs a workflow: they read the store
// through its owner, and what a person wants is decided by its runner.
type served struct {
	*store.Store
	runner *engine.Runner
	works  engine.WorkflowID // the one that is worked on
}

// Do has a command decided on the workflow as it is now. Of one that is cancelled and not worked on, nobody else would
// remove what an earlier process left running.
func (s served) Do(ctx context.Context, id engine.WorkflowID, c engine.Command) (engine.Workflow, error) {
	if cancel, ok := c.(engine.Cancel); ok && id != s.works {
		return s.runner.Cancel(ctx, engine.Workflow{ID: id}, cancel.Reason)
	}
	return s.runner.Do(ctx, id, c)
}

// serve opens the control socket. Without it the work goes on all the same, only unseen by other commands.
func (s *session) serve(ctx context.Context, command string) {
	server, err := control.Serve(ctx, control.Options{
		Folder: s.state, Backend: served{s.store, s.runner, s.works}, Feed: s.feed, Program: version, Command: "ralph " + command, Since: s.now(),
		Workflow: s.works,
	})
	if err != nil {
		s.show.note("other commands cannot look in meanwhile: " + err.Error())
		return
	}
	s.server = server
}

// unserve closes the control socket. What another command asked for by then is done.
func (s *session) unserve() {
	if s.server == nil {
		return
	}
	if err := s.server.Close(); err != nil {
		s.show.note("close the control socket: " + err.Error())
	}
	s.server = nil
}

// dial finds the process that holds the store. The error is control.ErrNobody where none serves.
func (p *project) dial(ctx context.Context) (*control.Client, error) {
	dir, err := p.stateDir()
	if err != nil {
		return nil, err
	}
	return control.Dial(ctx, control.ClientOptions{Folder: dir, Program: version})
}

// throughHolder opens with what open returns at once, else through the process that holds the store, and where that
// serves nobody, with what open returns after waiting for it to end.
func throughHolder[T any](ctx context.Context, p *project, open func(wait bool) (T, error), through func(*control.Client) T) (T, error) {
	t, err := open(false)
	if !errors.Is(err, store.ErrHeld) {
		return t, err
	}
	switch c, err := p.dial(ctx); {
	case err == nil:
		return through(c), nil
	case !errors.Is(err, control.ErrNobody):
		return t, err
	}
	return open(true)
}

// decider is where a person's commands are decided.
type decider interface {
	reader
	Do(ctx context.Context, id engine.WorkflowID, c engine.Command) (engine.Workflow, error)
}

// decider opens the store for one command, or finds the process that has it open. observe sees the events of a command
// that is decided here.
func (p *project) decider(ctx context.Context, command string, observe func(engine.Workflow, []engine.Event)) (decider, error) {
	open := func(wait bool) (decider, error) {
		s, _, err := p.writer(command, false, wait)
		if err != nil {
			return nil, err
		}
		return served{Store: s, runner: &engine.Runner{Store: s, Clock: clock{p.now}, Observe: observe}}, nil
	}
	return throughHolder(ctx, p, open, func(c *control.Client) decider { return c })
}
