package sandboxtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/gateway"
)

// internet is a small one of the test's own: two web servers on the host's loopback, reached by public names.
type internet struct {
	plain  *httptest.Server
	secure *httptest.Server
}

func newInternet(t *testing.T) *internet {
	t.Helper()
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "hello from %s\n", r.Host) })
	n := &internet{plain: httptest.NewServer(hello), secure: httptest.NewTLSServer(hello)}
	t.Cleanup(n.plain.Close)
	t.Cleanup(n.secure.Close)
	return n
}

func (n *internet) options() gateway.Options {
	names := map[string]string{"deb.example": "1.1.1.1", "inside.example": "127.0.0.1"}
	return gateway.Options{
		Lookup: func(_ context.Context, name string) ([]netip.Addr, error) {
			if addr, ok := names[name]; ok {
				return []netip.Addr{netip.MustParseAddr(addr)}, nil
			}
			return nil, errors.New("no such host")
		},
		Dial: func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
			server := map[string]*httptest.Server{"1.1.1.1:80": n.plain, "1.1.1.1:443": n.secure}[to.String()]
			if server == nil {
				return nil, fmt.Errorf("connect to %s", to)
			}
			return (&net.Dialer{}).DialContext(ctx, "tcp", server.Listener.Addr().String())
		},
	}
}

// allowing makes a sandbox whose proxy leads to the test's internet.
func (s *suite) allowing(t *testing.T, n *internet, script string) sandbox.Spec {
	spec := s.withProbe(t, s.spec(t, script))
	spec.Network, spec.Allow = sandbox.NetworkAllowlist, []string{"deb.example", "inside.example"}
	spec.Gateway, spec.GatewayOptions = filepath.Join(t.TempDir(), "net"), n.options()
	return spec
}

// echoing answers each line on a port of the host's loopback until the test ends.
func echoing(t *testing.T, address string) int {
	t.Helper()
	var port int
	if _, err := fmt.Sscan(listen(t, "tcp", address).port, &port); err != nil {
		t.Fatal(err)
	}
	return port
}

// freePort is a port of the host that nobody has just now.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// networks are all that there are.
var networks = []sandbox.Network{sandbox.NetworkOpen, sandbox.NetworkNone, sandbox.NetworkAllowlist}

// named runs a test for each of the networks.
func named(t *testing.T, s *suite, run func(t *testing.T, spec func(script string) sandbox.Spec)) {
	for _, network := range networks {
		t.Run(string(network), func(t *testing.T) {
			run(t, func(script string) sandbox.Spec {
				spec := s.withProbe(t, s.spec(t, script))
				spec.Network, spec.Gateway = network, filepath.Join(t.TempDir(), "net")
				if network == sandbox.NetworkAllowlist {
					spec.Allow = []string{"nobody.example"}
				}
				return spec
			})
		})
	}
}

var gatewayTests = []test{
	{"Allowlist", func(t *testing.T, s *suite) {
		n := newInternet(t)
		spec := s.allowing(t, n, "wget -q -O - http://deb.example/; /run/probe get http://deb.example/ https://deb.example/ http://DEB.example./ "+
			"http://evil.example/ https://evil.example/ http://inside.example/ http://1.1.1.1/ http://2130706433/; ip -o link | wc -l; ip route | wc -l")
		var denied []sandbox.Denial
		var out strings.Builder
		result, err := sandbox.Run(testContext(t), s.rt, spec, sandbox.Sink{Stdout: &out, Denied: func(d []sandbox.Denial) { denied = append(denied, d...) }})
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(out.String(), "\n")
		for i, want := range []string{
			"hello from deb.example", "http://deb.example/: 200 hello from deb.example", "https://deb.example/: 200 hello from deb.example",
			"http://DEB.example./: 200 hello from deb.example", "http://evil.example/: 403 wrapix: evil.example:80 is not allowed: the name is not on the list.",
			"https://evil.example/: Get \"https://evil.example/\": Not allowed by the policy of this sandbox, do not retry",
			"http://inside.example/: 403 wrapix: inside.example:80 is not allowed", "http://1.1.1.1/: 403 ", "http://2130706433/: 403 ", "1", "0",
		} {
			if i >= len(lines) || !strings.HasPrefix(lines[i], want) {
				t.Errorf("line %d: %+v %q, want %q", i+1, result, lines, want)
				break
			}
		}
		if len(denied) != 5 || denied[1].Host != "1.1.1.1" {
			t.Errorf("denied %+v", denied)
		}
	}},
	{"AllowlistUnreachable", func(t *testing.T, s *suite) {
		n := newInternet(t)
		s.unreachableFrom(t, func(script string) sandbox.Spec { return s.allowing(t, n, script) })
		// By the proxy neither: its way to the host's loopback is through its list.
		server := listen(t, "tcp", "127.0.0.1:0")
		var urls []string
		for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "127.1", "0x7f000001", "017700000001", "2130706433", "0", "inside.example"} {
			urls = append(urls, "http://"+host+":"+server.port+"/", "https://"+host+":"+server.port+"/")
		}
		spec := s.allowing(t, n, "/run/probe get "+strings.Join(urls, " "))
		if out := s.want0(t, spec).stdout; strings.Contains(out, ": 200") || strings.Count(out, "\n") < len(urls) {
			t.Error(out)
		}
		check(t, "visits", server.hits.Load(), 0)
	}},
	{"HostPorts", func(t *testing.T, s *suite) {
		named(t, s, func(t *testing.T, spec func(string) sandbox.Spec) {
			wanted, other := echoing(t, "127.0.0.1:0"), listen(t, "tcp", "127.0.0.1:0")
			script := fmt.Sprintf("/run/probe dial tcp:127.0.0.1:%d tcp:localhost:%d; ", wanted, wanted)
			o := spec(script + fmt.Sprintf("/run/probe dial tcp:127.0.0.1:%s tcp:[::1]:%s udp:127.0.0.1:%d", other.port, other.port, wanted))
			o.HostPorts = []int{wanted}
			out := s.want0(t, o).stdout
			check(t, "ways in", strings.Count(out, ": DONE\n"), 2)
			check(t, "visits at another port", other.hits.Load(), 0)
			// Nobody is there: the connection ends, as at any closed port.
			o = spec(script)
			o.HostPorts = []int{freePort(t)}
			noneDone(t, s.want0(t, o).stdout)
		})
	}},
	{"HostPortOverIPv6", func(t *testing.T, s *suite) {
		port := echoing(t, "[::1]:0")
		spec := s.withProbe(t, s.spec(t, fmt.Sprintf("/run/probe dial tcp:127.0.0.1:%d 'tcp:[::1]:%d'", port, port)))
		spec.HostPorts, spec.Gateway = []int{port}, filepath.Join(t.TempDir(), "net")
		check(t, "ways in", strings.Count(s.want0(t, spec).stdout, ": DONE\n"), 2)
	}},
	{"Ports", func(t *testing.T, s *suite) {
		named(t, s, func(t *testing.T, spec func(string) sandbox.Spec) {
			port := freePort(t)
			o := spec(fmt.Sprintf("/run/probe echo 127.0.0.1:%d", port))
			o.Ports = []int{port}
			ctx, cut := context.WithCancel(testContext(t))
			r := s.start(t, ctx, o, "listening\n")
			for range 20 { // more than wait at a time
				reaches(t, fmt.Sprintf("127.0.0.1:%d", port))
			}
			// Nowhere but on the loopback.
			addrs, err := net.InterfaceAddrs()
			checkErr(t, "addresses", err, nil)
			for _, a := range addrs {
				ip, ok := a.(*net.IPNet)
				if !ok || ip.IP.IsLoopback() || ip.IP.IsLinkLocalUnicast() {
					continue
				}
				if c, err := net.DialTimeout("tcp", net.JoinHostPort(ip.IP.String(), fmt.Sprint(port)), 2*time.Second); err == nil {
					c.Close()
					t.Errorf("published on %s", ip.IP)
				}
			}
			// A port belongs to one.
			two := spec("true")
			two.Ports = []int{port}
			_, err = sandbox.Run(testContext(t), s.rt, two, sandbox.Sink{})
			checkErr(t, "a second sandbox with the port", err, gateway.ErrPortTaken)
			_, err = s.rt.Inspect(testContext(t), two.Name)
			checkErr(t, "it", err, sandbox.ErrNotFound)
			// Another process takes the sandbox up, and with it what it published.
			cut()
			<-r.done
			if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
				c.Close()
				t.Error("published, and nobody looks after it")
			}
			rt := s.Open(t)
			defer rt.Close()
			resumed := make(chan error, 1)
			out := newSignalWriter("listening\n")
			o.Ports = nil // what was agreed at the beginning holds
			go func() {
				_, err := sandbox.Resume(testContext(t), rt, o, sandbox.Sink{Stdout: out})
				resumed <- err
			}()
			<-out.seen
			reaches(t, fmt.Sprintf("127.0.0.1:%d", port))
			checkErr(t, "stop", rt.Stop(testContext(t), o.Name, 0), nil)
			checkErr(t, "the killed sandbox", <-resumed, sandbox.ErrLost)
		})
	}},
	{"Resumed", func(t *testing.T, s *suite) {
		n, port := newInternet(t), echoing(t, "127.0.0.1:0")
		ws := t.TempDir()
		for _, name := range []string{"gone", "tried", "back"} {
			checkErr(t, "make a pipe", syscall.Mkfifo(filepath.Join(ws, name), 0o600), nil)
		}
		script := fmt.Sprintf("/run/probe get http://deb.example/; echo one; read x < gone; "+
			"/run/probe get http://deb.example/; /run/probe dial tcp:127.0.0.1:%d; echo two; echo > tried; read x < back; "+
			"/run/probe get http://deb.example/ http://evil.example/; /run/probe dial tcp:127.0.0.1:%d", port, port)
		spec := s.allowing(t, n, script)
		spec.Workspace, spec.HostPorts = sandbox.Workspace{Source: ws}, []int{port}
		ctx, cut := context.WithCancel(testContext(t))
		r := s.start(t, ctx, spec, "one\n")
		cut()
		<-r.done
		// Nobody looks after it: it goes on without.
		writeFile(t, ws+"/gone", "\n")
		readFile(t, ws+"/tried")
		rt := s.Open(t)
		defer rt.Close()
		out, denied := newSignalWriter("two\n"), 0
		go func() {
			<-out.seen
			os.WriteFile(ws+"/back", []byte("\n"), 0o644)
		}()
		_, err := sandbox.Resume(testContext(t), rt, spec, sandbox.Sink{Stdout: out, Denied: func(d []sandbox.Denial) { denied += len(d) }})
		checkErr(t, "resume", err, nil)
		gap, back, _ := strings.Cut(out.String(), "two\n")
		_, gap, _ = strings.Cut(gap, "one\n")
		if strings.Contains(gap, "200") || strings.Contains(gap, "DONE") {
			t.Errorf("in between: %s", gap)
		}
		if !strings.Contains(back, "http://deb.example/: 200") || !strings.Contains(back, "http://evil.example/: 403") || !strings.Contains(back, ": DONE") || denied != 1 {
			t.Errorf("afterwards: %s, %d denials", back, denied)
		}
	}},
	{"ResumedWithoutPort", func(t *testing.T, s *suite) {
		// The port went to another program when whoever looked after the sandbox had died: that is told, and all else goes on.
		free, taken := freePort(t), freePort(t)
		spec := s.withProbe(t, s.spec(t, fmt.Sprintf("/run/probe echo 127.0.0.1:%d & read x < go; exit 4", free)))
		ws := t.TempDir()
		checkErr(t, "make a pipe", syscall.Mkfifo(filepath.Join(ws, "go"), 0o600), nil)
		spec.Workspace, spec.Gateway, spec.Ports = sandbox.Workspace{Source: ws}, filepath.Join(t.TempDir(), "net"), []int{taken, free}
		ctx, cut := context.WithCancel(testContext(t))
		r := s.start(t, ctx, spec, "listening\n")
		cut()
		<-r.done
		other, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", taken))
		checkErr(t, "take the port", err, nil)
		defer other.Close()
		out, told := newSignalWriter("listening\n"), map[int]error{}
		go func() {
			<-out.seen
			reaches(t, fmt.Sprintf("127.0.0.1:%d", free))
			os.WriteFile(filepath.Join(ws, "go"), []byte("\n"), 0)
		}()
		result, err := sandbox.Resume(testContext(t), s.rt, spec, sandbox.Sink{Stdout: out, Unpublished: func(port int, err error) { told[port] = err }})
		checkErr(t, "resume", err, nil)
		check(t, "code", result.Exits[0].Code, 4)
		check(t, "ports that were told of", len(told), 1)
		checkErr(t, "the port", told[taken], gateway.ErrPortTaken)
	}},
	{"SocketsAreFixed", func(t *testing.T, s *suite) {
		n, port := newInternet(t), freePort(t)
		spec := s.allowing(t, n, "ls /run/wrapix/net; "+refuse("rm /run/wrapix/net/proxy", "touch /run/wrapix/net/x", "ln -s /etc/passwd /run/wrapix/net/y",
			"mv /run/wrapix/net /run/wrapix/net2", "chmod 777 /run/wrapix/net", "ls /run/wrapix/policy.json"))
		spec.Ports = []int{port}
		check(t, "stdout", s.want0(t, spec).stdout, fmt.Sprintf("proxy\npublished-%d\n", port))
	}},
	{"NobodyElses", func(t *testing.T, s *suite) {
		// The sockets of one sandbox are not in another.
		n := newInternet(t)
		one := s.allowing(t, n, "echo ready; sleep 1000")
		r := s.start(t, testContext(t), one, "ready\n")
		two := s.withProbe(t, s.spec(t, "ls /run/wrapix; find / -xdev -type s; find /run /tmp -type s; /run/probe dial unix:/run/wrapix/net/proxy"))
		check(t, "stdout", s.want0(t, two).stdout, "guest\ndial unix /run/wrapix/net/proxy: dial unix /run/wrapix/net/proxy: connect: no such file or directory\n")
		checkErr(t, "remove", s.rt.Remove(testContext(t), one.Name), nil)
		<-r.done
	}},
	{"FailsClosed", func(t *testing.T, s *suite) {
		n := newInternet(t)
		spec := s.allowing(t, n, "true")
		writeFile(t, spec.Gateway, "a file in its place")
		if _, err := sandbox.Run(testContext(t), s.rt, spec, sandbox.Sink{}); err == nil {
			t.Error("it ran without its proxy")
		}
		_, err := s.rt.Inspect(testContext(t), spec.Name)
		checkErr(t, "the sandbox", err, sandbox.ErrNotFound)
		// And where only the runtime is asked.
		spec = s.allowing(t, n, "true")
		if err := s.rt.Create(testContext(t), spec); err == nil {
			t.Error("it was made without its sockets")
		}
	}},
	{"BadSpecs", func(t *testing.T, s *suite) {
		for name, change := range map[string]func(*sandbox.Spec){
			"no gateway":      func(s *sandbox.Spec) { s.Gateway = "" },
			"a bad name":      func(s *sandbox.Spec) { s.Allow = []string{"https://x"} },
			"a low port":      func(s *sandbox.Spec) { s.HostPorts = []int{80} },
			"twice":           func(s *sandbox.Spec) { s.HostPorts, s.Ports = []int{8080}, []int{8080} },
			"the proxy's own": func(s *sandbox.Spec) { s.HostPorts = []int{3128} },
			"no list":         func(s *sandbox.Spec) { s.Network = sandbox.NetworkOpen },
		} {
			spec := s.allowing(t, newInternet(t), "true")
			change(&spec)
			if _, err := sandbox.Run(testContext(t), s.rt, spec, sandbox.Sink{}); err == nil {
				t.Errorf("%s: it ran", name)
			}
		}
	}},
	{"Attached", func(t *testing.T, s *suite) {
		n := newInternet(t)
		spec := s.allowing(t, n, "/run/probe get https://deb.example/ http://evil.example/")
		spec.Record = ""
		spec.Grace = 0
		var out strings.Builder
		denied := 0
		code, err := sandbox.RunAttached(testContext(t), s.rt, spec, sandbox.Streams{Stdout: &out, Denied: func(d []sandbox.Denial) { denied += len(d) }})
		checkErr(t, "run", err, nil)
		check(t, "code", code, 0)
		contains(t, "stdout", out.String(), "https://deb.example/: 200")
		check(t, "denials", denied, 1)
	}},
	{"NextToABomb", func(t *testing.T, s *suite) {
		if !s.HostHasPids {
			t.Skip("this host does not enforce it")
		}
		// Whatever the commands take, the guest can still do its work.
		n := newInternet(t)
		spec := s.allowing(t, n, "/run/probe many 100 http://deb.example/ & wait; /run/probe bomb > /dev/null & /run/probe many 20 http://deb.example/ > /dev/null; kill -9 -1; exit 3")
		spec.Limits.Pids = 60
		o := s.do(t, spec)
		check(t, "ended", o.Ended, sandbox.EndedExited)
		contains(t, "stdout", o.stdout, "100 of 100\n")
	}},
	{"ManyAtOnce", func(t *testing.T, s *suite) {
		// More connections than are served at a time: all come to their end.
		n := newInternet(t)
		spec := s.allowing(t, n, "/run/probe many 600 http://deb.example/")
		check(t, "stdout", s.want0(t, spec).stdout, "600 of 600\n")
	}},
}

// reaches wants an answer of the sandbox at an address.
func reaches(t *testing.T, address string) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	fmt.Fprintln(c, "hello")
	b := make([]byte, 6)
	if _, err := io.ReadFull(c, b); err != nil || string(b) != "hello\n" {
		t.Errorf("answer %q, %v", b, err)
	}
}
