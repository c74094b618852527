package trust

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/wrapix/wrapix/config"
)

// networkKey is the one setting that does not reach the host but keeps a sandbox from reaching far. It needs no approval
// by itself: without it a sandbox reaches more. Once it was approved, what is wider needs approval again.
const networkKey = "sandbox.network"

// network are the settings about what leads out of a sandbox, and into it.
func network(s config.Sandbox) []Setting {
	var list []Setting
	switch s.Network {
	case config.NetworkNone:
		list = append(list, Setting{networkKey, exactly("none"), "reach no network"})
	case config.NetworkAllowlist:
		names := slices.Compact(slices.Sorted(slices.Values(s.Allow)))
		list = append(list, Setting{networkKey, exactly(append([]string{"allowlist"}, names...)...), "reach only " + shown(names...)})
	}
	for _, port := range s.HostPorts {
		n := strconv.Itoa(port)
		list = append(list, Setting{"sandbox.host_ports", exactly(n), fmt.Sprintf("let sandboxes use what listens on port %s of this host's loopback", n)})
	}
	for _, port := range s.Ports {
		n := strconv.Itoa(port)
		list = append(list, Setting{"sandbox.ports", exactly(n), fmt.Sprintf("let programs on this host, browsers too, reach what an agent's sandbox serves on port %s", n)})
	}
	return list
}

// open is what stands for a network without limits.
var open = Setting{networkKey, exactly("open"), "reach the whole internet and the local network"}

// narrow takes the network's setting off a list. Where there is none the network is open.
func narrow(list []Setting) (rest []Setting, limit Setting) {
	limit = open
	for _, s := range list {
		if s.Key == networkKey {
			limit = s
		} else {
			rest = append(rest, s)
		}
	}
	return rest, limit
}

// within says whether all that one network reaches is reached by another, as far as their words tell: a name that a
// wildcard of the other covers counts as more, and a person is asked once too often.
func within(inner, outer Setting) bool {
	if outer.Value == open.Value || inner.Value == exactly("none") || inner.Value == outer.Value {
		return true
	}
	if inner.Value == open.Value || outer.Value == exactly("none") {
		return false
	}
	names := strings.Fields(outer.Value)
	for _, name := range strings.Fields(inner.Value) {
		if !slices.Contains(names, name) {
			return false
		}
	}
	return true
}
