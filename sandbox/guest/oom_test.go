package main

import (
	"testing"

	"github.com/wrapix/wrapix/sandbox/frame"
)

func TestOOMKills(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want int64
	}{
		"version 2":            {"low 0\nhigh 0\nmax 118\noom 2\noom_kill 1\noom_group_kill 0\n", 1},
		"version 2, none":      {"low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n", 0},
		"version 2, many":      {"low 0\nhigh 0\nmax 9000\noom 80\noom_kill 1234\n", 1234},
		"a group alone":        {"max 3\noom 1\noom_group_kill 1\n", 0},
		"version 1":            {"oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", 3},
		"version 1, old":       {"oom_kill_disable 0\nunder_oom 0\n", 0},
		"without a line's end": {"oom_kill 7", 7},
		"no number":            {"oom_kill x\n", 0},
		"nothing":              {"", 0},
	} {
		if got := oomKills([]byte(c.text)); got != c.want {
			t.Errorf("%s: %d, not %d", name, got, c.want)
		}
	}
}

func TestKilledForMemory(t *testing.T) {
	for name, c := range map[string]struct {
		exit          frame.Exit
		before, after int64
		want          bool
	}{
		"the command itself":          {frame.Exit{Code: 137, Signal: "SIGKILL"}, 0, 1, true},
		"what a shell waited for":     {frame.Exit{Code: 137}, 2, 3, true},
		"killed by somebody else":     {frame.Exit{Code: 137, Signal: "SIGKILL"}, 1, 1, false},
		"it went on":                  {frame.Exit{Code: 0}, 0, 1, false},
		"it failed by itself":         {frame.Exit{Code: 1}, 0, 4, false},
		"another signal":              {frame.Exit{Code: 143, Signal: "SIGTERM"}, 0, 1, false},
		"in the command before it":    {frame.Exit{Code: 137}, 5, 5, false},
		"nothing can be seen to rise": {frame.Exit{Code: 137}, 5, 0, false},
	} {
		if got := killedForMemory(c.exit, c.before, c.after); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
