package steps

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/steps/agent"
)

// ErrService says that the agent's service did not work, which is no fault of the task's.
var ErrService = errors.New("the agent had no answer from its service")

// driver is what runs an activity: the agent, or the shell of a check. An attempt that another process began had the agent of
// then, and its output is read as that one's.
func (s *Steps) driver(w engine.WorkflowID, a engine.Activity) agent.Driver {
	if a.Phase == engine.PhaseVerify {
		return agent.Command{}
	}
	kind, err := os.ReadFile(filepath.Join(AttemptDir(s.o.State, w, a.ID), AgentName))
	if began, known := agent.Reading(strings.TrimSpace(string(kind))); err == nil && known && began.Kind() != s.o.Agent.Kind() {
		return began
	}
	return s.o.Agent
}

// endWhenOver stops the sandbox of an agent that has said its last word and runs on. The function that it returns ends the
// watch, and is called when the sandbox has ended.
func (s *Steps) endWhenOver(ctx context.Context, name string, t *transcript) (ended func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-ctx.Done():
			return
		case <-t.over:
		}
		timer := time.NewTimer(t.patience)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		// Where this fails the agent ends by itself, or by a limit.
		_ = s.o.Runtime.Stop(ctx, name, stopGrace+reportGrace)
	}()
	return func() { cancel(); <-done }
}

// withReport adds what the agent's driver read to an outcome.
func withReport(o *engine.Outcome, r agent.Report) error {
	if o.Signal == engine.SignalNone {
		o.Signal, o.Message = r.Signal, r.Message
	}
	o.Session, o.Model = bounded(r.Session, maxMessage), bounded(r.Model, maxMessage)
	if r.CostUSD == 0 && r.InputTokens == 0 && r.OutputTokens == 0 {
		return nil
	}
	if err := checkUsage(r.CostUSD, r.InputTokens, r.OutputTokens); err != nil {
		return err
	}
	o.CostUSD, o.InputTokens, o.OutputTokens = r.CostUSD, r.InputTokens, r.OutputTokens
	return nil
}

// service returns why the agent could not work, where its service is the reason, as an error that the engine knows.
func service(r agent.Report) error {
	switch {
	case r.Shut != nil:
		shut := *r.Shut
		shut.Message, shut.Try = bounded(shut.Message, maxMessage), bounded(shut.Try, maxMessage)
		return &shut
	case r.Fault != "":
		return fmt.Errorf("%w: %s", ErrService, bounded(r.Fault, maxMessage))
	}
	return nil
}

// ofService says whether an error is one that service made.
func ofService(err error) bool {
	var shut *engine.ShutError
	return errors.As(err, &shut) || errors.Is(err, ErrService)
}

// ownStop says whether a sandbox that was told to stop was so by us, because its agent had said its last word. That is in
// the record, so it is seen again after a crash.
func ownStop(result sandbox.Result, r agent.Report) bool {
	return result.Ended == sandbox.EndedStopped && r.Over
}
