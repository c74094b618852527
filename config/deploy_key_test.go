package config

import (
	"strings"
	"testing"

	"github.com/wrapix/wrapix/key/remote"
)

func TestDeployKey(t *testing.T) {
	of := remote.Remote{User: "git", Host: "example.org", Port: 22, Path: "o/n.git"}
	for text, want := range map[string]DeployKey{
		"": {},
		"sandbox.deploy_key = 'git@example.org:o/n.git'":                            {Remote: of},
		"sandbox.deploy_key = { remote = 'git@example.org:o/n.git' }":               {Remote: of},
		"sandbox.deploy_key = { remote = 'git@example.org:o/n.git', mode='agent' }": {Remote: of},
		"sandbox.deploy_key = { mode = 'file', remote = 'git@example.org:o/n.git'}": {Remote: of, File: true},
		"[sandbox.deploy_key]\nremote = 'git@example.org:o/n.git'\nmode = 'file'":   {Remote: of, File: true},
	} {
		c, err := Parse("f", []byte("agent.command = ['a']\n"+text))
		if err != nil || c.Sandbox.DeployKey != want {
			t.Errorf("%s: %+v, %v", text, c.Sandbox.DeployKey, err)
		}
	}
	for text, want := range map[string]string{
		"sandbox.deploy_key = 'origin'":                                       `f:1:9: sandbox.deploy_key: "origin" is no address over ssh`,
		"sandbox.deploy_key = 'https://example.org/o/n'":                      "over ssh is mostly git@example.org:o/n",
		"sandbox.deploy_key = 3":                                              "f:1:9: sandbox.deploy_key: want the address of a repository",
		"sandbox.deploy_key = {}":                                             "no address over ssh",
		"sandbox.deploy_key = { remote = 'git@h:a', mode = 'x' }":             `f:1:9: sandbox.deploy_key: mode: "x" is not known; want "agent" or "file"`,
		"sandbox.deploy_key = { remote = 3 }":                                 "remote: want a string",
		"sandbox.deploy_key = { remotes = 'git@h:a' }":                        `"remotes" is not known; want remote or mode`,
		"sandbox.deploy_key = 'git@h:a'\nsandbox.network = 'none'":            `f:1:9: sandbox.deploy_key: ssh needs a way to the server`,
		"sandbox.deploy_key = 'git@h:a'\nsandbox.env.GIT_SSH_COMMAND = 'ssh'": "f:2:13: sandbox.env.GIT_SSH_COMMAND: deploy_key sets this variable",
	} {
		// Also for wrapix, to which the other tables are nothing.
		_, err := parse("f", "", []byte(text), func(*reader) {})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
