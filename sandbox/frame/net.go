package frame

import "strconv"

// SocketDir is the folder inside where the sockets of the host lie, read-only.
const SocketDir = "/run/wrapix/net"

// ProxyPort is the port of the sandbox's loopback at which the host's proxy appears. It is the usual one of a proxy.
const ProxyPort = 3128

// ProxySocket is the name of the socket of the host's proxy.
const ProxySocket = "proxy"

// HostSocket is the name of the socket that leads to a port of the host's loopback.
func HostSocket(port int) string { return "host-" + strconv.Itoa(port) }

// PublishedSocket is the name of the socket by which connections to a published port come in. A folder that a sandbox
// can write would let it put a link in a socket's place, so it is the guest that connects here too: it waits at the
// other end until the host writes [Wanted], and joins the connection with the port of the sandbox's loopback then.
func PublishedSocket(port int) string { return "published-" + strconv.Itoa(port) }

// Wanted is the byte by which the host takes a connection of the guest for one that has come to a published port.
const Wanted = '+'

// Net is what the guest forwards between the sandbox's loopback and the sockets of the host.
type Net struct {
	// Proxy makes the host's proxy appear at ProxyPort.
	Proxy bool `json:"proxy,omitempty"`
	// HostPorts are ports of the host's loopback that appear on the sandbox's own.
	HostPorts []int `json:"host_ports,omitempty"`
	// Published are ports of the sandbox's loopback that appear on the host's.
	Published []int `json:"published,omitempty"`
}
