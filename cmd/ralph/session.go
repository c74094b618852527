package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/control"
	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/given"
	"github.com/wrapix/wrapix/key"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/image"
	"github.com/wrapix/wrapix/sandbox/podman"
	"github.com/wrapix/wrapix/snapshot"
	"github.com/wrapix/wrapix/steps"
	"github.com/wrapix/wrapix/store"
	"github.com/wrapix/wrapix/trust"
	"github.com/wrapix/wrapix/webhook"
)

// session is a project with everything opened that running needs. Whoever has it is the one writer of the project.
type session struct {
	*project
	conf  config.Config
	state string
	store *store.Store
	trust trust.Difference // between the configuration and what a person approved
	show  progress
	works engine.WorkflowID // the workflow that is worked on

	// What connect opens.
	podman  *podman.Engine
	steps   *steps.Steps
	runner  *engine.Runner
	notify  *notifier
	feed    *control.Feed
	webhook *webhook.Sender   // nil where there is none
	grant   *key.Grant        // of the deploy key; nil where there is none
	server  *control.Server   // nil where no socket could be made
	images  map[string]string // by profile, as far as they were asked for
}

// session opens the configuration and the store for a command; starts says that it may be the first in the project.
func (p *project) session(command string, starts bool, show progress) (*session, error) {
	s := &session{project: p, show: show, feed: &control.Feed{}, images: map[string]string{}}
	var err error
	if s.conf, err = p.config(); err == nil {
		s.store, s.state, err = p.writer(command, starts, true)
	}
	if err == nil {
		s.trust, err = p.checkTrust(s.state, s.conf)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// connect opens the rest: Podman and all that acts through it. It comes after the store, because whoever does not get
// that must not touch containers, and only when something has to run. It may be called again.
func (s *session) connect(ctx context.Context) (err error) {
	if s.runner != nil {
		return nil
	}
	if s.podman, err = podman.Connect(ctx, podman.Options{}); err != nil {
		return err
	}
	snapshots, err := snapshot.Open(filepath.Join(s.state, steps.SnapshotsName), s.root, snapshot.Options{})
	if err != nil {
		return err
	}
	s.steps = steps.New(steps.Options{
		Runtime: s.podman, Project: s.root, State: s.state, StoreID: s.store.ID(), Lock: filepath.Join(s.state, store.File),
		Agent: driverOf(s.conf.Agent), Checks: commands(s.conf.Checks), Image: s.image, Profiles: s.conf.Profiles.Names(),
		Network: sandbox.Network(s.conf.Sandbox.Network), Env: s.env(), ProfileEnv: s.profileEnv, Given: s.given(ctx),
		Allow: s.conf.Sandbox.Allow, HostPorts: s.trusted(s.conf.Sandbox.HostPorts), Ports: s.trusted(s.conf.Sandbox.Ports), Denied: s.denied, Unpublished: s.unpublished,
		Limits: given.Limits(s.conf.Sandbox), Timeout: s.conf.Loop.MaxAttemptTime, Snapshots: snapshots, Output: s.show.output, Printed: s.feed.Output, Grant: s.place,
		NewGit: s.show.note,
	})
	s.notify = newNotifier(s.conf.Notify.Enabled, s.streams, s.show)
	s.runner = &engine.Runner{
		Store: s.store, Steps: s.steps, Notifier: s.notify, Clock: clock{s.now}, Sleep: s.sleep, Again: s.conf.Notify.Again, Observe: s.observe,
		Hooks: s.hooks(),
	}
	return nil
}

// observe passes events on to the display and to those who follow through the socket.
func (s *session) observe(w engine.Workflow, events []engine.Event) {
	s.feed.Observe(w, events)
	if s.webhook != nil {
		s.webhook.Observe(w, events)
	}
	if s.works == "" || s.works == w.ID { // what is decided of another one is told by who decides it
		s.show.observe(w, events)
	}
}

// denied records what the network's policy refused to an activity. It is an account and no more: where it cannot be
// recorded, the work goes on.
func (s *session) denied(id engine.AttemptID, list []engine.Denied) {
	_, err := s.runner.Do(context.Background(), s.works, engine.NoteDenied{ID: id, Denied: list})
	if err != nil && !errors.Is(err, engine.ErrNotAllowed) && !errors.Is(err, engine.ErrEnded) {
		s.show.note(fmt.Sprintf("what the network's policy refused to %s could not be recorded: %v", id, err))
	}
}

// unpublished says that an attempt goes on without one of its ports.
func (s *session) unpublished(id engine.AttemptID, port int, err error) {
	s.show.note(fmt.Sprintf("%s goes on without its port %d: %v", id, port, err))
}

// Close gives the project free. What still is to be told to a person is told before.
func (s *session) Close() error {
	var err error
	s.unserve()
	if s.notify != nil {
		s.notify.Close()
	}
	if s.webhook != nil {
		s.webhook.Close()
	}
	if s.grant != nil {
		err = errors.Join(err, s.grant.Close())
		s.grant = nil
	}
	s.show.close()
	if s.podman != nil {
		err = errors.Join(err, s.podman.Close())
	}
	if s.store != nil {
		err = errors.Join(err, s.store.Close())
	}
	return err
}

// image returns the image of a profile, "" being the project's own. The one that the configuration names stands for
// that profile. It is looked for once in the life of the session, and again where what was found is gone.
func (s *session) image(ctx context.Context, profile, gone string) (string, error) {
	if profile == "" {
		profile = s.conf.Sandbox.Profile
	}
	if ref, known := s.images[profile]; known && ref != gone {
		return ref, nil
	}
	options := image.Options{Progress: &lines{each: s.show.note}}
	var img image.Image
	var err error
	if named := s.conf.Sandbox.Image; named != "" && profile == s.conf.Sandbox.Profile {
		if !s.trust.Of("sandbox.image").Trusted() {
			return "", &engine.Hint{Err: fmt.Errorf("use the image %s: %w", named, steps.ErrNoImageYet), Try: "wrapix trust"}
		}
		if text := s.conf.Sandbox.Containerfile; text != "" {
			img, err = image.EnsureFile(ctx, s.podman, named, text, options)
		} else {
			img, err = image.Use(ctx, s.podman, named, options)
		}
	} else {
		p, unknown := s.approvedProfile(profile)
		if unknown != nil { // a workflow of before the configuration was changed
			return "", &sandbox.Error{Op: "make an image", Err: unknown, Hint: "put the profile back into wrapix.toml, or: ralph cancel"}
		}
		img, err = image.Ensure(ctx, s.podman, p, options)
	}
	if err != nil {
		return "", err
	}
	for _, left := range img.LeftOut {
		s.show.note("the image of profile " + profile + ": " + left.String())
	}
	s.images[profile] = img.Ref
	return img.Ref, nil
}

// profileEnv are the variables of a profile. One that is gone has none: to make its image fails, and says so.
func (s *session) profileEnv(name string) map[string]string {
	p, err := s.conf.ProfileOf(name)
	if err != nil {
		return nil
	}
	return p.EnvWith(nil)
}

// limits are those of the configuration.
func limits(l config.Loop) engine.Limits {
	limits := engine.Limits{
		MaxIterations: l.MaxIterations, MaxAttempts: l.MaxAttempts, MaxTime: l.MaxTime, MaxCostUSD: l.MaxCostUSD, MaxTokens: l.MaxTokens,
		MaxIterationsPerDay: l.MaxIterationsPerDay, MaxTimePerDay: l.MaxTimePerDay, MaxCostUSDPerDay: l.MaxCostUSDPerDay,
		MaxTokensPerDay: l.MaxTokensPerDay,
	}
	if l.OnBlocked != config.BlockedWait {
		limits.OnBlocked = engine.OnBlocked(l.OnBlocked)
	}
	return limits
}

func commands(checks []config.Check) []string {
	var all []string
	for _, c := range checks {
		all = append(all, c.Command)
	}
	return all
}

// clock is the program's clock as the engine wants it.
type clock struct{ now func() time.Time }

func (c clock) Now() time.Time { return c.now() }
