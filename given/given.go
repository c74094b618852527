// Package given makes what the configuration brings of the host into a sandbox: mounts, variables, secrets, and the
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
	"maps"
	"os"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/mounts"
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
