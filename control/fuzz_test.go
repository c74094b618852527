package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
)

// FuzzCommand wants every body to be refused or to mean a command that can be said again.
func FuzzCommand(f *testing.F) {
	for name, body := range map[string]string{
		"answer": `{"task":"T1","text":"blue"}`, "retry": `{"task":"T1"}`, "cancel": `{"reason":"by a person"}`,
		"limits": `{"limits":{"max_iterations":50,"max_attempts":3,"max_time":3600000000000,"max_cost_usd":2.5}}`, "pause": `{}`, "resume": `{}`, "skip": `{"task":"T1"}`, "wake": `{}`,
	} {
		f.Add(name, []byte(body))
	}
	f.Add("answer", []byte(`{"task":"T1","text":"`+strings.Repeat(`\u0000`, 100)+`"} `))
	f.Fuzz(func(t *testing.T, name string, body []byte) {
		c, err := decodeCommand(name, body)
		if err != nil {
			if c != nil {
				t.Fatalf("both %#v and %v", c, err)
			}
			if e, status := encodeError(err); status < 400 || status >= 500 || len(e.Message) > maxMessage+16 {
				t.Fatalf("refused as %d %+v", status, e)
			}
			return
		}
		again, document, err := encodeCommand(c)
		if err != nil || again != name {
			t.Fatalf("%#v is %s, %v", c, again, err)
		}
		text, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := decodeCommand(name, text); err != nil || !reflect.DeepEqual(back, c) {
			t.Fatalf("%#v came back from %s as %#v, %v", c, text, back, err)
		}
	})
}

// FuzzRequest wants an answer in the documented form to whatever is a request.
func FuzzRequest(f *testing.F) {
	for _, request := range []string{
		"GET /version HTTP/1.1\r\nHost: r\r\n\r\n",
		"GET /v1/workflows HTTP/1.1\r\nHost: r\r\n\r\n",
		"GET /v1/workflows/w/source HTTP/1.1\r\nHost: r\r\n\r\n",
		"GET /v1/workflows/w/events?after=2 HTTP/1.1\r\nHost: r\r\nLast-Event-ID: 1\r\n\r\n",
		"GET /v1/workflows/w/follow?output=true HTTP/1.1\r\nHost: r\r\n\r\n",
		"POST /v1/workflows/w/commands/cancel HTTP/1.1\r\nHost: r\r\nContent-Length: 2\r\n\r\n{}",
		"POST /v1/workflows/%2e%2e/commands/%00 HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"GET //v1/../v2/x HTTP/1.1\r\nHost: r\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: r\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\n\r\n",
	} {
		f.Add([]byte(request))
	}
	var panicked bytes.Buffer
	o := Options{Backend: &endless{}, Log: slog.New(slog.NewTextHandler(&panicked, &slog.HandlerOptions{Level: slog.LevelError}))}
	s := &Server{o: o.withDefaults(), closing: make(chan struct{}), idle: make(chan struct{})}
	routes := s.routes(context.Background())
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
		if err != nil {
			return
		}
		// A stream goes on until its reader hangs up, which this one does at once.
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		answer := httptest.NewRecorder()
		routes.ServeHTTP(answer, r.WithContext(ctx))
		if panicked.Len() > 0 {
			t.Fatal(panicked.String())
		}
		switch kind := answer.Header().Get("Content-Type"); {
		case answer.Code >= 300 && answer.Code < 400: // a path that is not clean
		case kind == "text/event-stream":
			lines := newLineReader(answer.Body)
			for err == nil {
				_, _, err = lines.readMessage(func() {})
			}
			if err != io.EOF {
				t.Fatal(err)
			}
		case kind != "application/json" || !json.Valid(answer.Body.Bytes()):
			t.Fatalf("%d %s: %s", answer.Code, kind, answer.Body)
		case answer.Code != http.StatusOK:
			var d errorDocument
			if err := json.Unmarshal(answer.Body.Bytes(), &d); err != nil || d.Error == nil || d.Error.Code == "" || d.Error.Message == "" {
				t.Fatalf("%d %s, %v", answer.Code, answer.Body, err)
			}
		}
	})
}

// FuzzStream wants every stream to be read to an end, with events in order whatever it says.
func FuzzStream(f *testing.F) {
	f.Add([]byte("id: 1\nevent: event\ndata: {\"seq\":1,\"type\":\"workflow.done\",\"v\":1,\"data\":{}}\n\nevent: end\ndata: {}\n\n"))
	f.Add([]byte("event: output\ndata: {\"task\":\"T1\",\"number\":1}\n\nevent: error\ndata: {\"error\":{\"code\":\"ended\"}}\n\n"))
	f.Add([]byte(": still here\n\ndata:\r\nevent\n\n\nevent: lagged\ndata\n\n"))
	c := &Client{o: ClientOptions{Silence: time.Minute}.withDefaults()}
	f.Fuzz(func(t *testing.T, text []byte) {
		lines, after := newLineReader(bytes.NewReader(text)), uint64(0)
		for {
			kind, data, err := lines.readMessage(func() {})
			if err != nil {
				return
			}
			before := after
			end, _ := c.take(kind, data, &after, func(u Update) error {
				if (u.Event == nil) == (u.Output == nil) {
					t.Fatalf("%+v", u)
				}
				return nil
			})
			if after != before && after != before+1 {
				t.Fatalf("from %d to %d", before, after)
			}
			if end {
				return
			}
		}
	})
}
