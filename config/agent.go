package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/wrapix/wrapix/sandbox/profile"
)

// AgentKind is a kind of agent.
type AgentKind string

// The kinds of agents.
const (
	AgentClaude  AgentKind = "claude"  // Claude Code
	AgentCommand AgentKind = "command" // any program
)

// Agent says what does the work inside the sandbox.
type Agent struct {
	Kind    AgentKind
	Command []string // program and arguments, of AgentCommand
	// Model, BaseURL and Args are for the client of any other kind; empty is its own choice.
	Model, BaseURL string
	Args           []string
}

// logins are the variables by which a client can be signed in, by kind. They are not mixed: a subscription is not to be
// replaced by a key that is paid for, without anybody noticing.
var logins = map[AgentKind][]string{
	AgentClaude: {"ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"},
}

// Login is the variable by which the agent's client is signed in, or empty.
func (c Config) Login() string {
	for _, name := range logins[c.Agent.Kind] {
		if c.gives(name) {
			return name
		}
	}
	return ""
}

// gives says whether a sandbox gets the variable from anywhere.
func (c Config) gives(name string) bool {
	_, set := c.Sandbox.Env[name]
	return set || slices.Contains(c.Sandbox.EnvFromHost, name) ||
		slices.ContainsFunc(c.Secrets, func(s SandboxSecret) bool { return s.Name == name })
}

// AgentProfile merges a profile as [Config.ProfileOf] does, with the client of the project's agent on top.
func (c Config) AgentProfile(name string) (profile.Profile, error) {
	p, err := c.ProfileOf(name)
	if err != nil {
		return p, err
	}
	return c.WithAgent(p)
}

// WithAgent puts the client of the project's agent on top of a profile, where it has one.
func (c Config) WithAgent(p profile.Profile) (profile.Profile, error) {
	if c.Agent.Kind == AgentCommand {
		return p, nil
	}
	program, err := Program(string(c.Agent.Kind))
	if err != nil {
		return p, err
	}
	return p.With(program), nil
}

// agentKind says which kind is meant where the file does not: that of the command, where there is one.
func (r *reader) agentKind() {
	if _, said := r.places["agent\x00kind"]; said {
		return
	}
	if _, given := r.places["agent\x00command"]; given {
		r.config.Agent.Kind = AgentCommand
	}
}

// completeAgent reports what an agent cannot work without, and what it has no use for.
func (r *reader) completeAgent() {
	a := r.config.Agent
	if slices.ContainsFunc(r.problems, func(p Problem) bool { return p.Key == "agent.kind" }) {
		return // it is not known which is meant
	}
	if a.Kind == AgentCommand {
		if _, given := r.places["agent\x00command"]; !given {
			r.problem([]string{"agent", "command"}, `is missing: say what works on the tasks, as in command = ["./agent.sh"]`)
		}
		for _, key := range []string{"model", "base_url", "args"} {
			if _, given := r.places["agent\x00"+key]; given {
				r.problem([]string{"agent", key}, `kind = "command" has no use for it; put it into the command`)
			}
		}
		return
	}
	if _, given := r.places["agent\x00command"]; given {
		r.problem([]string{"agent", "command"}, fmt.Sprintf(`is for kind = "command"; %s is started by ralph, with args`, a.Kind))
	}
	if _, has := profile.ProgramOf(string(a.Kind)); !has {
		r.problem([]string{"agent", "kind"}, fmt.Sprintf("there is no %s for this machine's architecture", a.Kind))
	}
	names := logins[a.Kind]
	given := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !r.config.gives(name) })
	switch {
	case len(given) == 0:
		r.problem([]string{"agent", "kind"}, fmt.Sprintf(`%s needs a login: say in [secrets] where to find it, as in %s = { env = "%s" }%s; or say in command what else works on the tasks`,
			a.Kind, names[0], names[0], others(names[1:])))
	case len(given) > 1:
		r.problem([]string{"agent", "kind"}, fmt.Sprintf("%s has two logins, %s; leave the one that is to be used", a.Kind, strings.Join(given, " and ")))
	}
}

func others(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return ", or for a subscription " + strings.Join(names, ", ")
}

// baseURL reads the address of a service.
func baseURL(to *string) func(any) error {
	return func(v any) error {
		var s string
		if err := text(&s)(v); err != nil {
			return err
		}
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return fmt.Errorf("%q is no address such as https://example.org or http://127.0.0.1:11434", s)
		}
		*to = strings.TrimSuffix(s, "/")
		return nil
	}
}

// arguments reads a list of arguments.
func arguments(to *[]string) func(any) error {
	return func(v any) error {
		all, err := list(v, `a list such as ["--max-turns", "50"]`)
		*to = all
		return err
	}
}
