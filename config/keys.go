package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// tables are the tables that this version reads. Those that are true take any key.
var tables = map[string]bool{
	"agent": false, "sandbox": false, "sandbox.env": true, "loop": false, "checks": true, "hooks": false, "notify": false,
	"secrets": true, "profiles": true,
}

// later are the keys and tables of the contract that this version does not act upon. They are refused: whoever wrote
// them relies on them.
var later = []string{
	"mcp", "loop.jobs", "checks.tree",
}

// laterKinds are the agents of the contract that this version cannot run.
var laterKinds = []string{"codex", "gemini", "opencode"}

// table takes the keys of one table; path is nil for the document.
func (r *reader) table(path []string, values map[string]any) {
	for name, value := range values {
		key := append(slices.Clone(path), name)
		dotted := strings.Join(key, ".")
		open, isTable := tables[dotted]
		switch {
		case slices.Contains(later, dotted):
			r.problem(key, "this version of ralph does not support it yet")
		case isTable:
			inner, ok := value.(map[string]any)
			if !ok {
				r.problem(key, "want a table, not "+kindOf(value))
				continue
			}
			switch {
			case dotted == "profiles":
				r.profiles(inner)
			case open:
				r.entries(key, inner)
			default:
				r.table(key, inner)
			}
		default:
			set, known := r.keys()[dotted]
			if !known {
				r.problem(key, "unknown key"+r.suggestion(dotted))
				continue
			}
			if err := set(value); err != nil {
				r.problem(key, err.Error())
			}
		}
	}
}

// keys are all keys of this version with what takes their value.
func (r *reader) keys() map[string]func(any) error {
	c := &r.config
	return map[string]func(any) error{
		"agent.kind":         oneOf(&c.Agent.Kind, laterKinds, AgentClaude, AgentCommand),
		"agent.model":        text(&c.Agent.Model),
		"agent.base_url":     baseURL(&c.Agent.BaseURL),
		"agent.args":         arguments(&c.Agent.Args),
		"agent.command":      command(&c.Agent.Command),
		"sandbox.profile":    text(&c.Sandbox.Profile),
		"sandbox.packages":   packages(&c.Sandbox.Packages),
		"sandbox.image":      text(&c.Sandbox.Image),
		"sandbox.network":    oneOf(&c.Sandbox.Network, nil, NetworkOpen, NetworkNone, NetworkAllowlist),
		"sandbox.allow":      names(&c.Sandbox.Allow),
		"sandbox.host_ports": ports(&c.Sandbox.HostPorts),
		"sandbox.ports":      ports(&c.Sandbox.Ports),
		"sandbox.memory":     size(&c.Sandbox.MemoryBytes),
		"sandbox.cpus":       number(&c.Sandbox.CPUs),
		"sandbox.pids":       count(&c.Sandbox.Pids),
		"sandbox.tmp":        size(&c.Sandbox.TmpBytes),
		"sandbox.home":       size(&c.Sandbox.HomeBytes),
		"sandbox.files":      files(&c.Sandbox.Files),

		"sandbox.env_from_host": variables(&c.Sandbox.EnvFromHost),
		"sandbox.mounts":        r.mounts([]string{"sandbox", "mounts"}, &c.Sandbox.Mounts),
		"sandbox.deploy_key":    deployKey(&c.Sandbox.DeployKey),

		"loop.max_iterations": count(&c.Loop.MaxIterations),
		"loop.max_attempts":   count(&c.Loop.MaxAttempts),
		"loop.max_time":       duration(&c.Loop.MaxTime),
		"loop.max_cost_usd":   number(&c.Loop.MaxCostUSD),
		"loop.max_tokens":     count(&c.Loop.MaxTokens),

		"loop.max_attempt_time":       duration(&c.Loop.MaxAttemptTime),
		"loop.max_iterations_per_day": count(&c.Loop.MaxIterationsPerDay),
		"loop.max_time_per_day":       duration(&c.Loop.MaxTimePerDay),
		"loop.max_cost_usd_per_day":   number(&c.Loop.MaxCostUSDPerDay),
		"loop.max_tokens_per_day":     count(&c.Loop.MaxTokensPerDay),
		"loop.on_blocked":             oneOf(&c.Loop.OnBlocked, nil, BlockedWait, BlockedSkip, BlockedFail),

		"notify.again":   duration(&c.Notify.Again),
		"notify.enabled": boolean(&c.Notify.Enabled),

		"hooks.pre_loop":        program(&c.Hooks.PreLoop),
		"hooks.pre_step":        program(&c.Hooks.PreStep),
		"hooks.post_step":       program(&c.Hooks.PostStep),
		"hooks.post_loop":       program(&c.Hooks.PostLoop),
		"hooks.on_failure":      oneOf(&c.Hooks.OnFailure, nil, OnFailureBlock, OnFailureWarn, OnFailureSkip),
		"hooks.timeout":         timeout(&c.Hooks.Timeout),
		"notify.webhook":        address(&c.Notify.Webhook),
		"notify.webhook_secret": secret(&c.Notify.WebhookSecret),
	}
}

// entries takes a table whose keys are the person's own.
func (r *reader) entries(path []string, values map[string]any) {
	for name, value := range values {
		key := append(slices.Clone(path), name)
		if slices.Contains(later, strings.Join(key, ".")) {
			r.problem(key, "this version of ralph does not support it yet; a check needs another name")
			continue
		}
		if path[0] == "secrets" {
			r.secret(key, value)
			continue
		}
		var s string
		err := text(&s)(value)
		if err == nil && path[0] == "checks" {
			err = r.check(name, s)
		} else if err == nil {
			err = r.env(name, s)
		}
		if err != nil {
			r.problem(key, err.Error())
		}
	}
}

func (r *reader) check(name, command string) error {
	if strings.TrimSpace(command) == "" {
		return fmt.Errorf("the check has no command")
	}
	r.config.Checks = append(r.config.Checks, Check{Name: name, Command: command})
	return nil
}

func (r *reader) env(name, value string) error {
	if err := CheckVariable(name); err != nil {
		return err
	}
	r.config.Sandbox.Env[name] = value
	return nil
}

// CheckVariable says why a name cannot be that of a variable in a sandbox, or nothing.
func CheckVariable(name string) error {
	for i, c := range name {
		letter := c == '_' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return fmt.Errorf("the name of a variable has only letters, digits and '_'")
		}
	}
	if name == "" || strings.HasPrefix(name, "RALPH_") {
		return fmt.Errorf("the name is taken by ralph")
	}
	return nil
}

// complete reports what must be there and is not.
func (r *reader) complete() { r.completeAgent() }

// suggestion names the key that was probably meant: one in the same table that differs by case or a letter or two.
func (r *reader) suggestion(dotted string) string {
	candidates := slices.Concat(slices.Collect(maps.Keys(r.keys())), slices.Collect(maps.Keys(tables)))
	slices.Sort(candidates)
	best, least := "", 3
	for _, candidate := range candidates {
		if d := distance(strings.ToLower(dotted), candidate); d < least {
			best, least = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance counts the letters to change, add or leave out (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
