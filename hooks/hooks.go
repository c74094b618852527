// Package hooks runs a person's programs on the host around the work of a workflow.
//
// Whoever makes a Hooks answers for it that a person has approved the programs (package trust). This package sees to it
// that no agent gets to choose what runs all the same: a program that lies in the project, where agents write, is
// refused, no folder of the project is in its PATH, and it runs outside of the project. What an agent said reaches it
// as data only: JSON on standard input, and the environment.
//
//	h := &hooks.Hooks{Project: root, Programs: map[engine.Hook][]string{engine.PreStep: {"/usr/local/bin/allowed"}}, …}
//	outcome, err := h.Run(ctx, engine.HookCall{Hook: engine.PreStep, …})
package hooks

import (
	"encoding/json"
	"os"
	"strconv"
	"time"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/trust"
)

// Hooks are the hooks of one project.
type Hooks struct {
	Project   string                   // its absolute path
	Programs  map[engine.Hook][]string // absolute path and arguments
	OnFailure engine.OnFailure
	Timeout   time.Duration // of each; it must not be zero
}

var _ engine.Hooks = (*Hooks)(nil)

// Has says whether there is a program for the hook.
func (h *Hooks) Has(hook engine.Hook) bool { return len(h.Programs[hook]) > 0 }

// document is what a hook reads on its standard input: a contract (docs/hooks.md).
type document struct {
	Schema   int     `json:"schema"`
	Hook     string  `json:"hook"`
	Project  string  `json:"project"`
	Workflow string  `json:"workflow"`
	Label    string  `json:"label"`
	State    string  `json:"state"`
	Task     *string `json:"task"`
	Attempt  *int    `json:"attempt"`
	Phase    *string `json:"phase"`
	Verdict  *string `json:"verdict"`
	Reason   *string `json:"reason"`
	Waits    *string `json:"waits"`
}

func (h *Hooks) document(c engine.HookCall) ([]byte, error) {
	text, err := json.Marshal(document{
		Schema: 1, Hook: string(c.Hook), Project: h.Project, Workflow: string(c.Workflow), Label: c.Label, State: string(c.State),
		Task: given(string(c.Task)), Attempt: given(c.Attempt), Phase: given(string(c.Phase)), Verdict: given(string(c.Verdict)),
		Reason: given(c.Reason), Waits: given(string(c.Waits)),
	})
	return append(text, '\n'), err
}

// given is nil for what does not apply.
func given[T comparable](v T) *T {
	var none T
	if v == none {
		return nil
	}
	return &v
}

// passedOn are the variables of ours that a hook gets. It is not told what else is in our environment, such as keys.
var passedOn = []string{
	"HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS",
	"DISPLAY", "WAYLAND_DISPLAY",
}

func (h *Hooks) environment(c engine.HookCall) []string {
	env := []string{
		"PATH=" + trust.Path(os.Getenv("PATH"), h.Project), "RALPH_HOOK=" + string(c.Hook), "RALPH_PROJECT=" + h.Project, "RALPH_WORKFLOW=" + string(c.Workflow),
	}
	if c.Task != "" {
		env = append(env, "RALPH_TASK="+string(c.Task), "RALPH_ATTEMPT="+strconv.Itoa(c.Attempt))
	}
	for _, name := range passedOn {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}
