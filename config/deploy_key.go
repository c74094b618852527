package config

import (
	"fmt"

	"github.com/wrapix/wrapix/key/remote"
)

// DeployKey says to which repository a sandbox may push. The zero value is none.
type DeployKey struct {
	Remote remote.Remote
	// File puts the key's file into the sandbox; else an agent on the host signs for it.
	File bool
}

// The ways of a key into a sandbox.
const (
	deployKeyAgent = "agent"
	deployKeyFile  = "file"
)

// deployKey reads the address of a repository, or { remote = "…", mode = "agent" or "file" }. The name of a git remote is
// none: what it stands for can change after a person has approved it.
func deployKey(to *DeployKey) func(any) error {
	return func(v any) error {
		var address string
		mode := deployKeyAgent
		switch v := v.(type) {
		case string:
			address = v
		case map[string]any:
			for name, value := range v {
				var err error
				switch name {
				case "remote":
					err = text(&address)(value)
				case "mode":
					err = oneOf(&mode, nil, deployKeyAgent, deployKeyFile)(value)
				default:
					return fmt.Errorf("%q is not known; want remote or mode", name)
				}
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
		default:
			return want(`the address of a repository such as "git@example.org:owner/name.git"`, v)
		}
		r, err := remote.Parse(address)
		if err != nil {
			return err
		}
		*to = DeployKey{Remote: r, File: mode == deployKeyFile}
		return nil
	}
}

// sshCommand is the variable by which git in the sandbox finds the key.
const sshCommand = "GIT_SSH_COMMAND"

// checkDeployKey says what a deploy key cannot work with.
func (r *reader) checkDeployKey() {
	if r.config.Sandbox.DeployKey == (DeployKey{}) {
		return
	}
	if r.config.Sandbox.Network != NetworkOpen {
		r.problem([]string{"sandbox", "deploy_key"}, `ssh needs a way to the server, so a deploy key works with network = "open" only`)
	}
	if _, taken := r.config.Sandbox.Env[sshCommand]; taken {
		r.problem([]string{"sandbox", "env", sshCommand}, "deploy_key sets this variable, so that git uses the key")
	}
}
