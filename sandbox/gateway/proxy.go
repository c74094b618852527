package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"github.com/wrapix/wrapix/sandbox/allow"
)

const (
	headerTime = 30 * time.Second
	idleTime   = 30 * time.Second // an idle connection takes the place of another
	maxHeader  = 64 << 10
	maxAnswer  = 256 << 10
)

// proxy answers requests for whole URLs, and CONNECT. What it sends on is written anew from what it understood, so the
// two ends cannot read one request as two: only net/http reads, and only net/http writes.
type proxy struct {
	gateway *Gateway
	plain   *httputil.ReverseProxy
	busy    chan struct{} // bounds the requests and tunnels under way
}

// serveProxy serves the proxy until the gateway is closed.
func (g *Gateway) serveProxy(d *door) {
	ctx, cancel := context.WithCancel(context.Background())
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			t, err := parseTarget(address, "")
			if err != nil {
				return nil, err
			}
			return g.reach(ctx, t)
		},
		DisableCompression: true, MaxIdleConns: 32, IdleConnTimeout: idleTime, MaxResponseHeaderBytes: maxAnswer,
		ExpectContinueTimeout: time.Second,
	}
	p := &proxy{gateway: g, busy: make(chan struct{}, maxConnections)}
	silent := log.New(io.Discard, "", 0)
	p.plain = &httputil.ReverseProxy{
		// This takes off the headers that are for us. The rest is as it came, but for what serve wrote anew.
		Rewrite:       func(r *httputil.ProxyRequest) { r.Out.URL.RawQuery = r.In.URL.RawQuery },
		Transport:     transport,
		FlushInterval: -1,
		ErrorLog:      silent,
		ErrorHandler:  p.failed,
	}
	server := &http.Server{
		Handler:  http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(ctx, w, r) }),
		ErrorLog: silent, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateClosed || s == http.StateHijacked { // tunnels are counted by busy
				d.leave()
			}
		},
	}
	g.stops = append(g.stops, func() {
		cancel()
		server.Close()
		transport.CloseIdleConnections()
	})
	g.serving.Go(func() { _ = server.Serve(d) }) // it ends with the listener
}

// serve answers a request. ctx is that of the proxy: a client that has sent all it will may still wait for a tunnel.
func (p *proxy) serve(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	if !p.gateway.enter() {
		return
	}
	defer p.gateway.serving.Done()
	waiting := r.Context()
	if r.Method == http.MethodConnect {
		waiting = ctx
	}
	select {
	case p.busy <- struct{}{}:
		defer func() { <-p.busy }()
	case <-waiting.Done():
		return
	}
	if r.Method == http.MethodConnect {
		p.connect(ctx, w, r)
		return
	}
	if r.URL.Scheme != "http" || r.URL.Host == "" || r.URL.Opaque != "" || r.URL.User != nil {
		p.answer(w, http.StatusBadRequest, "this is a proxy: it takes CONNECT, and requests for a whole http:// URL")
		return
	}
	t, err := parseTarget(r.URL.Host, "80")
	if err == nil {
		// Asked here and not only for a new connection: one to the same place may be open.
		if reason := p.gateway.list.Refuses(t.host, t.port); reason != "" {
			err = &refusal{t, reason}
		}
	}
	if err != nil {
		p.failed(w, r, err)
		return
	}
	// The URL says where it goes, whatever a Host header says.
	r.URL.Host = t.hostPort("80")
	r.Host = r.URL.Host
	p.plain.ServeHTTP(w, r)
}

// connect joins the client with the target.
func (p *proxy) connect(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	t, err := parseTarget(r.RequestURI, "")
	var to net.Conn
	if err == nil {
		to, err = p.gateway.reach(ctx, t)
	}
	if err != nil {
		p.failed(w, r, err)
		return
	}
	if !p.gateway.hold(to) {
		p.gateway.drop(to)
		return
	}
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		p.gateway.drop(to)
		return
	}
	defer p.gateway.drop(client)
	_ = client.SetDeadline(time.Time{}) // the server's own hold for requests
	early := make([]byte, buffered.Reader.Buffered())
	_, err = io.ReadFull(buffered, early)
	if err == nil {
		_, err = client.Write([]byte("HTTP/1.1 200 Connection established\r\n\r\n"))
	}
	if err == nil {
		_, err = to.Write(early)
	}
	if err != nil || !p.gateway.hold(client) {
		p.gateway.drop(to)
		return
	}
	p.gateway.join(client, to)
}

// failed answers a request that could not be served, and counts what the policy refused.
func (p *proxy) failed(w http.ResponseWriter, r *http.Request, err error) {
	var no *refusal
	switch {
	case errors.As(err, &no):
		p.gateway.denials.add(no.host, no.port, no.reason)
		p.refuse(w, r, no)
	case errors.Is(err, context.Canceled): // nobody waits for an answer
		p.answer(w, http.StatusBadGateway, "the request was given up")
	default:
		p.answer(w, http.StatusBadGateway, unreachable(err))
	}
}

// unreachable says why there is no connection, without the addresses in the error: they are the host's own view of the
// network.
func unreachable(err error) string {
	var dns *net.DNSError
	var number syscall.Errno
	var wait net.Error
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "nobody knows this name"
	case errors.As(err, &wait) && wait.Timeout():
		return "it does not answer in time"
	case errors.As(err, &dns):
		return "the name cannot be looked up now"
	case errors.As(err, &number):
		return number.Error()
	}
	return "the connection broke"
}

// PolicyHeader is in the answer to what the policy refused, with the reason as its value.
const PolicyHeader = "Wrapix-Policy"

// advice tells a program that can read what a refusal means.
const advice = `This is the policy of the sandbox that you run in, and no fault of the network: trying again, or another way, will not
help. Go on without it. If the work cannot be done without it, stop and say which host you need and what for; a person
can change sandbox.allow in wrapix.toml.
`

// refuse answers what the policy refused. For CONNECT the status line says it too, of which most programs show no more.
func (p *proxy) refuse(w http.ResponseWriter, r *http.Request, no *refusal) {
	what := no.target.String()
	if no.reason == allow.Malformed {
		what = "this host"
	}
	text := fmt.Sprintf("wrapix: %s is not allowed: %s.\n\n%s", what, no.reason.Words(), advice)
	if r.Method == http.MethodConnect {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(headerTime))
			fmt.Fprintf(conn, "HTTP/1.1 403 Not allowed by the policy of this sandbox, do not retry\r\n"+
				"Content-Type: text/plain; charset=utf-8\r\n%s: %s\r\nCache-Control: no-store\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
				PolicyHeader, no.reason, len(text), text)
			return
		}
	}
	w.Header().Set(PolicyHeader, string(no.reason))
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Connection", "close")
	http.Error(w, text, http.StatusForbidden)
}

// answer is one of the proxy's own.
func (p *proxy) answer(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Connection", "close")
	http.Error(w, "wrapix: "+text, code)
}

// parseTarget reads host:port; without a default the port must be there.
func parseTarget(address, port string) (target, error) {
	u := url.URL{Host: address}
	host, given := u.Hostname(), u.Port()
	bad := &refusal{target{address, 0}, allow.Malformed}
	switch {
	case given != "":
		port = given
	case address != host && address != "["+host+"]": // what is left could be read another way
		return target{}, bad
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return target{}, bad
	}
	name, err := allow.Host(host)
	if err != nil {
		return target{}, bad
	}
	return target{name, uint16(n)}, nil
}

// hostPort writes the target for a URL, where the usual port is left out.
func (t target) hostPort(usual string) string {
	if fmt.Sprint(t.port) != usual {
		return t.String()
	}
	if addr, err := netip.ParseAddr(t.host); err == nil && addr.Is6() {
		return "[" + t.host + "]"
	}
	return t.host
}
