package config

import (
	"fmt"
	"slices"

	"github.com/wrapix/wrapix/sandbox/allow"
)

const (
	// firstPort is the first that a program without privileges can listen on, as all programs of a sandbox are.
	firstPort = 1024
	// proxyPort is where a sandbox with NetworkAllowlist has its proxy.
	proxyPort = 3128
)

// names reads the list of an allowlist.
func names(to *[]string) func(any) error {
	return func(v any) error {
		list, ok := v.([]any)
		if !ok {
			return want(`a list such as ["proxy.golang.org", "*.debian.org"]`, v)
		}
		var all []string
		for i, entry := range list {
			var s string
			if err := text(&s)(entry); err != nil {
				return fmt.Errorf("entry %d: %w", i+1, err)
			}
			if _, err := allow.Parse([]string{s}); err != nil {
				return err
			}
			all = append(all, s)
		}
		*to = all
		return nil
	}
}

// ports reads a list of ports.
func ports(to *[]int) func(any) error {
	return func(v any) error {
		list, ok := v.([]any)
		if !ok {
			return want("a list such as [8080]", v)
		}
		var all []int
		for _, entry := range list {
			n, ok := entry.(int64)
			switch {
			case !ok:
				return want("port numbers", entry)
			case n < firstPort || n > 65535:
				return fmt.Errorf("%d: want a port from %d to 65535, which a program without privileges can listen on", n, firstPort)
			case slices.Contains(all, int(n)):
				return fmt.Errorf("%d is there twice", n)
			}
			all = append(all, int(n))
		}
		*to = all
		return nil
	}
}

// Conflict says what of the network's settings does not go together, and by which key; empty means that all does. It is
// for files, and for flags that take the place of what a file says.
func (s Sandbox) Conflict() (key, text string) {
	listed := s.Network == NetworkAllowlist
	switch {
	case listed && len(s.Allow) == 0:
		return "network", `"allowlist" needs the names in allow; to reach nothing, write "none"`
	case !listed && len(s.Allow) > 0:
		return "allow", `it is for network = "allowlist"`
	case listed && slices.Contains(s.HostPorts, proxyPort):
		return "host_ports", fmt.Sprintf("%d is the port of the proxy of an allowlist", proxyPort)
	case listed && slices.Contains(s.Ports, proxyPort):
		return "ports", fmt.Sprintf("%d is the port of the proxy of an allowlist", proxyPort)
	}
	for _, port := range s.Ports {
		if slices.Contains(s.HostPorts, port) {
			return "ports", fmt.Sprintf("%d stands in host_ports too: inside, it can be one of them only", port)
		}
	}
	return "", ""
}

// network reports what of the network's settings does not go together, where each by itself is right.
func (r *reader) network() {
	if len(r.problems) > 0 {
		return
	}
	if key, text := r.config.Sandbox.Conflict(); key != "" {
		r.problem([]string{"sandbox", key}, text)
	}
}
