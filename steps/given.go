package steps

import (
	"context"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/sandbox"
)

// Given is what sandboxes get of the host besides the project: as far as a person approved it. All fields can be empty.
type Given struct {
	// Mounts finds the mounts of a profile, "" being the default one, anew for each sandbox.
	Mounts func(profile string) ([]sandbox.Mount, error)
	// Volumes are the caches of a profile. Checks get empty ones in their place. It may be nil.
	Volumes func(profile string) []sandbox.Volume
	// Secrets finds the secrets of the agent, or those that checks get.
	Secrets func(ctx context.Context, checks bool) ([]sandbox.Secret, error)
	// Files are small texts in the agent's home folder, of which none is secret.
	Files []sandbox.File
}

// give adds what is given to an activity's sandbox. Checks change nothing of the host, so to them mounts are read-only,
// and they get the secrets that are said to be for them.
func (s *Steps) give(ctx context.Context, profile string, a engine.Activity, spec *sandbox.Spec) error {
	checks := a.Phase == engine.PhaseVerify
	g := s.o.Given
	spec.Files = append(spec.Files, g.Files...)
	if g.Mounts != nil {
		found, err := g.Mounts(profile)
		if err != nil {
			return err
		}
		for _, m := range found {
			m.ReadOnly = m.ReadOnly || checks
			spec.Mounts = append(spec.Mounts, m)
		}
	}
	if g.Volumes != nil {
		for _, v := range g.Volumes(profile) {
			if checks { // what an agent left there would be part of what is checked
				v = sandbox.Volume{Dest: v.Dest}
			}
			spec.Volumes = append(spec.Volumes, v)
		}
	}
	if g.Secrets == nil {
		return nil
	}
	found, err := g.Secrets(ctx, checks)
	if err != nil {
		return err
	}
	spec.Secrets = append(spec.Secrets, found...)
	for i := range spec.Commands {
		for _, secret := range found {
			spec.Commands[i].Secrets = append(spec.Commands[i].Secrets, secret.Name)
		}
	}
	return nil
}
