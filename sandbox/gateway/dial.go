package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/wrapix/wrapix/sandbox/allow"
)

// target is a host, in the form that package allow has it, and a port.
type target struct {
	host string
	port uint16
}

func (t target) String() string { return net.JoinHostPort(t.host, fmt.Sprint(t.port)) }

// refusal says that the policy does not let a connection be made.
type refusal struct {
	target
	reason allow.Reason
}

// Error implements error.
func (r *refusal) Error() string {
	return fmt.Sprintf("%s is not allowed: %s", r.target, r.reason.Words())
}

// reachTime bounds how long resolving and connecting may take together, and maxTries how many of a name's addresses are
// tried.
const (
	reachTime = 30 * time.Second
	maxTries  = 6
)

// reach connects to a target that is on the list. Its name is resolved here, once, and the connection made to an address
// that was looked at: what the name means a moment later makes no difference.
func (g *Gateway) reach(ctx context.Context, t target) (net.Conn, error) {
	if reason := g.list.Refuses(t.host, t.port); reason != "" {
		return nil, &refusal{t, reason}
	}
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	addrs, err := g.addresses(ctx, t)
	if err != nil {
		return nil, err
	}
	for _, addr := range addrs[:min(len(addrs), maxTries)] {
		var c net.Conn
		if c, err = g.dial(ctx, netip.AddrPortFrom(addr, t.port)); err == nil {
			return c, nil
		}
	}
	return nil, fmt.Errorf("connect to %s: %w", t, err)
}

// addresses returns the addresses that a target may be reached at.
func (g *Gateway) addresses(ctx context.Context, t target) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(t.host); err == nil {
		return []netip.Addr{addr}, nil // it is on the list itself
	}
	found, err := g.lookup(ctx, t.host)
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", t.host, err)
	}
	own := ownAddresses()
	var usable []netip.Addr
	for _, addr := range found {
		if addr = addr.WithZone("").Unmap(); !allow.Reserved(addr) && !own[addr] {
			usable = append(usable, addr)
		}
	}
	switch {
	case len(usable) > 0:
		return usable, nil
	case len(found) > 0:
		return nil, &refusal{t, allow.Private}
	}
	return nil, fmt.Errorf("resolve %s: %w", t.host, errors.New("it has no address"))
}

func (g *Gateway) lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	if g.options.Lookup != nil {
		return g.options.Lookup(ctx, name)
	}
	// The final dot keeps the host's resolver from adding domains of its own.
	return net.DefaultResolver.LookupNetIP(ctx, "ip", name+".")
}

func (g *Gateway) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	if g.options.Dial != nil {
		return g.options.Dial(ctx, to)
	}
	d := net.Dialer{Timeout: dialTime}
	return d.DialContext(ctx, "tcp", to.String())
}

// ownAddresses are those of this host, which can be addresses of the internet.
func ownAddresses() map[netip.Addr]bool {
	own := map[netip.Addr]bool{}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return own // the networks that are reserved remain
	}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			own[p.Addr().WithZone("").Unmap()] = true
		}
	}
	return own
}
