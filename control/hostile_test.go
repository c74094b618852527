package control

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wrapix/wrapix/engine"
)

// say sends text and returns the answers to it until the server closes the connection.
func say(t *testing.T, c *net.UnixConn, text string) []byte {
	t.Helper()
	_, _ = io.WriteString(c, text) // the server may have closed already
	answers, err := io.ReadAll(c)
	if err != nil && !strings.Contains(err.Error(), "connection reset") {
		t.Fatal(err)
	}
	return answers
}

// sayOne sends a request and returns the status and the error document that answers it.
func sayOne(t *testing.T, c *net.UnixConn, request string) (int, *Error) {
	t.Helper()
	go func() { _, _ = io.WriteString(c, request) }()
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var d errorDocument
	if err := json.NewDecoder(answer.Body).Decode(&d); err != nil || d.Error == nil {
		t.Fatalf("%s is answered by %s, which is no error document: %v", request, answer.Status, err)
	}
	return answer.StatusCode, d.Error
}

func TestWhatIsNoRequest(t *testing.T) {
	p := newProject(t)
	p.start(t, "w", 1)
	p.serve(t, func(o *Options) { o.RequestTimeout = 50 * time.Millisecond })
	for name, text := range map[string]string{
		"garbage":           strings.Repeat("\x00\xff{]", 1000),
		"another protocol":  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"endless line":      "GET /" + strings.Repeat("a", 1<<20),
		"endless header":    "GET /version HTTP/1.1\r\nHost: r\r\nX: " + strings.Repeat("a", 1<<20),
		"half a request":    "GET /version HTTP/1.1\r\nHost:",
		"nothing":           "",
		"half a body":       "POST /v1/workflows/w/commands/cancel HTTP/1.1\r\nHost: r\r\nContent-Length: 20\r\n\r\n{",
		"a body too long":   "POST /v1/workflows/w/commands/cancel HTTP/1.1\r\nHost: r\r\nContent-Length: 99999999999\r\n\r\n{",
		"a body of chunks":  "POST /v1/workflows/w/commands/cancel HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n" + strings.Repeat(" ", 2<<20),
		"a body for a GET":  "GET /v1/workflows HTTP/1.1\r\nHost: r\r\nContent-Length: 9999\r\n\r\n{",
		"a body for follow": "GET /v1/workflows/w/follow HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: chunked\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			// That say returns at all is the point: the server ends it within its bounds.
			if answers := say(t, p.raw(t), text); bytes.Contains(answers, []byte("200 OK")) {
				t.Errorf("answered %s", answers)
			}
		})
	}
	if w, err := p.dial(t, nil).Load(testContext(t), "w"); err != nil || w.State.Ended() {
		t.Errorf("after all that: %s, %v", w.State, err)
	}
}

func TestRequestsThatMeanNothing(t *testing.T) {
	p := newProject(t)
	p.start(t, "w", 1)
	p.serve(t, nil)
	post := func(name, body string) string {
		return fmt.Sprintf("POST /v1/workflows/w/commands/%s HTTP/1.1\r\nHost: r\r\nContent-Length: %d\r\n\r\n%s", name, len(body), body)
	}
	get := func(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: r\r\n\r\n" }
	for request, code := range map[string]string{
		get("/"):                                             "bad_request",
		get("/v1"):                                           "bad_request",
		get("/v1/workflows/w/commands/cancel"):               "bad_request",
		get("/v2/workflows"):                                 "version",
		get("/v0"):                                           "version",
		get("/v99999999999/x"):                               "bad_request",
		get("/v1/workflows/x"):                               "not_found",
		get("/v1/workflows/%2e%2e%2f"):                       "not_found",
		get("/v1/workflows/w/events?after=-1"):               "bad_request",
		get("/v1/workflows/w/follow?after=x"):                "bad_request",
		get("/v1/workflows/w/follow?output=perhaps"):         "bad_request",
		"DELETE /v1/workflows/w HTTP/1.1\r\nHost: r\r\n\r\n": "bad_request",
		post("cancel", `{}{}`):                               "bad_request",
		post("cancel", `{"reason":"x","force":1}`):           "bad_request",
		post("cancel", `null x`):                             "bad_request",
		post("cancel", `[]`):                                 "bad_request",
		post("cancel", ``):                                   "bad_request",
		post("cancel", `{"reason":"`+strings.Repeat("x", maxReason+1)+`"}`): "bad_request",
		post("retry", `{"task":""}`):                                        "bad_request",
		post("retry", `{"task":"`+strings.Repeat("x", maxTaskID+1)+`"}`):    "bad_request",
		post("answer", `{"task":"T1"}`):                                     "bad_request",
		post("limits", `{}`):                                                "bad_request",
		post("limits", `{"limits":{"max_time":"8h"}}`):                      "bad_request",
		post("limits", `{"limits":{"max_cost_usd":1e999}}`):                 "bad_request",
		post("wake", `{}`):                                                  "unknown_command",
		post("answer", `{"task":"T1","text":"hm"}`):                         "not_allowed",
		post("retry", `{"task":"T\u0000"}`):                                 "not_found",
	} {
		status, e := sayOne(t, p.raw(t), request)
		if e.Code != code || status < 400 || e.Message == "" {
			t.Errorf("%.80q is answered by %d, %s, want %s", request, status, e.Code, code)
		}
	}
}

func TestHead(t *testing.T) {
	p := newProject(t)
	p.start(t, "w", 1)
	p.serve(t, nil)
	answers := say(t, p.raw(t), "HEAD /v1/workflows/w/follow HTTP/1.1\r\nHost: r\r\n\r\n")
	if !bytes.HasPrefix(answers, []byte("HTTP/1.1 400 ")) {
		t.Errorf("answered %s", answers)
	}
}

func TestTooManyConnections(t *testing.T) {
	p := newProject(t)
	w := p.start(t, "w", 1)
	p.serve(t, func(o *Options) { o.MaxConnections = 1 })
	first := p.raw(t)
	// Answered, so it is counted in.
	if _, e := sayOne(t, first, "GET /nothing HTTP/1.1\r\nHost: r\r\n\r\n"); e.Code != "bad_request" {
		t.Fatal(e)
	}
	if _, err := Dial(testContext(t), ClientOptions{Folder: p.folder}); !errors.Is(err, ErrBusy) || errors.Is(err, ErrNobody) {
		t.Errorf("one too many: %v", err)
	}
	_ = first.Close()
	for { // until the server has seen that; while it has not, it may also close a connection without a word
		c, err := Dial(testContext(t), ClientOptions{Folder: p.folder})
		if errors.Is(err, ErrBusy) || errors.Is(err, ErrCut) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if got, err := c.Load(testContext(t), w.ID); err != nil || got.Seq != w.Seq {
			t.Error(err)
		}
		return
	}
}

func TestFloodOfConnections(t *testing.T) {
	p := newProject(t)
	p.start(t, "w", 1)
	s := p.serve(t, func(o *Options) { o.MaxConnections = 2 })
	for range 100 {
		p.raw(t) // says nothing, and is closed with the test
	}
	p.do(t, "w", engine.Cancel{}) // the loop goes on
	begin := time.Now()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > 4*time.Second {
		t.Errorf("closing with silent peers took %s", took)
	}
}

// followRaw begins to follow the workflow and reads up to its present end.
func followRaw(t *testing.T, p *project, w engine.Workflow) (*net.UnixConn, *lineReader) {
	t.Helper()
	c := p.raw(t)
	if _, err := io.WriteString(c, "GET /v1/workflows/w/follow HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	lines := newLineReader(c)
	for {
		line, err := lines.line(maxLine)
		if err != nil {
			t.Fatal(err)
		}
		if string(line) == fmt.Sprintf("id: %d", w.Seq) {
			return c, lines
		}
	}
}

// flood makes the workflow's log grow by more than a socket holds.
func flood(t *testing.T, p *project) (last uint64) {
	t.Helper()
	for range 30 {
		id := p.do(t, "w", engine.Intend{Task: "T1"}).Task("T1").Open.ID
		last = p.do(t, "w", engine.Finish{ID: id, Outcome: engine.Outcome{Failed: "exit code 1", Evidence: strings.Repeat("?", 60<<10)}}).Seq
	}
	return last
}

func TestSlowReaderIsToldAndAsksAgain(t *testing.T) {
	p := newProject(t)
	p.feed.MaxEvents = 4
	w := p.start(t, "w", 1)
	p.serve(t, nil)
	_, lines := followRaw(t, p, w)
	last := flood(t, p)
	var told uint64
	for told = w.Seq; ; {
		kind, data, err := lines.readMessage(func() {})
		if err != nil {
			t.Fatal(err)
		}
		if kind == messageEvent {
			var e engine.Event
			if err := json.Unmarshal(data, &e); err != nil {
				t.Fatal(err)
			}
			if e.Seq != told && e.Seq != told+1 { // of the first one only the id was read
				t.Fatalf("event %d after event %d", e.Seq, told)
			}
			told = e.Seq
			continue
		}
		var at position
		if err := json.Unmarshal(data, &at); err != nil || kind != messageLagged || at.After != told || told == last {
			t.Fatalf("after event %d of %d: %s %s, %v", told, last, kind, data, err)
		}
		break
	}
	err := p.dial(t, nil).Events(testContext(t), "w", told, func(e engine.Event) error {
		if e.Seq != told+1 {
			t.Errorf("event %d after event %d", e.Seq, told)
		}
		told = e.Seq
		return nil
	})
	if err != nil || told != last {
		t.Errorf("read on to %d of %d: %v", told, last, err)
	}
}

func TestReaderThatTakesNothing(t *testing.T) {
	p := newProject(t)
	w := p.start(t, "w", 1)
	p.serve(t, func(o *Options) { o.WriteTimeout = 20 * time.Millisecond })
	c, _ := followRaw(t, p, w)
	flood(t, p)
	// The server gives up, so what was sent ends: without a last word, because none gets through.
	for p.feed.followers.Load() != 0 {
		runtime.Gosched()
	}
	rest, _ := io.ReadAll(c)
	if bytes.Contains(rest, []byte("event: "+messageEnd)) {
		t.Error("told that it was the end")
	}
}

func TestReaderThatHangsUp(t *testing.T) {
	p := newProject(t)
	w := p.start(t, "w", 1)
	p.serve(t, nil)
	c, _ := followRaw(t, p, w)
	_ = c.Close()
	for p.feed.followers.Load() != 0 { // noticed without anything that is sent
		runtime.Gosched()
	}
}

func TestNothingNewWhenClosing(t *testing.T) {
	p := newProject(t)
	p.start(t, "w", 1)
	slow := newStuck(p)
	s := p.serve(t, func(o *Options) { o.Backend = slow })
	kept := p.raw(t)
	answers := bufio.NewReader(kept)
	ask := func() (status int) {
		if _, err := io.WriteString(kept, "GET /version HTTP/1.1\r\nHost: r\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	if ask() != http.StatusOK {
		t.Fatal("not served")
	}
	c := p.dial(t, nil)
	done := make(chan error)
	go func() {
		_, err := c.Do(testContext(t), "w", engine.Cancel{})
		done <- err
	}()
	<-slow.entered
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	<-s.closing
	if status := ask(); status != http.StatusServiceUnavailable {
		t.Errorf("while it closes: %d", status)
	}
	if _, err := c.List(testContext(t)); !errors.Is(err, ErrNobody) {
		t.Errorf("while it closes: %v", err)
	}
	close(slow.release)
	if err := <-done; err != nil {
		t.Errorf("what had begun was not finished: %v", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}
