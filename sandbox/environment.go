package sandbox

import "maps"

// Hostname is the name of every sandbox's host.
const Hostname = "sandbox"

// Environment is what every command of the sandbox finds in its environment, besides the secrets of that command: the few
// variables that programs cannot do without, where the proxy is, and what was asked for, which wins.
func (s Spec) Environment() map[string]string {
	env := map[string]string{
		"HOME": HomeDir,
		"USER": "agent",
		"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LANG": "C.UTF-8",
		// Container engines add it by themselves.
		"HOSTNAME": Hostname,
	}
	if s.Terminal {
		env["TERM"] = "xterm-256color"
	}
	if s.Network == NetworkAllowlist {
		maps.Copy(env, proxyEnv())
	}
	maps.Copy(env, s.Env)
	return env
}
