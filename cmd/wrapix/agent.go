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

// canTalk says why the project's agent cannot be started for a person, or nothing.
func (o *runOptions) canTalk(conf config.Config) error {
	if err := canStart(conf); err != nil {
		return err
	}
	if !isTerminal(o.streams.in) || !o.passed.interactive || o.changed("tty") && !o.passed.tty {
		return &usageError{what: fmt.Sprintf("%s needs a terminal", conf.Agent.Kind), try: "wrapix -- COMMAND, or a spec for it: ralph loop SPEC.md"}
	}
	return nil
}

// canStart says why nobody can talk with the project's agent, or nothing.
func canStart(conf config.Config) error {
	switch claude := conf.Agent; {
	case claude.Kind == config.AgentCommand:
		return &usageError{what: "the agent of wrapix.toml is a command without a terminal: " + strings.Join(claude.Command, " "), try: "wrapix -- COMMAND, for example: wrapix -- bash"}
	case conf.Login() == "":
		return &usageError{
			what: fmt.Sprintf("%s is not signed in", claude.Kind),
			try:  `a section [secrets] in wrapix.toml with ANTHROPIC_API_KEY = { env = "ANTHROPIC_API_KEY" }, or CLAUDE_CODE_OAUTH_TOKEN of a subscription; or: wrapix -- COMMAND`,
		}
	}
	return nil
}

// withAgent makes the sandbox's command the project's agent, on a terminal and ready to type, in an image that has it.
func withAgent(conf config.Config, w wanted, spec sandbox.Spec) (wanted, sandbox.Spec, error) {
	w, err := w.withAgent(conf)
	if err != nil {
		return w, spec, err
	}
	claude, login := conf.Agent, conf.Login()
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
	return w, spec, nil
}
