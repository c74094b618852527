package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/allow"
)

// networkFlags take the place of what the configuration says. A person types them, so they need no approval.
type networkFlags struct {
	network                 string
	allow, hostPorts, ports []string

	given func(flag string) bool
}

func (f *networkFlags) define(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.network, "network", string(config.NetworkOpen), `what the sandbox reaches: "open", "none", or "allowlist" for the names of --allow`)
	flags.StringSliceVar(&f.allow, "allow", nil, `a name to reach, such as "deb.debian.org", "*.golang.org" or "github.com:22"; may be repeated`)
	flags.StringSliceVar(&f.hostPorts, "host-ports", nil, "ports of this host's loopback that appear on the sandbox's own; '' is none")
	flags.StringSliceVar(&f.ports, "ports", nil, "ports of the sandbox's loopback that appear on this host's, at 127.0.0.1; '' is none")
}

// without is the part of the configuration that no flag takes the place of.
func (f *networkFlags) without(cfg config.Sandbox) config.Sandbox {
	if f.given("network") || f.given("allow") {
		cfg.Network, cfg.Allow = config.NetworkNone, nil
	}
	if f.given("host-ports") {
		cfg.HostPorts = nil
	}
	if f.given("ports") {
		cfg.Ports = nil
	}
	return cfg
}

// over is the configuration with what the flags say in its place.
func (f *networkFlags) over(cfg config.Sandbox) (config.Sandbox, error) {
	bad := func(format string, args ...any) (config.Sandbox, error) {
		return cfg, &usageError{what: fmt.Sprintf(format, args...), try: "wrapix --help"}
	}
	if f.given("network") {
		cfg.Network, cfg.Allow = config.Network(f.network), nil
		if !slices.Contains([]config.Network{config.NetworkOpen, config.NetworkNone, config.NetworkAllowlist}, cfg.Network) {
			return bad(`there is no network %q; want "open", "none" or "allowlist"`, f.network)
		}
	}
	if f.given("allow") {
		if _, err := allow.Parse(f.allow); err != nil {
			return bad("--allow: %v", err)
		}
		cfg.Allow = f.allow
	}
	for _, list := range []struct {
		flag string
		text []string
		to   *[]int
	}{{"host-ports", f.hostPorts, &cfg.HostPorts}, {"ports", f.ports, &cfg.Ports}} {
		if !f.given(list.flag) {
			continue
		}
		*list.to = nil
		for _, s := range list.text {
			n, err := strconv.Atoi(s)
			if err != nil {
				return bad("--%s: %q is no port", list.flag, s)
			}
			*list.to = append(*list.to, n)
		}
	}
	if _, text := cfg.Conflict(); text != "" {
		return bad("the network: %s", text)
	}
	if err := sandbox.CheckPorts(sandbox.Network(cfg.Network), cfg.HostPorts, cfg.Ports); err != nil {
		return bad("%v", err)
	}
	return cfg, nil
}

// denials are what the network's policy refused while a command ran.
type denials struct{ list []sandbox.Denial }

func (d *denials) add(more []sandbox.Denial) {
	for _, one := range more {
		same := func(o sandbox.Denial) bool { return o.Host == one.Host && o.Port == one.Port && o.Reason == one.Reason }
		if at := slices.IndexFunc(d.list, same); at >= 0 {
			d.list[at].Count += one.Count
		} else {
			d.list = append(d.list, one)
		}
	}
}

// print tells a person what the command was refused: it may have said nothing about it.
func (d *denials) print(w io.Writer) {
	for _, one := range d.list {
		fmt.Fprintln(w, terminal.Line("wrapix: the network's policy refused "+one.String()))
	}
}
