// Package trust keeps what a person has approved of a project's configuration.
//
// An agent works in the project folder, and so does everybody who sends a pull request. What wrapix.toml says about the
// sandbox stays in the sandbox, but some settings reach the host: programs to run there, places to send data to. Those
// are collected into one list. A person sees it, in words, and the list is recorded outside of the project; what is not
// on the record does not take effect.
//
//	list := trust.List(conf)
//	difference, err := trust.Check(stateDir, project, list)
//	if err == nil && difference.Trusted() { … }
//
// The list is made from the configuration as it was parsed once; whoever acts on it acts on the same value. A file that
// changes meanwhile changes nothing.
package trust

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/wrapix/wrapix/config"
)

// Setting is one thing in the configuration that reaches the host.
type Setting struct {
	Key   string `json:"key"`   // as in wrapix.toml
	Value string `json:"value"` // exactly what takes effect; compared, never shown
	Words string `json:"words"` // what it does, for a person
}

// List collects all settings that reach the host, in the order of their keys. It is empty for a configuration that
// stays in the sandbox.
func List(c config.Config) []Setting {
	var list []Setting
	for _, h := range []struct {
		key, when string
		args      []string
	}{
		{"hooks.pre_loop", "before a loop begins", c.Hooks.PreLoop},
		{"hooks.pre_step", "before each step", c.Hooks.PreStep},
		{"hooks.post_step", "after each step", c.Hooks.PostStep},
		{"hooks.post_loop", "after a loop has ended", c.Hooks.PostLoop},
	} {
		if len(h.args) > 0 {
			list = append(list, Setting{h.key, exactly(h.args...), "run on this host " + h.when + ": " + shown(h.args...)})
		}
	}
	if address := c.Agent.BaseURL; address != "" {
		list = append(list, Setting{"agent.base_url", exactly(address), "send the agent's login and all that it reads and writes to " + shown(address)})
	}
	if args := c.Agent.Args; len(args) > 0 {
		list = append(list, Setting{"agent.args", exactly(args...), "start the agent, which has its login, with the arguments " + shown(args...)})
	}
	if n := c.Notify; n.Webhook != "" {
		list = append(list, Setting{"notify.webhook", exactly(n.Webhook), "send waits and ends, with the agent's words, to " + shown(n.Webhook)})
		switch s := n.WebhookSecret; {
		case s.File != "":
			list = append(list, Setting{"notify.webhook_secret", exactly("file", s.File), "read the key that signs them from the file " + shown(s.File)})
		case s.Env != "":
			list = append(list, Setting{"notify.webhook_secret", exactly("env", s.Env), "read the key that signs them from the variable " + shown(s.Env)})
		}
	}
	if k := c.Sandbox.DeployKey; k != (config.DeployKey{}) {
		mode, words := "agent", "let what runs in the sandbox push to %s with its deploy key, without seeing it"
		if k.File {
			mode, words = "file", "let what runs in the sandbox push to %s with its deploy key, and read and copy the key"
		}
		list = append(list, Setting{"sandbox.deploy_key", exactly(mode, k.Remote.String()), fmt.Sprintf(words, shown(k.Remote.String()))})
	}
	list = append(list, inSandbox(c)...)
	if ref := c.Sandbox.Image; ref != "" { // whoever can push to its registry decides what runs beside the project's files
		s := Setting{"sandbox.image", exactly(ref), "make sandboxes from the image " + shown(ref) + ", which is fetched where this host does not have it"}
		if text := c.Sandbox.Containerfile; text != "" {
			sum := fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
			s.Value = exactly("containerfile", ref, sum)
			s.Words = "make sandboxes from an image built of " + shown(ref) + " as it is (sha256 " + sum[:12] + "), with this host's network"
		}
		list = append(list, s)
	}
	if c.Profiles != nil {
		for _, p := range c.Profiles.Own() {
			list = append(list, mounts("profiles."+p.Name, "sandboxes of the profile "+p.Name+" (any task can ask for it)", p.Mounts)...)
			if len(p.Run) > 0 { // a build step sees the host's network, its loopback too
				list = append(list, Setting{"profiles." + p.Name + ".run", exactly(p.Run...), "run while the image is made, with this host's network: " + shown(p.Run...)})
			}
		}
	}
	list = append(list, network(c.Sandbox)...)
	slices.SortFunc(list, compare)
	return list
}

// inSandbox collects what brings something of the host into the sandboxes.
func inSandbox(c config.Config) (list []Setting) {
	list = append(list, mounts("sandbox", "sandboxes", c.Sandbox.Mounts)...)
	for _, name := range c.Sandbox.EnvFromHost {
		list = append(list, Setting{"sandbox.env_from_host " + name, exactly(name), "give sandboxes this host's variable " + name})
	}
	for _, s := range c.Secrets {
		who := "the agent"
		if s.Checks {
			who = "the agent and the checks"
		}
		what := fmt.Sprintf("give %s, as the secret %s, ", who, s.Name)
		switch {
		case s.File != "":
			list = append(list, Setting{"secrets." + s.Name, exactly("file", s.File, who), what + "what is in the file " + shown(s.File)})
		case s.Env != "":
			list = append(list, Setting{"secrets." + s.Name, exactly("env", s.Env, who), what + "this host's variable " + shown(s.Env)})
		default:
			list = append(list, Setting{"secrets." + s.Name, exactly(append([]string{"command", who}, s.Command...)...), what + "what this prints, run on this host before each step: " + shown(s.Command...)})
		}
	}
	return list
}

// mounts are those of one table that show who something from outside of the project.
func mounts(table, who string, all []config.Mount) (list []Setting) {
	for _, m := range all {
		if m.InProject() {
			continue
		}
		may := "read "
		if m.Writable {
			may = "read, write and delete in "
		}
		key := table + ".mounts " + shown(m.Dest)
		if m.File {
			key = table + ".files " + shown(m.Dest)
		}
		words := "let " + who + " " + may + shown(m.Source) + " of this host, at " + shown(m.Dest)
		if m.Writable {
			words += ", where checks find what agents left"
		}
		list = append(list, Setting{key, exactly(m.Source, m.Dest, m.Mode()), words})
	}
	return list
}

func compare(a, b Setting) int {
	return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Value, b.Value))
}

// exactly writes values so that different ones never look the same.
func exactly(values ...string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = strconv.QuoteToASCII(v)
	}
	return strings.Join(quoted, " ")
}

// shown writes values for a person: what could be mistaken or would not be seen is quoted and escaped.
func shown(values ...string) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = v
		if v == "" || strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"'\\`", r) }) {
			parts[i] = strconv.QuoteToASCII(v)
		}
	}
	return strings.Join(parts, " ")
}

// Hash names a list: two lists have the same only if all their settings are the same.
func Hash(list []Setting) string {
	h := sha256.New()
	for _, s := range list {
		fmt.Fprintln(h, exactly(s.Key, s.Value))
	}
	return hex.EncodeToString(h.Sum(nil))
}
