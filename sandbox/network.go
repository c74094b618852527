package sandbox

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/wrapix/wrapix/sandbox/frame"
	"github.com/wrapix/wrapix/sandbox/gateway"
)

// FirstPort is the first that a program without privileges can listen on.
const FirstPort = 1024

// CheckPorts says why ports cannot lead in or out of a sandbox. Both sides of each are to listen without privileges, and
// on the sandbox's loopback each port is one thing only.
func CheckPorts(network Network, hostPorts, ports []int) error {
	taken := map[int]string{}
	if network == NetworkAllowlist {
		taken[frame.ProxyPort] = "the proxy of the network \"allowlist\""
	}
	for _, list := range []struct {
		name  string
		ports []int
	}{{"host_ports", hostPorts}, {"ports", ports}} {
		for _, port := range list.ports {
			if port < FirstPort || port > 65535 {
				return fmt.Errorf("%s: %d: want a port from %d to 65535, which a program without privileges can listen on", list.name, port, FirstPort)
			}
			if by := taken[port]; by != "" {
				return fmt.Errorf("%s: %d is taken by %s", list.name, port, by)
			}
			taken[port] = list.name
		}
	}
	return nil
}

// policy is what the sandbox's gateway lets through.
func (s Spec) policy() gateway.Policy {
	p := gateway.Policy{HostPorts: s.HostPorts, Published: s.Ports, Secrets: len(s.Secrets) > 0}
	if s.Network == NetworkAllowlist {
		p.Proxy, p.Allow = true, s.Allow
	}
	return p
}

// Sockets is the folder of the host that a Runtime mounts at [frame.SocketDir], read-only; empty means none.
func (s Spec) Sockets() string {
	if s.policy().Empty() {
		return ""
	}
	return gateway.Sockets(s.Gateway)
}

// Net is what a Runtime tells the guest to forward; nil means nothing.
func (s Spec) Net() *frame.Net {
	p := s.policy()
	if p.Empty() {
		return nil
	}
	return &frame.Net{Proxy: p.Proxy, HostPorts: p.HostPorts, Published: p.Published}
}

// checkNetwork refuses settings of the network that do not go together.
func (s Spec) checkNetwork() error {
	if len(s.Allow) > 0 && s.Network != NetworkAllowlist {
		return fmt.Errorf("a list of names is for the network %q", NetworkAllowlist)
	}
	if err := CheckPorts(s.Network, s.HostPorts, s.Ports); err != nil {
		return err
	}
	if s.policy().Empty() {
		return nil
	}
	if s.Gateway == "" {
		return errors.New("what leads out of it needs the folder of a gateway")
	}
	return nil
}

// proxyEnv are the variables by which programs find a proxy. curl knows http_proxy in lower case only, and git, apt, pip,
// npm, cargo and Go read one form or the other. Node reads none by itself.
func proxyEnv() map[string]string {
	address := fmt.Sprintf("http://127.0.0.1:%d", frame.ProxyPort)
	const direct = "localhost,127.0.0.1,::1"
	return map[string]string{
		"http_proxy": address, "https_proxy": address, "all_proxy": address, "no_proxy": direct,
		"HTTP_PROXY": address, "HTTPS_PROXY": address, "ALL_PROXY": address, "NO_PROXY": direct,
		"NODE_USE_ENV_PROXY": "1",
	}
}

// openGateway opens what leads out of a new sandbox. Without it the sandbox is not made: it would not be what was asked
// for.
func (s Spec) openGateway(denied func([]Denial)) (closeIt func(), err error) {
	if s.policy().Empty() {
		return func() {}, nil
	}
	o := s.GatewayOptions
	o.Denied, o.Hide = denied, s.hideSecrets()
	g, err := gateway.Open(s.Gateway, s.policy(), o)
	if err != nil {
		return nil, s.gatewayError(err)
	}
	return func() { _ = g.Close() }, nil // sockets that stay go with the folder
}

// resumeGateway opens again what an earlier process opened for the sandbox, as it was then.
func (s Spec) resumeGateway(sink Sink) (closeIt func(), err error) {
	nothing := func() {}
	if s.Gateway == "" {
		return nothing, nil
	}
	o := s.GatewayOptions
	o.Denied, o.Unpublished = sink.Denied, sink.Unpublished
	g, err := gateway.Resume(s.Gateway, o)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nothing, nil
	case err != nil:
		return nil, s.gatewayError(err)
	}
	return func() { _ = g.Close() }, nil // sockets that stay go with the folder
}

func (s Spec) gatewayError(err error) error {
	e := &Error{Op: "sandbox " + s.Name, Err: err}
	if errors.Is(err, gateway.ErrPortTaken) {
		e.Hint = fmt.Sprintf("end the program that has it, or change sandbox.ports (now %v)", s.Ports)
	}
	return e
}
