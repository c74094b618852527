package main

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/engine"
)

// limitFlags are limits given on the command line. They stay with the workflow until others are given.
type limitFlags struct {
	given  []engine.LimitKey
	limits engine.Limits
}

// limitUsage says what each limit is for, with its value in backquotes.
var limitUsage = map[engine.LimitKey]string{
	"max_iterations":         "stop after `N` attempts of the workflow (0: no limit)",
	"max_attempts":           "ask a person after `N` failed attempts of a task (0: no limit)",
	"max_time":               "stop after so much sandbox time `D`, such as 8h (0: no limit)",
	"max_cost_usd":           "stop after `X` USD (0: no limit)",
	"max_tokens":             "stop after `N` tokens (0: no limit)",
	"max_iterations_per_day": "go on tomorrow (UTC) after `N` attempts in a day",
	"max_time_per_day":       "go on tomorrow (UTC) after so much sandbox time `D` in a day",
	"max_cost_usd_per_day":   "go on tomorrow (UTC) after `X` USD in a day",
	"max_tokens_per_day":     "go on tomorrow (UTC) after `N` tokens in a day",
	engine.OnBlockedKey:      "what becomes of a blocked task `HOW`: wait, skip (do without it) or fail (end the workflow)",
}

func (l *limitFlags) register(flags *pflag.FlagSet) {
	for _, key := range engine.LimitKeys() {
		flags.Var(&limitFlag{l, key}, strings.ReplaceAll(string(key), "_", "-"), limitUsage[key])
	}
}

// configure is the command that brings a workflow's limits in line with the configuration. l may be nil.
func (l *limitFlags) configure(c config.Loop) engine.Configure {
	if l == nil {
		return engine.Configure{Limits: limits(c)}
	}
	return engine.Configure{Limits: limits(c), Over: l.limits, Given: l.given}
}

// limitFlag is one of the flags.
type limitFlag struct {
	of  *limitFlags
	key engine.LimitKey
}

func (f *limitFlag) Set(text string) error {
	if !slices.Contains(f.of.given, f.key) {
		f.of.given = append(f.of.given, f.key)
	}
	return f.of.limits.Set(f.key, text)
}

// String is what was given; without the flag nothing, as that is for the configuration to say.
func (f *limitFlag) String() string {
	if f.of == nil || !slices.Contains(f.of.given, f.key) {
		return ""
	}
	return f.of.limits.Text(f.key)
}
func (f *limitFlag) Type() string { return "limit" }
