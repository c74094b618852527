package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/wrapix/wrapix/engine"
)

func TestClientReadsLikeTheStore(t *testing.T) {
	p := newProject(t)
	p.start(t, "w1", 30)
	p.ask(t, "w1", "T1", "Which colour?")
	p.fail(t, "w1", "T2")
	p.start(t, "w/2 ä?#%", 2)
	p.serve(t, nil)
	c, ctx := p.dial(t, nil), testContext(t)

	fromStore, err := p.List(ctx)
	if err != nil {
		t.Fatal(err)
	}
	list, err := c.List(ctx)
	if err != nil || !reflect.DeepEqual(list, fromStore) {
		t.Errorf("list: %v, %v", list, err)
	}
	for _, w := range fromStore {
		want, err := p.Load(ctx, w.ID)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Load(ctx, w.ID)
		if err != nil || whole(t, got) != whole(t, want) || got.Source.Text != "" {
			t.Errorf("load %q: %v\n%s\n%s", w.ID, err, whole(t, got), whole(t, want))
		}
		if got.Task("T2") == nil || engine.Next(got) != engine.Next(want) {
			t.Errorf("what was loaded of %q cannot be worked with", w.ID)
		}
		brief, err := p.Overview(ctx, w.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Overview(ctx, w.ID); err != nil || whole(t, got) != whole(t, brief) {
			t.Errorf("overview of %q: %v\n%s\n%s", w.ID, err, whole(t, got), whole(t, brief))
		}
		if source, err := c.Source(ctx, w.ID); err != nil || !reflect.DeepEqual(source, want.Source) {
			t.Errorf("source of %q: %v, %v", w.ID, source, err)
		}
		var stored, read []engine.Event
		err = errors.Join(
			p.Events(ctx, w.ID, 2, func(e engine.Event) error { stored = append(stored, e); return nil }),
			c.Events(ctx, w.ID, 2, func(e engine.Event) error { read = append(read, e); return nil }))
		if err != nil || len(read) == 0 || !reflect.DeepEqual(read, stored) {
			t.Errorf("events of %q: %v, %v", w.ID, read, err)
		}
	}
	stop := fmt.Errorf("enough: %w", ErrCut) // an error of the caller's own, whatever it is
	if err := c.Events(ctx, "w1", 0, func(engine.Event) error { return stop }); err != stop {
		t.Errorf("the error of yield came back as %v", err)
	}
	for _, id := range []engine.WorkflowID{"none", "", ".", "..", "a/b", "w1/source"} {
		if _, err := c.Load(ctx, id); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("load of %q: %v", id, err)
		}
		if err := c.Events(ctx, id, 0, nil); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("events of %q: %v", id, err)
		}
	}
}

func TestCommands(t *testing.T) {
	p := newProject(t)
	p.start(t, "w", 2)
	p.ask(t, "w", "T1", "Which colour?")
	p.serve(t, nil)
	c, ctx := p.dial(t, nil), testContext(t)

	w, err := c.Do(ctx, "w", engine.Reply{Task: "T1", Text: "blue\n\x1b[31m <&>"})
	if err != nil || w.Task("T1").Answers[0].Text != "blue\n\x1b[31m <&>" {
		t.Fatalf("answer: %v", err)
	}
	limits := engine.Limits{MaxAttempts: 1, MaxIterations: 50, MaxCostUSD: 2.5, MaxTime: 90 * time.Minute, MaxTokens: 1000}
	if w, err = c.Do(ctx, "w", engine.SetLimits{Limits: limits}); err != nil || w.Limits != limits {
		t.Errorf("limits: %v, %v", w.Limits, err)
	}
	p.fail(t, "w", "T2")
	if w, err = c.Do(ctx, "w", engine.Retry{Task: "T2"}); err != nil || w.Task("T2").State != engine.TaskReady {
		t.Errorf("retry: %v", err)
	}
	if w, err = c.Do(ctx, "w", engine.Pause{}); err != nil || w.State != engine.Paused {
		t.Errorf("pause: %s, %v", w.State, err)
	}
	if w, err = c.Do(ctx, "w", engine.Unpause{}); err != nil || w.State == engine.Paused {
		t.Errorf("resume: %s, %v", w.State, err)
	}
	if w, err = c.Do(ctx, "w", engine.Skip{Task: "T2"}); err != nil || w.Task("T2").State != engine.TaskSkipped {
		t.Errorf("skip: %v", err)
	}
	stored, err := p.Load(ctx, "w")
	if err != nil || whole(t, w) != whole(t, stored) {
		t.Errorf("the answer is not the workflow as it is: %v", err)
	}
	if w, err = c.Do(ctx, "w", engine.Cancel{Reason: "by a person"}); err != nil || w.State != engine.Cancelled {
		t.Errorf("cancel: %v", err)
	}
}

func TestErrorsAreWhatTheyAreThere(t *testing.T) {
	p := newProject(t)
	p.start(t, "w", 2)
	p.start(t, "over", 1)
	p.do(t, "over", engine.Cancel{})
	p.ask(t, "w", "T1", "Which colour?")
	p.serve(t, nil)
	c, ctx := p.dial(t, nil), testContext(t)
	for _, test := range []struct {
		id   engine.WorkflowID
		c    engine.Command
		want error
		try  string
	}{
		{"w", engine.Retry{Task: "T1"}, engine.ErrNotAllowed, "ralph answer T1 TEXT"},
		{"w", engine.Reply{Task: "T2", Text: "x"}, engine.ErrNotAllowed, ""},
		{"w", engine.Reply{Task: "T1", Text: "x", Question: "What was asked before?"}, engine.ErrNotAllowed, "ralph answer"},
		{"w", engine.Reply{Task: "T9", Text: "x"}, engine.ErrNotFound, ""},
		{"none", engine.Cancel{}, engine.ErrNotFound, ""},
		{"over", engine.Cancel{}, engine.ErrEnded, ""},
		{"w", engine.Reply{Task: "T1", Text: " \n"}, ErrRequest, ""},
		{"w", engine.Reply{Task: "T1", Text: strings.Repeat("x", maxAnswer+1)}, ErrRequest, ""},
		{"w", engine.Reply{Task: "T1", Text: strings.Repeat("x", maxBody)}, ErrRequest, ""},
		{"w", engine.Retry{}, ErrRequest, ""},
		{"w", engine.SetLimits{Limits: engine.Limits{MaxTime: -1}}, ErrRequest, ""},
		{"w", engine.RaiseLimits{}, ErrRequest, ""},
		{"w", engine.RaiseLimits{To: map[engine.LimitKey]string{"max_tokens": "1"}}, engine.ErrNotAllowed, ""},
		{"w", engine.RaiseLimits{To: map[engine.LimitKey]string{"no_such": "1"}}, engine.ErrNotAllowed, ""},
		{"w", engine.Intend{Task: "T2"}, ErrUnknownCommand, ""},
	} {
		_, direct := p.Do(ctx, test.id, test.c)
		_, err := c.Do(ctx, test.id, test.c)
		if !errors.Is(err, test.want) {
			t.Errorf("%T: %v, want %v", test.c, err, test.want)
		}
		if errors.Is(direct, test.want) && err.Error() != direct.Error() {
			t.Errorf("%T: the message is %q and was %q", test.c, err, direct)
		}
		var hint *engine.Hint
		if errors.As(err, &hint) != (test.try != "") || hint != nil && hint.Try != test.try {
			t.Errorf("%T: the way out is %v, want %q", test.c, hint, test.try)
		}
	}
}

func TestEveryErrorComesBack(t *testing.T) {
	for _, k := range kinds {
		e, _ := encodeError(&engine.Hint{Err: fmt.Errorf("do it: %w", k.err), Try: "that"})
		var hint *engine.Hint
		if err := e.hint(); !errors.Is(err, k.err) || err.Error() != "do it: "+k.err.Error() || !errors.As(err, &hint) || hint.Try != "that" {
			t.Errorf("%v came back as %v", k.err, err)
		}
	}
	e, status := encodeError(errors.New(strings.Repeat("long ", maxMessage)))
	if e.Code != "internal" || status != 500 || len(e.Message) > maxMessage+10 {
		t.Errorf("another error: %s, %d, %d bytes", e.Code, status, len(e.Message))
	}
}

func TestVersions(t *testing.T) {
	p := newProject(t)
	p.start(t, "w", 1)
	p.serve(t, nil)
	if v := p.dial(t, nil).Server(); v.API != API || v.Program != "v0.5.0" || v.Command != "ralph loop" || !v.Since.Equal(noon) || v.PID == 0 {
		t.Errorf("server: %+v", v)
	}
	for _, api := range []int{API + 1, 7} {
		_, err := Dial(testContext(t), ClientOptions{Folder: p.folder, Program: "v9.9.9", api: api})
		var versions *VersionError
		if !errors.As(err, &versions) || versions.Client.API != api || versions.Server.API != API || !errors.Is(err, ErrVersion) {
			t.Fatalf("a client of version %d: %v", api, err)
		}
		for _, part := range []string{"v0.5.0", "v9.9.9", fmt.Sprint("interface ", API), fmt.Sprint("speaks ", api)} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not name %q", err, part)
			}
		}
		var hint *engine.Hint
		if !errors.As(err, &hint) || !strings.Contains(hint.Try, "kill -INT") {
			t.Errorf("no way out of %v", err)
		}
	}
	// The server changed after the client had found it.
	c := p.dial(t, nil)
	c.o.api = 2
	if _, err := c.List(testContext(t)); !errors.Is(err, ErrVersion) || !strings.Contains(err.Error(), "v0.5.0") {
		t.Errorf("asked another version later: %v", err)
	}
}

func TestForeignersAreRefused(t *testing.T) {
	p := newProject(t)
	p.start(t, "w", 1)
	foreign := func(*net.UnixConn) (int, error) { return 4711, nil }
	p.serve(t, func(o *Options) { o.peer = foreign })
	_, err := Dial(testContext(t), ClientOptions{Folder: p.folder})
	if !errors.Is(err, ErrForbidden) || errors.Is(err, ErrNobody) || !strings.Contains(err.Error(), "4711") {
		t.Errorf("a peer of user 4711: %v", err)
	}

	own := newProject(t)
	own.serve(t, nil)
	if _, err := Dial(testContext(t), ClientOptions{Folder: own.folder, peer: foreign}); !errors.Is(err, ErrForbidden) {
		t.Errorf("a server of user 4711: %v", err)
	}
	unknown := func(*net.UnixConn) (int, error) { return 0, errors.New("the kernel does not say") }
	if _, err := Dial(testContext(t), ClientOptions{Folder: own.folder, peer: unknown}); !errors.Is(err, ErrForbidden) {
		t.Errorf("a server of nobody knows whom: %v", err)
	}
}

func TestThousandRequests(t *testing.T) {
	p := newProject(t)
	p.start(t, "w", 3)
	p.serve(t, func(o *Options) { o.MaxConnections = 2 })
	for range 10 { // one connection each, given back
		c := p.dial(t, nil)
		for range 100 {
			if w, err := c.Load(testContext(t), "w"); err != nil || len(w.Tasks) != 3 {
				t.Fatal(err)
			}
		}
		_ = c.Close()
	}
}

// stuck is a backend that waits until it may go on.
type stuck struct {
	*project
	entered, release chan struct{}
}

func (s *stuck) Do(ctx context.Context, id engine.WorkflowID, c engine.Command) (engine.Workflow, error) {
	s.entered <- struct{}{}
	select {
	case <-s.release:
		return s.project.Do(ctx, id, c)
	case <-ctx.Done():
		return engine.Workflow{}, ctx.Err()
	}
}

func newStuck(p *project) *stuck {
	return &stuck{project: p, entered: make(chan struct{}, 1), release: make(chan struct{})}
}

func TestCommandIsDoneWhenTheAskerLeaves(t *testing.T) {
	p := newProject(t)
	p.start(t, "w", 1)
	slow := newStuck(p)
	s := p.serve(t, func(o *Options) { o.Backend = slow })
	c := p.dial(t, nil)
	ctx, cancel := context.WithCancel(testContext(t))
	go func() {
		<-slow.entered
		cancel()
	}()
	if _, err := c.Do(ctx, "w", engine.Cancel{}); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	close(slow.release)
	if err := s.Close(); err != nil { // waits for the command
		t.Fatal(err)
	}
	if w, err := p.Load(testContext(t), "w"); err != nil || w.State != engine.Cancelled {
		t.Errorf("the command was not done: %s, %v", w.State, err)
	}
}

func TestNoAnswer(t *testing.T) {
	p := newProject(t)
	slow := newStuck(p)
	p.serve(t, func(o *Options) { o.Backend, o.CloseTimeout = slow, time.Millisecond })
	c := p.dial(t, func(o *ClientOptions) { o.CommandTimeout = 10 * time.Millisecond })
	_, err := c.Do(testContext(t), "w", engine.Cancel{})
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrNobody) || !strings.Contains(err.Error(), "no answer within 10ms") {
		t.Errorf("got %v", err)
	}
}

func TestCommandsHaveALimit(t *testing.T) {
	p := newProject(t)
	p.serve(t, func(o *Options) { o.Backend, o.CommandTimeout = newStuck(p), time.Millisecond })
	_, err := p.dial(t, nil).Do(testContext(t), "w", engine.Cancel{})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// broken is a backend that panics.
type broken struct{ *project }

func (broken) List(context.Context) ([]engine.Workflow, error) { panic("no list") }

func TestPanicIsAnError(t *testing.T) {
	p := newProject(t)
	p.serve(t, func(o *Options) { o.Backend = broken{p} })
	c := p.dial(t, nil)
	for range 2 {
		var e *Error
		if _, err := c.List(testContext(t)); !errors.As(err, &e) || e.Code != "internal" || strings.Contains(err.Error(), "goroutine") {
			t.Errorf("got %v", err)
		}
	}
}
