// Package gateway is the host's end of what leads out of a sandbox besides its own network: a proxy that reaches the
// names on a list, ports of the host's loopback, and ports of the sandbox that appear on the host.
//
// Everything goes through Unix sockets in a folder that one sandbox sees, read-only, and nobody else; inside, the guest
// turns them into ports of the sandbox's loopback. There is no route. The folder belongs to the sandbox and not to a
// process: when that which listens dies, the sandbox goes on without its network, and another process opens the same
// folder with [Resume]. What was agreed at the beginning lies beside the sockets, where no sandbox sees it, and holds
// until the sandbox's end whatever the configuration has become.
//
//	g, err := gateway.Open(dir, gateway.Policy{Allow: []string{"*.debian.org"}}, gateway.Options{})
//	… the sandbox runs, with gateway.Sockets(dir) mounted at frame.SocketDir …
//	err = g.Close()
package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"

	"github.com/wrapix/wrapix/sandbox/allow"
	"github.com/wrapix/wrapix/sandbox/frame"
)

// Policy is what a sandbox may reach through its gateway, and what may reach it.
type Policy struct {
	// Proxy opens the proxy, for the names and addresses of Allow; see package allow.
	Proxy bool     `json:"proxy,omitempty"`
	Allow []string `json:"allow,omitempty"`
	// HostPorts are ports of the host's loopback.
	HostPorts []int `json:"host_ports,omitempty"`
	// Published are ports of the sandbox's loopback that appear on the host's, at 127.0.0.1.
	Published []int `json:"published,omitempty"`
	// Secrets says that the sandbox has secrets. Whoever opens the gateway again does not know them, and tells of no host.
	Secrets bool `json:"secrets,omitempty"`
}

// Empty says whether the policy lets nothing through.
func (p Policy) Empty() bool { return !p.Proxy && len(p.HostPorts) == 0 && len(p.Published) == 0 }

// Options of a gateway. Zero values work.
type Options struct {
	// Denied is told of what the policy refused; see Denial. Calls come one after the other, the last before Close
	// returns.
	Denied func([]Denial)
	// Unpublished is told of a port that Resume cannot publish again, as where another program has it by now.
	Unpublished func(port int, err error)
	// Hide returns what is told in the place of a host that has a secret in it, else the host; nil where there is none.
	Hide func(host string) string
	// Lookup resolves a name instead of the host's resolver.
	Lookup func(ctx context.Context, name string) ([]netip.Addr, error)
	// Dial connects to an address of the internet instead of the host's network.
	Dial func(ctx context.Context, to netip.AddrPort) (net.Conn, error)
}

// ErrPortTaken says that a port which is to be published is in use on this host.
var ErrPortTaken = errors.New("the port is in use on this host")

// policyName is the file, beside the folder of the sockets, that says what was agreed.
const policyName = "policy.json"

// Sockets is the folder, within that of a gateway, which the sandbox sees.
func Sockets(dir string) string { return filepath.Join(dir, "sockets") }

// Gateway is open, and lets through what its policy says.
type Gateway struct {
	dir     string
	policy  Policy
	list    allow.List
	options Options
	denials *denials

	listeners []net.Listener
	stops     []func()
	serving   sync.WaitGroup
	ports     chan struct{} // room for the connections of all ports together

	mu     sync.Mutex
	closed bool
	open   map[io.Closer]struct{} // connections under way
}

// Open makes the folder of a new sandbox, where it is not there from a try that failed, and opens everything that the
// policy names, or nothing.
func Open(dir string, p Policy, o Options) (*Gateway, error) {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("open the gateway: %w", err)
	}
	text, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("open the gateway: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, policyName), text, 0o600); err != nil {
		return nil, fmt.Errorf("open the gateway: %w", err)
	}
	return open(dir, p, o, false)
}

// Resume opens the gateway of a sandbox that an earlier process began, as it was agreed then, but for ports that cannot be
// published again: the sandbox runs, and nothing is gained by not looking after it. It returns fs.ErrNotExist where there was
// no gateway.
func Resume(dir string, o Options) (*Gateway, error) {
	text, err := os.ReadFile(filepath.Join(dir, policyName))
	if err != nil {
		return nil, fmt.Errorf("open the gateway again: %w", err)
	}
	var p Policy
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, fmt.Errorf("open the gateway again: read %s: %w", policyName, err)
	}
	if o.Hide = nil; p.Secrets { // a secret may have another value by now
		o.Hide = func(string) string { return hiddenHost }
	}
	return open(dir, p, o, true)
}

func open(dir string, p Policy, o Options, again bool) (_ *Gateway, err error) {
	g := &Gateway{dir: Sockets(dir), policy: p, options: o, denials: newDenials(o.Denied, o.Hide), open: map[io.Closer]struct{}{}, ports: make(chan struct{}, maxConnections)}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open the gateway: %w", err), g.Close())
		}
	}()
	if g.list, err = allow.Parse(p.Allow); err != nil {
		return nil, err
	}
	if err := os.Mkdir(g.dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if p.Proxy {
		d, err := g.listen(frame.ProxySocket, make(chan struct{}, maxConnections))
		if err != nil {
			return nil, err
		}
		g.serveProxy(d)
	}
	for _, port := range p.HostPorts {
		d, err := g.listen(frame.HostSocket(port), g.ports)
		if err != nil {
			return nil, err
		}
		g.serveHostPort(d, port)
	}
	for _, port := range p.Published {
		l, err := listenOnLoopback(port)
		if err != nil && again {
			if o.Unpublished != nil {
				o.Unpublished(port, err)
			}
			continue
		}
		if err == nil {
			err = g.publish(l, port)
		}
		if err != nil {
			return nil, fmt.Errorf("publish port %d: %w", port, err)
		}
	}
	return g, nil
}

// Close ends every connection and reports the last denials. The folder stays: the sandbox may live, and has it mounted.
func (g *Gateway) Close() error {
	g.mu.Lock()
	g.closed = true
	var all []io.Closer
	for c := range g.open {
		all = append(all, c)
	}
	g.mu.Unlock()
	for _, l := range g.listeners {
		l.Close()
	}
	for _, stop := range g.stops {
		stop()
	}
	for _, c := range all {
		c.Close()
	}
	g.serving.Wait()
	g.denials.close()
	var err error
	for _, name := range g.names() {
		if errRemove := os.Remove(filepath.Join(g.dir, name)); !errors.Is(errRemove, fs.ErrNotExist) {
			err = errors.Join(err, errRemove)
		}
	}
	return err
}

// names are those of the sockets.
func (g *Gateway) names() []string {
	var names []string
	if g.policy.Proxy {
		names = append(names, frame.ProxySocket)
	}
	for _, port := range g.policy.HostPorts {
		names = append(names, frame.HostSocket(port))
	}
	for _, port := range g.policy.Published {
		names = append(names, frame.PublishedSocket(port))
	}
	return names
}

// enter counts one more that Close waits for; it returns false after Close.
func (g *Gateway) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.serving.Add(1)
	}
	return !g.closed
}

func (g *Gateway) isClosed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}

// hold notes a connection, for Close to end it; it returns false after Close.
func (g *Gateway) hold(c io.Closer) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.open[c] = struct{}{}
	}
	return !g.closed
}

// drop closes a connection.
func (g *Gateway) drop(c io.Closer) {
	c.Close()
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.open, c)
}
