package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/failpoint"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/steps/agent"
)

// stopGrace is what an agent gets to end by itself when the user stops the loop, and reportGrace what the guest then gets
// to say what it used.
const (
	stopGrace   = 5 * time.Second
	reportGrace = 5 * time.Second
)

// stopTogether is how far apart the ends may be of what a shutdown ends.
const stopTogether = 5 * time.Second

// Labels by which a project's sandboxes are found again.
const (
	labelOurs     = "wrapix"
	labelStore    = "wrapix.store"
	labelWorkflow = "wrapix.workflow"
	labelTask     = "wrapix.task"
	labelAttempt  = "wrapix.attempt"
	labelProject  = "wrapix.project"
	labelLock     = "wrapix.lock"
)

// Files that an agent may leave, and where it is told of them.
const (
	resultPath = sandbox.OutputDir + "/result.json"
	planPath   = sandbox.OutputDir + "/plan.json"
)

// Run performs an activity from the beginning. See engine.Steps.
func (s *Steps) Run(ctx context.Context, w engine.Workflow, a engine.Activity) (engine.Outcome, error) {
	spec, err := s.prepare(ctx, w, a)
	if err != nil {
		return engine.Outcome{}, withHint(err)
	}
	begun := time.Now()
	outcome, err := s.follow(ctx, w, a, spec, false)
	if errors.Is(err, sandbox.ErrNoImage) { // somebody removed it while the loop went on
		if spec.Image, err = s.o.Image(ctx, w.Task(a.ID.Task).Profile, spec.Image); err == nil {
			outcome, err = s.follow(ctx, w, a, spec, false)
		}
	}
	if errors.Is(err, sandbox.ErrDamaged) { // the host's doing, and nothing that the agent could help
		return engine.Outcome{}, fmt.Errorf("%w: %w", engine.ErrLost, err)
	}
	if errors.Is(err, sandbox.ErrLost) {
		// It died under our eyes, by no doing of the agent's: a command that is short of memory is killed and the guest
		// reports that. As a fault of the host it is tried again, with pauses, and not all night.
		if outcome.Started.IsZero() {
			outcome = passed(begun)
		}
		return outcome, err
	}
	if errors.Is(err, sandbox.ErrUnfinished) {
		return outcome, fmt.Errorf("%w: %w", engine.ErrUnfinished, err)
	}
	return outcome, withHint(err)
}

// withHint gives an error that only a person can mend the form that the engine knows, so that it is not tried again.
func withHint(err error) error {
	var known *sandbox.Error
	if errors.As(err, &known) && known.Hint != "" {
		return &engine.Hint{Err: err, Try: known.Hint}
	}
	if errors.Is(err, sandbox.ErrNoImage) {
		return &engine.Hint{Err: err, Try: "wrapix image build"}
	}
	return err
}

// Resume goes on with an activity that another process began. See engine.Steps.
func (s *Steps) Resume(ctx context.Context, w engine.Workflow, a engine.Activity) (engine.Outcome, error) {
	spec, err := s.sandboxSpec(w, a)
	if err != nil {
		return engine.Outcome{}, err
	}
	outcome, err := s.follow(ctx, w, a, spec, true)
	if errors.Is(err, sandbox.ErrDamaged) {
		return engine.Outcome{}, fmt.Errorf("%w: %w", engine.ErrLost, err)
	}
	if errors.Is(err, sandbox.ErrLost) {
		return outcome, fmt.Errorf("%w: %w", engine.ErrLost, err)
	}
	if err != nil && ctx.Err() == nil && !ofService(err) {
		err = fmt.Errorf("%w: %w", engine.ErrUnfinished, err)
	}
	return outcome, err
}

// follow runs the sandbox, or takes up one that runs, with its output going to the transcript, and makes the outcome
// of its result.
func (s *Steps) follow(ctx context.Context, w engine.Workflow, a engine.Activity, spec sandbox.Spec, resume bool) (engine.Outcome, error) {
	if a.Phase != engine.PhaseVerify {
		defer s.lookForGit(a.ID)
	}
	live := func(b []byte) {
		if s.o.Output != nil {
			s.o.Output(a.ID, b)
		}
	}
	grown := func() {
		if s.o.Printed != nil {
			s.o.Printed(w.ID, a.ID)
		}
	}
	t, err := newTranscript(AttemptDir(s.o.State, w.ID, a.ID), s.driver(w.ID, a), live, grown)
	if errors.Is(err, os.ErrNotExist) {
		return engine.Outcome{}, sandbox.ErrLost // its folder is gone, and the record with it
	}
	if err != nil {
		return engine.Outcome{}, err
	}
	begun, run := time.Now(), sandbox.Run
	if resume {
		run = sandbox.Resume
	}
	sink := t.sink()
	sink.Denied = func(list []sandbox.Denial) { s.denied(a.ID, list) }
	sink.Unpublished = func(port int, err error) {
		if s.o.Unpublished != nil {
			s.o.Unpublished(a.ID, port, err)
		}
	}
	ended := s.endWhenOver(ctx, spec.Name, t)
	result, err := run(ctx, s.o.Runtime, spec, sink)
	ended()
	report := t.reader.Report()
	if closeErr := t.close(); err == nil {
		err = closeErr
	}
	if err == nil && !resume && !ownStop(result, report) && (result.Ended == sandbox.EndedStopped || result.Ended == sandbox.EndedTerminated) {
		together(ctx)
	}
	if ctx.Err() != nil {
		stopCtx := context.WithoutCancel(ctx)
		stopErr := s.o.Runtime.Stop(stopCtx, spec.Name, stopGrace+reportGrace)
		return s.used(stopCtx, begun, spec, w.ID, a), errors.Join(ctx.Err(), stopErr)
	}
	if err != nil {
		return engine.Outcome{}, err
	}
	if result.Ended == sandbox.EndedStopped && !report.Over {
		return usedOf(result, report), fmt.Errorf("%w: somebody told it to stop", sandbox.ErrLost)
	}
	if resume && result.Ended == sandbox.EndedTerminated { // by a host that shuts down, if not by the agent
		return usedOf(result, report), fmt.Errorf("%w: it was terminated", sandbox.ErrLost)
	}
	if err := service(report); err != nil {
		return usedOf(result, report), err
	}
	o := s.outcome(w, a, result, t)
	if a.Phase != engine.PhaseVerify {
		s.snapshotAfter(ctx, w.ID, a.ID, &o)
	}
	return o, nil
}

// together gives whoever stopped the sandbox the time to stop us too. When the machine shuts down all is told to end at
// once, in no order, and that is no failure of the agent.
func together(ctx context.Context) {
	timer := time.NewTimer(stopTogether)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// used is what a sandbox that was stopped has used, as far as it is known: its time, and the cost that the agent wrote
// down before.
func (s *Steps) used(ctx context.Context, begun time.Time, spec sandbox.Spec, w engine.WorkflowID, a engine.Activity) engine.Outcome {
	ctx, cancel := context.WithTimeout(ctx, reportGrace)
	defer cancel()
	reader := s.driver(w, a).Reader(func([]byte) {})
	result, err := sandbox.Resume(ctx, s.o.Runtime, spec, sandbox.Sink{Stdout: readerOnly{reader}})
	if err != nil {
		return passed(begun)
	}
	return usedOf(result, reader.Report())
}

// readerOnly is a reader's stream without a file.
type readerOnly struct{ agent.Reader }

func (r readerOnly) Write(b []byte) (int, error) {
	r.Reader.Write(b)
	return len(b), nil
}

// passed is the time since then, as this process measured it: the clock on the wall may have been set meanwhile.
func passed(begun time.Time) engine.Outcome {
	return engine.Outcome{Started: begun, Finished: begun.Add(time.Since(begun))}
}

func usedOf(r sandbox.Result, report agent.Report) engine.Outcome {
	o := engine.Outcome{Started: r.Started, Finished: r.Finished}
	_ = errors.Join(addResult(&o, r.Files[resultPath]), withReport(&o, report)) // one that cannot be read says nothing
	return o
}

// prepare makes the activity's folder and what its sandbox is given.
func (s *Steps) prepare(ctx context.Context, w engine.Workflow, a engine.Activity) (sandbox.Spec, error) {
	dir, err := s.makeAttemptDir(w.ID, a.ID)
	if err != nil {
		return sandbox.Spec{}, err
	}
	if a.Phase != engine.PhaseVerify {
		if _, err := s.snapshot(ctx, "before", w.ID, a.ID); err != nil {
			return sandbox.Spec{}, err
		}
		if err := s.watchGit(); err != nil {
			return sandbox.Spec{}, err
		}
		input := filepath.Join(dir, InputName)
		if err := os.Mkdir(input, 0o700); err != nil {
			return sandbox.Spec{}, fmt.Errorf("make the input of %s: %w", a.ID, err)
		}
		prompt, err := s.prompt(w, a)
		if err != nil {
			return sandbox.Spec{}, fmt.Errorf("write the prompt of %s: %w", a.ID, err)
		}
		if err := os.WriteFile(filepath.Join(dir, AgentName), []byte(s.o.Agent.Kind()+"\n"), 0o600); err != nil {
			return sandbox.Spec{}, fmt.Errorf("note the agent of %s: %w", a.ID, err)
		}
		// The name of its folder becomes safe with that of the record, before the attempt can be finished.
		if err := writeSynced(filepath.Join(input, PromptName), prompt); err != nil {
			return sandbox.Spec{}, fmt.Errorf("write the prompt of %s: %w", a.ID, err)
		}
	}
	spec, err := s.sandboxSpec(w, a)
	if err != nil {
		return spec, err
	}
	profile := w.Task(a.ID.Task).Profile
	if err := s.give(ctx, profile, a, &spec); err != nil {
		return spec, err
	}
	if s.o.Grant != nil && a.Phase != engine.PhaseVerify {
		mounts, env, err := s.o.Grant()
		if err != nil {
			return spec, err
		}
		spec.Mounts = append(spec.Mounts, mounts...)
		maps.Copy(spec.Env, env)
	}
	failpoint.Here("prepared")
	spec.Image, err = s.o.Image(ctx, profile, "")
	return spec, err
}

// sandboxSpec describes the activity's sandbox, all but its image. It is the same before and after a crash.
func (s *Steps) sandboxSpec(w engine.Workflow, a engine.Activity) (sandbox.Spec, error) {
	t := w.Task(a.ID.Task)
	if t == nil {
		return sandbox.Spec{}, fmt.Errorf("task %s: %w", a.ID.Task, engine.ErrNotFound)
	}
	dir := AttemptDir(s.o.State, w.ID, a.ID)
	spec := s.baseSpec(s.sandboxName(w.ID, a.ID))
	if s.o.ProfileEnv != nil {
		for name, value := range s.o.ProfileEnv(t.Profile) {
			if _, set := spec.Env[name]; !set {
				spec.Env[name] = value
			}
		}
	}
	spec.Labels[labelWorkflow], spec.Labels[labelTask] = string(w.ID), string(a.ID.Task)
	spec.Labels[labelAttempt] = a.ID.String()
	spec.Record, spec.Gateway = filepath.Join(dir, RecordName), filepath.Join(dir, GatewayName)
	spec.Network, spec.Allow, spec.HostPorts = s.o.Network, s.o.Allow, s.o.HostPorts
	spec.Timeout, spec.Grace, spec.TranscriptLimit = s.o.Timeout, stopGrace, s.o.TranscriptLimit
	for name, value := range map[string]string{
		"RALPH_WORKFLOW": string(w.ID), "RALPH_TASK": string(a.ID.Task),
		"RALPH_ATTEMPT": strconv.Itoa(a.ID.Number), "RALPH_PHASE": string(a.Phase),
	} {
		spec.Env[name] = value
	}
	if a.Phase == engine.PhaseVerify {
		spec.Workspace.Access = sandbox.Discard
		for i, check := range t.Checks {
			spec.Commands = append(spec.Commands, sandbox.Command{Name: strconv.Itoa(i + 1), Args: []string{"sh", "-c", check}})
		}
		return spec, nil
	}
	spec.Ports = s.o.Ports
	prompt := sandbox.InputDir + "/" + PromptName
	spec.Input = filepath.Join(dir, InputName)
	spec.Env["RALPH_PROMPT"], spec.Env["RALPH_RESULT"] = prompt, resultPath
	launch := s.o.Agent.Launch(agent.Turn{Prompt: prompt})
	spec.Commands = []sandbox.Command{launch.Command}
	maps.Copy(spec.Env, launch.Env)
	spec.Files = append(spec.Files, launch.Files...)
	spec.Collect = []string{resultPath}
	switch a.Phase {
	case engine.PhaseReady:
		spec.Env["RALPH_PLAN"] = planPath
		spec.Collect = append(spec.Collect, planPath)
	case engine.PhasePlan:
		spec.Env["RALPH_SPEC"] = w.SpecPath
	}
	return spec, nil
}

// baseSpec is what all sandboxes of the project have in common.
func (s *Steps) baseSpec(name string) sandbox.Spec {
	env := make(map[string]string, len(s.o.Env)+8)
	for k, v := range s.o.Env {
		env[k] = v
	}
	return sandbox.Spec{
		Name:      name,
		Labels:    map[string]string{labelOurs: "1", labelStore: s.o.StoreID, labelProject: s.o.Project, labelLock: s.o.Lock},
		Workspace: sandbox.Workspace{Source: s.o.Project, Access: sandbox.ReadWrite},
		Env:       env,
		Network:   sandbox.NetworkNone,
		Limits:    s.o.Limits,
	}
}

func (s *Steps) sandboxName(w engine.WorkflowID, id engine.AttemptID) string {
	name := fmt.Sprintf("ralph-%s-%s-%s-%d", s.o.StoreID, w, id.Task, id.Number)
	if id.Check > 0 {
		name += "-c" + strconv.Itoa(id.Check)
	}
	return name
}

// denied passes on what the network's policy refused.
func (s *Steps) denied(id engine.AttemptID, list []sandbox.Denial) {
	if s.o.Denied == nil {
		return
	}
	var all []engine.Denied
	for _, d := range list {
		all = append(all, engine.Denied{Host: d.Host, Port: int(d.Port), Reason: string(d.Reason), Count: d.Count, Words: d.String()})
	}
	s.o.Denied(id, all)
}

// Release removes an activity's record, whose content is in the transcript and the outcome by now, with the sockets, and
// its sandbox. The sandbox comes last: as long as it is there, Sweep finds all.
func (s *Steps) Release(ctx context.Context, w engine.WorkflowID, a engine.Activity) error {
	if err := s.removeRecord(w, a.ID); err != nil {
		return err
	}
	return s.o.Runtime.Remove(ctx, s.sandboxName(w, a.ID))
}

// removeRecord removes what only a sandbox that runs or is to be read has use for.
func (s *Steps) removeRecord(w engine.WorkflowID, id engine.AttemptID) error {
	dir := AttemptDir(s.o.State, w, id)
	err := os.Remove(filepath.Join(dir, RecordName))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, os.RemoveAll(filepath.Join(dir, GatewayName)))
}

// Sweep removes the workflow's sandboxes and records that belong to none of the activities, as Release would have.
func (s *Steps) Sweep(ctx context.Context, w engine.WorkflowID, keep []engine.Activity) error {
	found, err := s.o.Runtime.List(ctx, map[string]string{labelStore: s.o.StoreID})
	if err != nil {
		return err
	}
	for _, c := range found {
		kept := slices.ContainsFunc(keep, func(a engine.Activity) bool { return s.sandboxName(w, a.ID) == c.Name })
		owner := c.Labels[labelWorkflow]
		if kept || owner != string(w) && owner != "" {
			continue
		}
		if id, err := engine.ParseAttemptID(c.Labels[labelAttempt]); err == nil && s.sandboxName(w, id) == c.Name {
			if err := s.removeRecord(w, id); err != nil {
				return err
			}
		}
		if err := s.o.Runtime.Remove(ctx, c.Name); err != nil {
			return err
		}
	}
	if err := s.o.Runtime.EndOrphans(ctx, fmt.Sprintf("ralph-%s-%s-", s.o.StoreID, w)); err != nil {
		return err
	}
	return s.sweepRecords(w, keep)
}

// sweepRecords removes records that monitors made anew: one that a killed engine had just begun to start opens its
// record after Release removed that.
func (s *Steps) sweepRecords(w engine.WorkflowID, keep []engine.Activity) error {
	root := filepath.Join(s.o.State, AttemptsName, string(w))
	for _, pattern := range []string{"*/*/" + RecordName, "*/*/*/" + RecordName} { // of attempts, and of checks
		found, err := fs.Glob(os.DirFS(root), pattern)
		if err != nil {
			return fmt.Errorf("look for records that are left: %w", err)
		}
		for _, name := range found {
			path := filepath.Join(root, name)
			kept := slices.ContainsFunc(keep, func(a engine.Activity) bool { return AttemptDir(s.o.State, w, a.ID) == filepath.Dir(path) })
			if kept {
				continue
			}
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove a record that is left: %w", err)
			}
		}
	}
	return nil
}
