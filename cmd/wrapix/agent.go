package main

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/steps/agent"
)

// withAgent makes the sandbox's command the project's agent, on a terminal and ready to type.
func (o *runOptions) withAgent(conf config.Config, spec sandbox.Spec) (sandbox.Spec, error) {
	claude, login := conf.Agent, conf.Login()
	switch {
	case claude.Kind == config.AgentCommand:
		return spec, &usageError{what: "the agent of wrapix.toml is a command without a terminal: " + strings.Join(claude.Command, " "), try: "wrapix -- COMMAND, for example: wrapix -- bash"}
	case login == "":
		return spec, &usageError{
			what: fmt.Sprintf("%s is not signed in", claude.Kind),
			try:  `a section [secrets] in wrapix.toml with ANTHROPIC_API_KEY = { env = "ANTHROPIC_API_KEY" }, or CLAUDE_CODE_OAUTH_TOKEN of a subscription; or: wrapix -- COMMAND`,
		}
	case !isTerminal(o.streams.in):
		return spec, &usageError{what: fmt.Sprintf("%s needs a terminal", claude.Kind), try: "wrapix -- COMMAND, or a spec for it: ralph loop SPEC.md"}
	}
	keyFile := ""
	if login == "ANTHROPIC_API_KEY" && slices.Contains(spec.Commands[0].Secrets, login) {
		keyFile = path.Join(sandbox.SecretsDir, login)
		spec.Commands[0].Secrets = slices.DeleteFunc(spec.Commands[0].Secrets, func(name string) bool { return name == login })
	}
	launch := agent.Claude{Model: claude.Model, BaseURL: claude.BaseURL, Args: claude.Args}.Interactive(keyFile)
	launch.Command.Secrets = spec.Commands[0].Secrets
	spec.Commands[0] = launch.Command
	for name, value := range launch.Env {
		spec.Env[name] = value
	}
	spec.Files = append(spec.Files, launch.Files...)
	return spec, nil
}
