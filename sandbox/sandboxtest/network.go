package sandboxtest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wrapix/wrapix/sandbox"
)

// echoServer answers on an address of the host, and counts who came.
type echoServer struct {
	port string
	hits atomic.Int64
}

func listen(t *testing.T, network, address string) *echoServer {
	t.Helper()
	s := &echoServer{}
	if network == "udp" {
		conn, err := net.ListenPacket(network, address)
		if err != nil {
			t.Skipf("listen on %s %s: %v", network, address, err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			buf := make([]byte, 100)
			for {
				n, from, err := conn.ReadFrom(buf)
				if err != nil {
					return
				}
				s.hits.Add(1)
				conn.WriteTo(buf[:n], from)
			}
		}()
		t.Cleanup(func() { conn.Close(); <-done })
		_, s.port, _ = net.SplitHostPort(conn.LocalAddr().String())
		return s
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Skipf("listen on %s %s: %v", network, address, err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.hits.Add(1)
			line, _ := bufio.NewReader(conn).ReadString('\n')
			io.WriteString(conn, line)
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	_, s.port, _ = net.SplitHostPort(l.Addr().String())
	return s
}

// waysToTheHost are addresses by which container networks are known to lead to the host, and the host's own.
func waysToTheHost(t *testing.T) []string {
	t.Helper()
	ways := []string{
		"127.0.0.1", "127.0.0.2", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1", "localhost",
		"10.0.2.2", "10.0.2.3", "10.0.2.100", "fd00::2", "fd00::3", // slirp4netns
		"169.254.1.1", "169.254.1.2", "169.254.0.1", "169.254.169.254", // pasta, clouds
		"10.88.0.1", "172.17.0.1", "192.168.127.254",
		"host.containers.internal", "host.docker.internal", "gateway.containers.internal",
	}
	if name, err := os.Hostname(); err == nil {
		ways = append(ways, name)
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if ip, ok := a.(*net.IPNet); ok {
			ways = append(ways, ip.IP.String())
		}
	}
	return ways
}

var networkTests = []test{
	{"None", func(t *testing.T, s *suite) {
		o := s.sh(t, "ip -o link | wc -l; ip route | wc -l")
		check(t, "interfaces and routes", o.stdout, "1\n0\n")
	}},
	{"NoneUnreachable", func(t *testing.T, s *suite) { s.unreachable(t, sandbox.NetworkNone) }},
	{"OpenHasRoute", func(t *testing.T, s *suite) {
		spec := s.spec(t, "ip route")
		spec.Network = sandbox.NetworkOpen
		contains(t, "routes", s.want0(t, spec).stdout, "default via")
	}},
	{"OpenLoopbackUnreachable", func(t *testing.T, s *suite) { s.unreachable(t, sandbox.NetworkOpen) }},
	{"AbstractSocket", func(t *testing.T, s *suite) {
		name := fmt.Sprintf("@wrapix-test-%s", s.run)
		server := listen(t, "unix", name)
		named(t, s, func(t *testing.T, spec func(string) sandbox.Spec) {
			noneDone(t, s.want0(t, spec("/run/probe dial unix:"+name)).stdout)
		})
		check(t, "visits", server.hits.Load(), 0)
	}},
}

// unreachable proves that no way leads to servers that listen on the host's loopback only.
func (s *suite) unreachable(t *testing.T, network sandbox.Network) {
	s.unreachableFrom(t, func(script string) sandbox.Spec {
		spec := s.withProbe(t, s.spec(t, script))
		spec.Network = network
		return spec
	})
}

// unreachableFrom is unreachable for sandboxes of the test's making.
func (s *suite) unreachableFrom(t *testing.T, sandboxOf func(script string) sandbox.Spec) {
	servers := map[string]*echoServer{"tcp": listen(t, "tcp", "127.0.0.1:0"), "udp": listen(t, "udp", "127.0.0.1:0")}
	six, err := net.Listen("tcp", "[::1]:0")
	if err == nil {
		six.Close()
		servers["tcp6"] = listen(t, "tcp", "[::1]:0")
	}
	var b strings.Builder
	fmt.Fprintln(&b, "for a in $(/run/probe gateways)", strings.Join(waysToTheHost(t), " ")+"; do")
	fmt.Fprintln(&b, `case $a in *:*) a="[$a]";; esac`)
	for n, server := range servers {
		fmt.Fprintf(&b, "/run/probe dial %s:$a:%s &\n", strings.TrimSuffix(n, "6"), server.port)
	}
	fmt.Fprintln(&b, "done; wait")
	o := s.want0(t, sandboxOf(b.String()))
	noneDone(t, o.stdout)
	for n, server := range servers {
		if hits := server.hits.Load(); hits > 0 {
			t.Errorf("%d visits at the host's loopback by %s", hits, n)
		}
	}

	// For the record: what listens on all addresses of the host can be reached by the host's own, as from any machine.
	everywhere := listen(t, "tcp", ":0")
	b.Reset()
	for _, a := range waysToTheHost(t) {
		fmt.Fprintf(&b, "/run/probe dial 'tcp:%s' &\n", net.JoinHostPort(a, everywhere.port))
	}
	spec := sandboxOf(b.String() + "wait")
	for line := range strings.Lines(s.want0(t, spec).stdout) {
		if strings.Contains(line, "DONE") {
			t.Logf("a server on all addresses of the host is reached: %s", strings.TrimSpace(line))
			if spec.Network != sandbox.NetworkOpen {
				t.Error("without a network")
			}
		}
	}
}
