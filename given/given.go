// Package given makes what the configuration brings of the host into a sandbox: mounts, variables, secrets, limits, and the
// name that commits have.
//
// Nothing here asks whether a person approved it: callers do, with package trust, before. What is found on the host is
// looked at anew for each sandbox, because files come and go and secrets change.
//
//	host := given.Host{Project: project, State: state}
//	spec.Mounts, err = host.Mounts(conf.Sandbox.Mounts)
//	spec.Secrets, err = host.Secrets(ctx, conf.Secrets)
package given

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/mounts"
	"github.com/wrapix/wrapix/sandbox/profile"
)

// Host is this host as a project's sandboxes may meet it.
type Host struct {
	Project string // an absolute path without links
	State   string // the project's state folder
	// Allow are paths that a person named on the command line, to be mounted although they never are.
	Allow []string
}

// Mounts finds what is to be mounted, or says why it cannot be.
func (h Host) Mounts(asked []config.Mount) ([]sandbox.Mount, error) {
	if len(asked) == 0 {
		return nil, nil
	}
	return mounts.Resolve(asked, h.policy())
}

// CheckWorkspace says why no sandbox may have the project's folder, or nothing.
func (h Host) CheckWorkspace() error { return mounts.CheckWorkspace(h.policy()) }

// LabelVolume is the label of a project's volumes that says of which tool they are. LabelProject says of which project.
const (
	LabelVolume  = "wrapix.volume"
	LabelProject = "wrapix.project"
)

// Volumes are the caches of a profile, each the project's own: what is in them was put there by agents, and one project's
// must not get at another's. Of the project they have its path, as all that is kept of it; a hash of that is their name.
func (h Host) Volumes(asked []profile.SourcedVolume) []sandbox.Volume {
	var list []sandbox.Volume
	for _, v := range asked {
		list = append(list, sandbox.Volume{
			Name:   fmt.Sprintf("wrapix-%.16x-%s", sha256.Sum256([]byte(h.Project)), v.Name),
			Dest:   v.Dest,
			Labels: map[string]string{"wrapix": "1", LabelProject: h.Project, LabelVolume: v.Name},
		})
	}
	return list
}

func (h Host) policy() mounts.Policy {
	home, _ := os.UserHomeDir() // without one, ~ is refused
	return mounts.Policy{Home: home, Workspace: h.Project, Private: []string{h.State}, Allow: h.Allow, Getenv: os.Getenv}
}

// Env is the environment of the configuration, with the variables of the host that it names. One that is not set here is
// not set inside.
func Env(c config.Sandbox, fromHost []string) map[string]string {
	env := maps.Clone(c.Env)
	if env == nil {
		env = map[string]string{}
	}
	for _, name := range fromHost {
		if value, ok := os.LookupEnv(name); ok {
			env[name] = value
		}
	}
	return env
}
