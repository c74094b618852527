package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// SandboxSecret says where a secret is found that the agent is given. One of File, Env and Command is set.
type SandboxSecret struct {
	Name string
	Secret
	// Command is a program of the host, an absolute path, and its arguments; what it prints is the secret.
	Command []string
	// Checks gives it to the checks, too.
	Checks bool
}

// secret reads an entry of [secrets].
func (r *reader) secret(key []string, v any) {
	s := SandboxSecret{Name: key[len(key)-1]}
	table, ok := v.(map[string]any)
	if !ok {
		r.problem(key, want(`a table such as { file = "~/.token" }, { env = "NAME" } or { command = ["/usr/bin/pass", "show", "token"] }`, v).Error())
		return
	}
	if err := CheckVariable(s.Name); err != nil {
		r.problem(key, err.Error())
		return
	}
	setters := map[string]func(any) error{
		"file": text(&s.File), "env": text(&s.Env), "command": program(&s.Command), "checks": boolean(&s.Checks),
	}
	given, wrong := 0, false
	for name, value := range table {
		err := errors.New("unknown key; want file, env, command or checks")
		if set := setters[name]; set != nil {
			err = set(value)
		}
		if err != nil {
			r.problem(append(slices.Clone(key), name), err.Error())
			wrong = true
		}
		if name != "checks" {
			given++
		}
	}
	switch {
	case wrong:
	case given != 1:
		r.problem(key, "want one of file, env and command")
	case s.File != "" && !filepath.IsAbs(s.File) && !strings.HasPrefix(s.File, "~/"):
		r.problem(key, "file: want an absolute path, or one below ~/: what lies in the project is no secret")
	case s.Command == nil && s.File == "" && (s.Env == "" || strings.Contains(s.Env, "=")):
		r.problem(key, "env: want the name of a variable")
	default:
		r.config.Secrets = append(r.config.Secrets, s)
	}
}

// variables reads a list of names.
func variables(to *[]string) func(any) error {
	return func(v any) error {
		list, ok := v.([]any)
		if !ok {
			return want(`a list of names such as ["LANG", "TZ"]`, v)
		}
		var names []string
		for _, entry := range list {
			var name string
			if err := text(&name)(entry); err != nil {
				return err
			}
			if err := CheckVariable(name); err != nil {
				return fmt.Errorf("%q: %w", name, err)
			}
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		*to = names
		return nil
	}
}

// names reports a variable that is to come from two places.
func (r *reader) names() {
	env := r.config.Sandbox.Env
	for _, name := range r.config.Sandbox.EnvFromHost {
		if _, twice := env[name]; twice {
			r.problem([]string{"sandbox", "env_from_host"}, name+" is in sandbox.env as well")
		}
	}
	for _, s := range r.config.Secrets {
		if _, twice := env[s.Name]; twice || slices.Contains(r.config.Sandbox.EnvFromHost, s.Name) {
			r.problem([]string{"secrets", s.Name}, "the variable is in sandbox.env or sandbox.env_from_host as well")
		}
	}
}
