package main

import (
	"context"
	"maps"
	"slices"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/given"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/steps"
)

// host is this host as the project's sandboxes may meet it.
func (s *session) host() given.Host { return given.Host{Project: s.root, State: s.state} }

// checkMounts says what cannot be mounted for the tasks of a workflow, at once and not in the middle of the night.
func (s *session) checkMounts(w engine.Workflow) error {
	if err := s.host().CheckWorkspace(); err != nil {
		return usagef(hintOf(err), "%w", err)
	}
	if !s.trust.Trusted() {
		return nil
	}
	profiles := map[string]bool{"": true}
	for _, t := range w.Tasks {
		profiles[t.Profile] = true
	}
	for _, name := range slices.Sorted(maps.Keys(profiles)) {
		if _, err := s.mounts(name); err != nil {
			return usagef(hintOf(err), "%w", err)
		}
	}
	return nil
}

// mounts finds the mounts of a profile. One that is gone has none: to make its image fails, and says so.
func (s *session) mounts(name string) ([]sandbox.Mount, error) {
	p, err := s.conf.ProfileOf(name)
	if err != nil {
		return nil, nil
	}
	return s.host().Mounts(p.HostMounts())
}

// volumes are the caches of a profile; one that is gone has none.
func (s *session) volumes(name string) []sandbox.Volume {
	p, err := s.conf.ProfileOf(name)
	if err != nil {
		return nil
	}
	return s.host().Volumes(p.Volumes)
}

// given is what the sandboxes get of the host: nothing that needs approval, unless it has that.
func (s *session) given(ctx context.Context) steps.Given {
	host, c := s.host(), s.conf
	g := steps.Given{Files: host.GitIdentity(ctx), Volumes: s.volumes}
	if !s.trust.Trusted() {
		return g
	}
	g.Mounts = s.mounts
	if len(c.Secrets) == 0 {
		return g
	}
	forChecks := slices.DeleteFunc(slices.Clone(c.Secrets), func(s config.SandboxSecret) bool { return !s.Checks })
	g.Secrets = func(ctx context.Context, checks bool) ([]sandbox.Secret, error) {
		if checks {
			return host.Secrets(ctx, forChecks)
		}
		return host.Secrets(ctx, c.Secrets)
	}
	return g
}

// trusted are ports that a person approved: none, unless all of the configuration is.
func (s *session) trusted(ports []int) []int {
	if !s.trust.Trusted() {
		return nil
	}
	return ports
}

// env are the variables of every sandbox.
func (s *session) env() map[string]string {
	if !s.trust.Trusted() {
		return given.Env(s.conf.Sandbox, nil)
	}
	return given.Env(s.conf.Sandbox, s.conf.Sandbox.EnvFromHost)
}

// checkGiven says what the sandboxes could not get. No program is run for it.
func (p *project) checkGiven(ctx context.Context, state string, c config.Config) (findings []sandbox.Finding) {
	host := given.Host{Project: p.root, State: state}
	for _, name := range c.Profiles.Names() {
		p, err := c.ProfileOf(name)
		if err == nil {
			_, err = host.Mounts(p.HostMounts())
		}
		found := func(f sandbox.Finding) bool { return f.Text == err.Error() } // for each profile that has it
		if err != nil && !slices.ContainsFunc(findings, found) {
			findings = append(findings, broken("mounts", err))
		}
	}
	still := slices.DeleteFunc(slices.Clone(c.Secrets), func(s config.SandboxSecret) bool { return s.Command != nil })
	if _, err := host.Secrets(ctx, still); err != nil {
		findings = append(findings, broken("secrets", err))
	}
	return findings
}
