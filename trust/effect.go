package trust

import (
	"slices"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/sandbox/profile"
)

// InEffect is the configuration as far as it was approved: what is left of it for a sandbox while a person has not seen
// the rest. A network that is wider than what was approved is none.
func (d Difference) InEffect(c config.Config) (config.Config, error) {
	s := &c.Sandbox
	s.Mounts = keep(s.Mounts, func(m config.Mount) bool { return d.approves(config.Sandbox{Mounts: []config.Mount{m}}) })
	s.EnvFromHost = keep(s.EnvFromHost, func(name string) bool { return d.approves(config.Sandbox{EnvFromHost: []string{name}}) })
	s.HostPorts = keep(s.HostPorts, func(port int) bool { return d.approves(config.Sandbox{HostPorts: []int{port}}) })
	s.Ports = keep(s.Ports, func(port int) bool { return d.approves(config.Sandbox{Ports: []int{port}}) })
	if !d.approves(config.Sandbox{DeployKey: s.DeployKey}) {
		s.DeployKey = config.DeployKey{}
	}
	if !d.approves(config.Sandbox{Image: s.Image, Containerfile: s.Containerfile}) {
		s.Image, s.Containerfile = "", ""
	}
	if slices.ContainsFunc(d.Added, func(s Setting) bool { return s.Key == networkKey }) {
		s.Network, s.Allow = config.NetworkNone, nil
	}
	c.Secrets = keep(c.Secrets, func(s config.SandboxSecret) bool {
		return d.approvesAll(config.Config{Secrets: []config.SandboxSecret{s}})
	})
	if c.Profiles == nil {
		return c, nil
	}
	var own []profile.Definition
	for _, p := range c.Profiles.Own() {
		p.Mounts = keep(p.Mounts, func(m profile.Mount) bool {
			return d.approvesProfile(profile.Definition{Name: p.Name, Mounts: []profile.Mount{m}})
		})
		if !d.approvesProfile(profile.Definition{Name: p.Name, Run: p.Run}) {
			p.Run = nil
		}
		own = append(own, p)
	}
	var err error
	c.Profiles, err = profile.NewSet(own)
	return c, err
}

// keep returns those of a list that are approved.
func keep[T any](list []T, approved func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(list), func(one T) bool { return !approved(one) })
}

func (d Difference) approves(s config.Sandbox) bool { return d.approvesAll(config.Config{Sandbox: s}) }

// approvesProfile says whether all that a profile by itself brings of the host is on the record.
func (d Difference) approvesProfile(p profile.Definition) bool {
	set, err := profile.NewSet([]profile.Definition{p})
	return err == nil && d.approvesAll(config.Config{Profiles: set})
}

// approvesAll says whether each setting of a configuration that has but one thing in it is on the record.
func (d Difference) approvesAll(only config.Config) bool {
	return !slices.ContainsFunc(List(only), func(s Setting) bool { return !d.Approved(s) })
}
