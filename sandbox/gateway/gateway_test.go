package gateway

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wrapix/wrapix/sandbox/allow"
	"github.com/wrapix/wrapix/sandbox/frame"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is an internet of the test's own: names, and servers on the loopback that stand for public addresses.
type world struct {
	mu      sync.Mutex
	names   map[string][]string
	servers map[string]string // by public address and port
	asked   []string
	dialled []string
	denied  []Denial
}

func (w *world) options() Options {
	return Options{
		Lookup: func(_ context.Context, name string) ([]netip.Addr, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.asked = append(w.asked, name)
			var addrs []netip.Addr
			for _, s := range w.names[name] {
				addrs = append(addrs, netip.MustParseAddr(s))
			}
			if addrs == nil {
				return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
			}
			return addrs, nil
		},
		Dial: func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
			w.mu.Lock()
			w.dialled = append(w.dialled, to.String())
			server, ok := w.servers[to.String()]
			w.mu.Unlock()
			if !ok {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
			}
			return (&net.Dialer{}).DialContext(ctx, "tcp", server)
		},
		Denied: func(d []Denial) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.denied = append(w.denied, d...)
		},
	}
}

func openGateway(t *testing.T, p Policy, o Options) (*Gateway, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), strings.Repeat("a-long-name-", 10)) // longer than the address of a socket
	g, err := Open(dir, p, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g, dir
}

// dialSocket connects to a socket of the gateway, whatever the length of its name.
func dialSocket(dir, name string) (net.Conn, error) {
	f, err := os.Open(Sockets(dir))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return net.Dial("unix", fmt.Sprintf("/proc/self/fd/%d/%s", f.Fd(), name))
}

// client speaks through the proxy, as a program inside would.
func client(t *testing.T, dir string) *http.Client {
	transport := &http.Transport{
		Proxy:              http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy"}),
		DialContext:        func(context.Context, string, string) (net.Conn, error) { return dialSocket(dir, frame.ProxySocket) },
		DisableCompression: true,
		TLSClientConfig:    &tls.Config{InsecureSkipVerify: true}, // the test is about the way, not the end
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// raw sends bytes to the proxy and returns all that comes back.
func raw(t *testing.T, dir, text string) string {
	t.Helper()
	c, err := dialSocket(dir, frame.ProxySocket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(text, "CONNECT") { // else it would say that nobody waits for the answer
		_ = c.(*net.UnixConn).CloseWrite()
	}
	b, _ := io.ReadAll(c)
	return string(b)
}

// recorded is a plain server that keeps each request as it was written.
func recorded(t *testing.T) (address string, requests func() []string) {
	t.Helper()
	var mu sync.Mutex
	var seen []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var b bytes.Buffer
		fmt.Fprintf(&b, "%s %s %s\n", r.Method, r.RequestURI, r.Host)
		_ = r.Header.Write(&b)
		fmt.Fprintf(&b, "[%s]", body)
		mu.Lock()
		seen = append(seen, b.String())
		mu.Unlock()
		fmt.Fprintf(w, "hello %s", r.Host)
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String(), func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(seen)
	}
}

func get(t *testing.T, c *http.Client, url string) (int, string, string) {
	t.Helper()
	res, err := c.Get(url)
	if err != nil {
		return 0, err.Error(), ""
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b), res.Header.Get(PolicyHeader)
}

func TestProxy(t *testing.T) {
	plain, _ := recorded(t)
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "secret ", r.Host) }))
	defer secure.Close()
	w := &world{
		names: map[string][]string{
			"example.com": {"1.1.1.1"}, "deb.debian.example": {"1.1.1.2"}, "mixed.example": {"127.0.0.1", "10.0.0.1", "1.1.1.1"},
			"inside.example": {"10.0.0.1", "::1", "fd00::1", "169.254.169.254", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1"}, "down.example": {"1.1.1.9"},
		},
		servers: map[string]string{"1.1.1.1:80": plain, "1.1.1.2:80": plain, "1.1.1.1:443": secure.Listener.Addr().String(), "1.1.1.1:8080": plain},
	}
	g, dir := openGateway(t, Policy{Proxy: true, Allow: []string{
		"example.com", "example.com:8080", "*.debian.example", "mixed.example", "inside.example", "down.example", "none.example",
	}}, w.options())
	c := client(t, dir)
	for _, test := range []struct {
		url    string
		code   int
		text   string
		reason allow.Reason
	}{
		{"http://example.com/x", 200, "hello example.com", ""},
		{"http://EXAMPLE.com./x", 200, "hello example.com", ""},
		{"http://example.com:8080/x", 200, "hello example.com:8080", ""},
		{"https://example.com/x", 200, "secret example.com", ""},
		{"http://deb.debian.example/", 200, "hello deb.debian.example", ""},
		{"http://mixed.example/", 200, "hello mixed.example", ""},
		{"http://debian.example/", 403, "trying again, or another way, will not", allow.NotListed},
		{"http://example.com:81/", 403, "for other ports only", allow.OtherPort},
		{"http://inside.example/", 403, "private network", allow.Private},
		{"http://evil.example/", 403, "evil.example:80 is not allowed", allow.NotListed},
		{"http://1.1.1.1/", 403, "an address is reached only", allow.Literal},
		{"http://127.0.0.1/", 403, "", allow.Literal},
		{"http://[::1]/", 403, "", allow.Literal},
		{"http://2130706433/", 403, "", allow.Malformed},
		{"http://0x7f.1/", 403, "", allow.Malformed},
		{"http://0177.0.0.1/", 403, "", allow.Malformed},
		{"https://evil.example/", 0, "Not allowed by the policy of this sandbox, do not retry", ""},
		{"http://none.example/", 502, "nobody knows this name", ""},
		{"http://down.example/", 502, "connection refused", ""},
	} {
		code, text, reason := get(t, c, test.url)
		if code != test.code || !strings.Contains(text, test.text) || reason != string(test.reason) {
			t.Errorf("%s: %d %q %q", test.url, code, text, reason)
		}
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	for _, to := range w.dialled {
		if addr := netip.MustParseAddrPort(to).Addr(); allow.Reserved(addr) {
			t.Errorf("connected to %s", to)
		}
	}
	want := []Denial{
		{`"0177.0.0.1"`, 0, allow.Malformed, 1}, {`"0x7f.1"`, 0, allow.Malformed, 1}, {`"2130706433"`, 0, allow.Malformed, 1},
		{"1.1.1.1", 80, allow.Literal, 1}, {"127.0.0.1", 80, allow.Literal, 1}, {"::1", 80, allow.Literal, 1}, {"debian.example", 80, allow.NotListed, 1},
		{"evil.example", 80, allow.NotListed, 1}, {"evil.example", 443, allow.NotListed, 1}, {"example.com", 81, allow.OtherPort, 1}, {"inside.example", 80, allow.Private, 1},
	}
	slices.SortFunc(w.denied, func(a, b Denial) int {
		return strings.Compare(fmt.Sprintf("%s %d", a.Host, a.Port), fmt.Sprintf("%s %d", b.Host, b.Port))
	})
	slices.SortFunc(want, func(a, b Denial) int {
		return strings.Compare(fmt.Sprintf("%s %d", a.Host, a.Port), fmt.Sprintf("%s %d", b.Host, b.Port))
	})
	if !slices.Equal(w.denied, want) {
		t.Errorf("denied %+v", w.denied)
	}
}

// A name is resolved for each connection, and the connection made to what was looked at then.
func TestRebinding(t *testing.T) {
	plain, requests := recorded(t)
	w := &world{names: map[string][]string{"turns.example": {"1.1.1.1"}}, servers: map[string]string{"1.1.1.1:80": plain, "127.0.0.1:80": plain}}
	_, dir := openGateway(t, Policy{Proxy: true, Allow: []string{"turns.example"}}, w.options())
	request := "GET http://turns.example/ HTTP/1.1\r\nHost: turns.example\r\nConnection: close\r\n\r\n"
	if got := raw(t, dir, request); !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Fatal(got)
	}
	w.mu.Lock()
	if len(w.asked) != 1 || !slices.Equal(w.dialled, []string{"1.1.1.1:80"}) {
		t.Errorf("asked %q, dialled %q", w.asked, w.dialled)
	}
	w.names["turns.example"] = []string{"127.0.0.1"}
	w.mu.Unlock()
	if got := raw(t, dir, strings.Replace(request, "GET http", "CONNECT turns.example:80 HTTP/1.1\r\nX: http", 1)); !strings.HasPrefix(got, "HTTP/1.1 403") {
		t.Error(got)
	}
	if n := len(requests()); n != 1 {
		t.Errorf("%d requests came through", n)
	}
}

// The host's own addresses are known, whatever networks they are of.
func TestOwnAddresses(t *testing.T) {
	own := ownAddresses()
	all, err := net.InterfaceAddrs()
	if err != nil || len(own) == 0 || len(own) > len(all) || !own[netip.MustParseAddr("127.0.0.1")] {
		t.Errorf("%v of %v, %v", own, all, err)
	}
}

// What reaches a server is one request to the host of the URL, whatever the client wrote.
func TestSmuggling(t *testing.T) {
	plain, requests := recorded(t)
	w := &world{names: map[string][]string{"a.example": {"1.1.1.1"}}, servers: map[string]string{"1.1.1.1:80": plain}}
	_, dir := openGateway(t, Policy{Proxy: true, Allow: []string{"a.example"}}, w.options())
	for _, c := range []struct{ name, request, status, seen string }{
		{"another Host", "GET http://a.example/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", "200", "GET / a.example"},
		{"headers of the hop", "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nConnection: close, X-Secret\r\nX-Secret: 1\r\nProxy-Authorization: Basic eA==\r\nProxy-Connection: close\r\nTE: trailers\r\nKeep-Alive: 1\r\nX-Other: 1\r\n\r\n", "200", "X-Other: 1"},
		{"no whole URL", "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", "400", ""},
		{"of another kind", "GET https://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "400", ""},
		{"with a user", "GET http://a.example@evil.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "400", ""},
		{"with a user before it", "GET http://evil.example@a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "400", ""},
		{"two hosts", "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n", "400", ""},
		{"two lengths", "POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nContent-Length: 30\r\n\r\nabcGET http://a.example/2 HTTP/1.1\r\n\r\n", "400", ""},
		{"a length and chunks", "POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\nContent-Length: 60\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET http://a.example/smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n", "", "[abc]"},
		{"an unknown coding", "POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "501", ""},
		{"a bare line end in a header", "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nX: a\rGET /2 HTTP/1.1\r\n\r\n", "400", ""},
		{"a space before the colon", "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nContent-Length : 3\r\n\r\nabc", "400", ""},
		{"a header too large", "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nX: " + strings.Repeat("a", 128<<10) + "\r\n\r\n", "431", ""},
		{"a slash in the name", "CONNECT a.example/x:80 HTTP/1.1\r\nHost: a.example\r\n\r\n", "40", ""},
		{"no port", "CONNECT a.example HTTP/1.1\r\nHost: a.example\r\n\r\n", "403", ""},
		{"a user in CONNECT", "CONNECT a.example@evil.example:80 HTTP/1.1\r\nHost: a.example\r\n\r\n", "40", ""},
		{"no request", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "400", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(requests())
			got := raw(t, dir, c.request)
			if !strings.HasPrefix(got, "HTTP/1.1 "+c.status) {
				t.Errorf("answer: %s", got)
			}
			seen := requests()[before:]
			if c.seen == "" && len(seen) > 0 || c.seen != "" && (len(seen) != 1 || !strings.Contains(seen[0], c.seen)) {
				t.Errorf("the server saw %q", seen)
			}
			for _, s := range seen {
				for _, word := range []string{"evil", "X-Secret", "Proxy-", "Keep-Alive", "smuggled"} {
					if strings.Contains(s, word) {
						t.Errorf("%s passed: %s", word, s)
					}
				}
			}
		})
	}
}

// What comes right behind a CONNECT is the first of the tunnel, and each direction ends by itself.
func TestTunnel(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		b, _ := io.ReadAll(c) // until the client ends its direction
		fmt.Fprintf(c, "got %s", b)
	}()
	w := &world{names: map[string][]string{"a.example": {"1.1.1.1"}}, servers: map[string]string{"1.1.1.1:443": l.Addr().String()}}
	_, dir := openGateway(t, Policy{Proxy: true, Allow: []string{"a.example"}}, w.options())
	if got := raw(t, dir, "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\nearly"); !strings.HasSuffix(got, "\r\n\r\ngot early") {
		t.Errorf("got %q", got)
	}
}

// A protocol that begins as plain HTTP is passed on, as long as it lasts and no longer than the gateway.
func TestUpgrade(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, b, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", r.Header.Get("Upgrade"))
		io.Copy(c, b)
	}))
	defer s.Close()
	w := &world{names: map[string][]string{"a.example": {"1.1.1.1"}}, servers: map[string]string{"1.1.1.1:80": s.Listener.Addr().String()}}
	g, dir := openGateway(t, Policy{Proxy: true, Allow: []string{"a.example"}}, w.options())
	c, err := dialSocket(dir, frame.ProxySocket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprint(c, "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	r := bufio.NewReader(c)
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%+v, %v", res, err)
	}
	fmt.Fprintln(c, "hello")
	if got, err := r.ReadString('\n'); err != nil || got != "hello\n" {
		t.Errorf("got %q, %v", got, err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if rest, err := io.ReadAll(r); len(rest) > 0 || os.IsTimeout(err) {
		t.Errorf("after the end: %q, %v", rest, err)
	}
}

// More connections than are served at a time wait, whatever the others do; none is lost.
func TestConnectionsAreBounded(t *testing.T) {
	plain, _ := recorded(t)
	w := &world{names: map[string][]string{"a.example": {"1.1.1.1"}}, servers: map[string]string{"1.1.1.1:80": plain}}
	_, dir := openGateway(t, Policy{Proxy: true, Allow: []string{"a.example"}}, w.options())
	var silent []net.Conn
	for range maxConnections {
		c, err := dialSocket(dir, frame.ProxySocket)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		silent = append(silent, c)
	}
	answered := make(chan string, 1)
	go func() {
		answered <- raw(t, dir, "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
	}()
	// Whoever ends makes room.
	silent[0].Close()
	if got := <-answered; !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Error(got)
	}
}

// A loop inside neither makes the account grow nor hides what was refused before it.
func TestDenialsAreBounded(t *testing.T) {
	w := &world{}
	calls := 0
	o := w.options()
	tell := o.Denied
	o.Denied = func(d []Denial) { calls++; tell(d) }
	g, dir := openGateway(t, Policy{Proxy: true}, o)
	c := client(t, dir)
	for range 50 {
		get(t, c, "http://again.example/")
	}
	for i := range 100 {
		get(t, c, fmt.Sprintf("http://h%d.example/", i))
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	sum, again, others := 0, 0, 0
	for _, d := range w.denied {
		sum += d.Count
		switch d.Host {
		case "again.example":
			again += d.Count
		case "":
			others += d.Count
		}
	}
	if sum != 150 || again != 50 || others != 100-maxHosts+1 || calls > maxHosts+2 {
		t.Errorf("%d calls: %d refusals, %d of the first, %d of others", calls, sum, again, others)
	}
}

func TestHostPort(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Skip(err)
		}
		defer l.Close()
		go echo(l)
		port := l.Addr().(*net.TCPAddr).Port
		_, dir := openGateway(t, Policy{HostPorts: []int{port}}, Options{})
		c, err := dialSocket(dir, frame.HostSocket(port))
		if err != nil {
			t.Fatal(err)
		}
		talk(t, c)
		if _, err := dialSocket(dir, frame.ProxySocket); err == nil {
			t.Error("there is a proxy that nobody asked for")
		}
	}
}

func echo(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() { defer c.Close(); io.Copy(c, c) }()
	}
}

func talk(t *testing.T, c net.Conn) {
	t.Helper()
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintln(c, "hello")
	if got, err := bufio.NewReader(c).ReadString('\n'); err != nil || got != "hello\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

// The gateway is taken up by another process, as it was agreed at first; the folder stays the same one.
func TestResume(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go echo(l)
	port := l.Addr().(*net.TCPAddr).Port
	g, dir := openGateway(t, Policy{HostPorts: []int{port}}, Options{})
	before, err := os.Stat(Sockets(dir))
	if err != nil {
		t.Fatal(err)
	}
	// A process that is killed leaves its sockets.
	socket := filepath.Join(Sockets(dir), frame.HostSocket(port))
	if err := os.Rename(socket, socket+".kept"); err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(socket+".kept", socket); err != nil {
		t.Fatal(err)
	}
	if _, err := dialSocket(dir, frame.HostSocket(port)); err == nil {
		t.Fatal("somebody listens")
	}
	again, err := Resume(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	c, err := dialSocket(dir, frame.HostSocket(port))
	if err != nil {
		t.Fatal(err)
	}
	talk(t, c)
	if after, err := os.Stat(Sockets(dir)); err != nil || !os.SameFile(before, after) {
		t.Errorf("another folder: %v", err)
	}
	if _, err := Resume(t.TempDir(), Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("where there was none: %v", err)
	}
}

func TestPublish(t *testing.T) {
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := probe.Addr().(*net.TCPAddr).Port
	if _, err := Open(t.TempDir(), Policy{Published: []int{port}}, Options{}); !errors.Is(err, ErrPortTaken) {
		t.Errorf("a port in use: %v", err)
	}
	probe.Close()
	_, dir := openGateway(t, Policy{Published: []int{port}}, Options{})
	// One that is gone, and one that lives.
	dead, err := dialSocket(dir, frame.PublishedSocket(port))
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	guest, err := dialSocket(dir, frame.PublishedSocket(port))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer guest.Close()
		b := make([]byte, 1)
		if _, err := io.ReadFull(guest, b); err == nil && b[0] == frame.Wanted {
			io.Copy(guest, guest)
		}
	}()
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	talk(t, c)
}

// Nothing is open after an error.
func TestOpenFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, Policy{Proxy: true}, Options{}); err == nil {
		t.Error("a file is a folder")
	}
	if _, err := Open(t.TempDir(), Policy{Proxy: true, Allow: []string{"*"}}, Options{}); err == nil {
		t.Error("every name is on a list")
	}
}

// A host that has a secret in it is told of under another name, and after a restart, when nobody knows the secrets, none is.
func TestDeniedHostsHideSecrets(t *testing.T) {
	w := &world{}
	o := w.options()
	o.Hide = func(host string) string {
		if strings.Contains(host, "hunter2") {
			return "[secret PASSWORD]"
		}
		return host
	}
	g, dir := openGateway(t, Policy{Proxy: true, Secrets: true}, o)
	ask := func() {
		get(t, client(t, dir), "http://hunter2.evil.example/")
		get(t, client(t, dir), "http://open.example/")
		raw(t, dir, "CONNECT "+strings.Repeat("x", 100)+" hunter2:443 HTTP/1.1\r\n\r\n")
		raw(t, dir, "CONNECT "+strings.Repeat("x", 100)+"_hunter2:443 HTTP/1.1\r\n\r\n")
	}
	ask()
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprint(w.denied); strings.Contains(text, "hunter2") || !strings.Contains(text, "[secret PASSWORD]") || !strings.Contains(text, "open.example") {
		t.Error(text)
	}
	w.denied = nil
	again, err := Resume(dir, w.options())
	if err != nil {
		t.Fatal(err)
	}
	ask()
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprint(w.denied); strings.Contains(text, "example") || strings.Contains(text, "hunter2") || !strings.Contains(text, hiddenHost) {
		t.Error(text)
	}
}

// The ports of a sandbox share what is served at a time, and one that waits for somebody takes nothing of it.
func TestPortsAreBoundedTogether(t *testing.T) {
	var ports []int
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go echo(l)
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	g, dir := openGateway(t, Policy{HostPorts: ports}, Options{})
	dial := func(port int) net.Conn {
		c, err := dialSocket(dir, frame.HostSocket(port))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	var served []net.Conn
	for range maxConnections {
		c := dial(ports[0])
		echoes(t, c)
		served = append(served, c)
	}
	if n := len(g.ports); n != maxConnections {
		t.Fatalf("%d are served", n)
	}
	further := dial(ports[1])
	served[0].Close() // whoever ends makes room
	echoes(t, further)
	// The end does not wait for who waits.
	dial(ports[0])
	if err := g.Close(); err != nil {
		t.Error(err)
	}
}

func echoes(t *testing.T, c net.Conn) {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	var b [1]byte
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, b[:]); err != nil {
		t.Fatal(err)
	}
}
