package control

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wrapix/wrapix/engine"
)

func TestFollowTellsEverythingOnce(t *testing.T) {
	p := newProject(t)
	p.feed.MaxEvents = 8 // so that readers fall behind
	const tasks = 60
	p.start(t, "w", tasks)
	s := p.serve(t, nil)

	var readers sync.WaitGroup
	followed := make([][]engine.Event, 8)
	started := make(chan struct{}, len(followed))
	for i := range followed {
		c := p.dial(t, nil)
		readers.Go(func() {
			after := uint64(i)
			err := c.Follow(testContext(t), "w", FollowOptions{After: after}, func(u Update) error {
				if len(followed[i]) == 0 {
					started <- struct{}{}
				}
				followed[i] = append(followed[i], *u.Event)
				return nil
			})
			if err != nil {
				t.Errorf("reader %d: %v", i, err)
			}
		})
	}
	for range followed {
		<-started
	}
	for i := range tasks {
		p.fail(t, "w", engine.TaskID("T"+string(rune('1'+i%9))))
	}
	p.do(t, "w", engine.Cancel{})
	readers.Wait() // each ends by itself, because the workflow has ended

	var stored []engine.Event
	if err := p.Events(context.Background(), "w", 0, func(e engine.Event) error { stored = append(stored, e); return nil }); err != nil {
		t.Fatal(err)
	}
	for i, events := range followed {
		if !reflect.DeepEqual(events, stored[i:]) {
			t.Errorf("reader %d was told %d events of %d", i, len(events), len(stored)-i)
		}
	}
	if err := s.Close(); err != nil { // the server's side of each stream has ended, too
		t.Fatal(err)
	}
	p.feed.mu.Lock()
	defer p.feed.mu.Unlock()
	if n := p.feed.followers.Load(); n != 0 || len(p.feed.topics) != 0 {
		t.Errorf("the feed keeps %d topics for %d readers", len(p.feed.topics), n)
	}
}

func TestFollowOfWhatHasEnded(t *testing.T) {
	p := newProject(t)
	p.start(t, "w", 1)
	w := p.do(t, "w", engine.Cancel{})
	p.serve(t, nil)
	for after, want := range map[uint64]int{0: int(w.Seq), w.Seq - 1: 1, w.Seq: 0, w.Seq + 9: 0} {
		n := 0
		err := p.dial(t, nil).Follow(testContext(t), "w", FollowOptions{After: after, Output: true}, func(Update) error { n++; return nil })
		if err != nil || n != want {
			t.Errorf("after %d: %d events, %v", after, n, err)
		}
	}
	if err := p.dial(t, nil).Follow(testContext(t), "none", FollowOptions{}, nil); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("follow of no workflow: %v", err)
	}
}

func TestFollowOutput(t *testing.T) {
	p := newProject(t)
	p.start(t, "w", 2)
	w := p.do(t, "w", engine.Intend{Task: "T1"})
	p.serve(t, nil)
	t1, t2 := engine.AttemptID{Task: "T1", Number: 1}, engine.AttemptID{Task: "T2", Number: 1}
	stop := errors.New("enough")
	var outputs []engine.AttemptID
	err := p.dial(t, nil).Follow(testContext(t), "w", FollowOptions{After: w.Seq, Output: true}, func(u Update) error {
		switch {
		case u.Event != nil && u.Event.Type == engine.AttemptFinished:
			p.do(t, "w", engine.Intend{Task: "T2"})
		case u.Output != nil:
			outputs = append(outputs, *u.Output)
			switch len(outputs) {
			case 1: // what runs already
				p.feed.Output("w", t1)
			case 2:
				p.feed.Output("other", t2)
				p.feed.Output("w", t1)
			case 3:
				p.do(t, "w", engine.Finish{ID: t1, Outcome: engine.Outcome{Failed: "exit code 1"}})
			case 4: // what runs now
				return stop
			}
		}
		return nil
	})
	if want := []engine.AttemptID{t1, t1, t1, t2}; err != stop || !reflect.DeepEqual(outputs, want) {
		t.Errorf("told of the output of %v, %v", outputs, err)
	}
}

func TestFollowWithoutOutput(t *testing.T) {
	p := newProject(t)
	w := p.start(t, "w", 1)
	w = p.do(t, w.ID, engine.Intend{Task: "T1"})
	p.serve(t, nil)
	err := p.dial(t, nil).Follow(testContext(t), "w", FollowOptions{}, func(u Update) error {
		if u.Output != nil {
			t.Error("told of output that was not asked for")
		}
		if u.Event.Seq == w.Seq {
			p.feed.Output("w", engine.AttemptID{Task: "T1", Number: 1})
			p.do(t, "w", engine.Cancel{})
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestCloseEndsStreams(t *testing.T) {
	p := newProject(t)
	w := p.start(t, "w", 1)
	s := p.serve(t, nil)
	ended := make(chan error, 20)
	var following sync.WaitGroup
	following.Add(cap(ended))
	for range cap(ended) {
		c := p.dial(t, nil)
		go func() {
			ended <- c.Follow(testContext(t), "w", FollowOptions{}, func(u Update) error {
				if u.Event.Seq == w.Seq {
					following.Done()
				}
				return nil
			})
		}()
	}
	following.Wait()
	c := p.dial(t, nil)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range cap(ended) {
		if err := <-ended; !errors.Is(err, ErrNobody) || !errors.Is(err, ErrClosing) {
			t.Errorf("a stream ended with %v", err)
		}
	}
	if _, err := c.List(testContext(t)); !errors.Is(err, ErrNobody) {
		t.Errorf("asked after the end: %v", err)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	p := newProject(t)
	w := p.start(t, "w", 1)
	p.serve(t, nil)
	ctx, cancel := context.WithCancel(testContext(t))
	err := p.dial(t, nil).Follow(ctx, "w", FollowOptions{}, func(u Update) error {
		if u.Event.Seq == w.Seq {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestSignsOfLife(t *testing.T) {
	p := newProject(t)
	w := p.start(t, "w", 1)
	p.serve(t, func(o *Options) { o.KeepAlive = time.Millisecond })
	beats := make(chan struct{}, 1)
	c := p.dial(t, nil)
	answer, err := c.request(testContext(t), http.MethodGet, "/v1/workflows/w/follow", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := newLineReader(answer.Body)
	go func() {
		<-beats
		<-beats
		p.do(t, "w", engine.Cancel{})
	}()
	for n := uint64(0); ; {
		kind, _, err := lines.readMessage(func() {
			if n >= w.Seq {
				select {
				case beats <- struct{}{}:
				default:
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if kind == messageEnd {
			return
		}
		n++
	}
}

// fakeServer listens on a project's socket and answers as the test says.
func fakeServer(t *testing.T, answer http.HandlerFunc) (folder string) {
	t.Helper()
	folder = stateFolder(t)
	l, err := net.Listen("unix", filepath.Join(folder, SocketName))
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(versionHeader, "1")
		if r.URL.Path == "/version" {
			_, _ = w.Write([]byte(`{"api":1,"program":"v0.6.0","command":"ralph loop"}`))
			return
		}
		answer(w, r)
	}))
	_ = s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	return folder
}

func dialFolder(t *testing.T, o ClientOptions) *Client {
	t.Helper()
	c, err := Dial(testContext(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func eventText(t *testing.T, seq uint64) string {
	t.Helper()
	f, err := newFrame(engine.Event{Seq: seq, Time: noon, Type: engine.WorkflowRunning, Data: engine.NoData{}})
	if err != nil {
		t.Fatal(err)
	}
	return string(f.text)
}

func TestBrokenStreamsAreTakenUpAgain(t *testing.T) {
	half := eventText(t, 3)[:20]
	parts := []string{
		eventText(t, 1) + eventText(t, 2) + half,                   // cut within an event
		eventText(t, 2) + eventText(t, 3) + eventText(t, 3),        // repeats what is known
		eventText(t, 4) + "event: lagged\ndata: {\"after\":4}\n\n", // too slow
		eventText(t, 7), // a gap
		"event: news\nid: x\ndata: {\"of\":1}\n\n",  // what a later version may say, then cut
		eventText(t, 5) + ": a comment\nretry: 5\n", // cut within a message
		"event: end\ndata: {\"after\":5}\n\n",
	}
	var asked []string
	folder := fakeServer(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(parts[len(asked)]))
		asked = append(asked, r.URL.Query().Get("after"))
	})
	var told []uint64
	err := dialFolder(t, ClientOptions{Folder: folder}).Events(testContext(t), "w", 0, func(e engine.Event) error {
		told = append(told, e.Seq)
		return nil
	})
	if err != nil || !reflect.DeepEqual(told, []uint64{1, 2, 3, 4, 5}) {
		t.Errorf("told %v, %v", told, err)
	}
	if want := "0 2 3 4 4 4 5"; strings.Join(asked, " ") != want {
		t.Errorf("asked after %v, want %s", asked, want)
	}
}

func TestStreamsThatCannotBeRead(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want error
		says string
	}{
		"always cut":     {"event: ", ErrCut, ""},
		"two data lines": {"data: 1\ndata: 2\n\n", ErrCut, "two lines of data"},
		"an error":       {`event: error` + "\n" + `data: {"error":{"code":"internal","message":"the file is damaged","try":"x"}}` + "\n\n", nil, "the file is damaged"},
		"no error":       {"event: error\ndata: {}\n\n", nil, "cannot be read"},
		"no event":       {"event: event\ndata: {\n\n", nil, "read the stream"},
		"no output":      {"event: output\ndata: 7\n\n", nil, "read the stream"},
		"a later event": {`event: event` + "\n" + `data: {"seq":1,"type":"task.cloned","v":1,"data":{}}` + "\n\n", engine.ErrUnknownEvent,
			"ralph loop of version v0.6.0 tells what this program of version v0.5.0 does not know"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := fakeServer(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(test.text)) })
			c := dialFolder(t, ClientOptions{Folder: folder, Program: "v0.5.0"})
			err := c.Follow(testContext(t), "w", FollowOptions{}, func(Update) error { return nil })
			if err == nil || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSilentServer(t *testing.T) {
	var asked atomic.Int32
	folder := fakeServer(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(eventText(t, 1)))
		_ = http.NewResponseController(w).Flush()
		asked.Add(1)
		<-r.Context().Done()
	})
	c := dialFolder(t, ClientOptions{Folder: folder, Silence: 20 * time.Millisecond})
	err := c.Follow(testContext(t), "w", FollowOptions{}, func(Update) error { return nil })
	if !errors.Is(err, ErrCut) || !strings.Contains(err.Error(), "no sign of life") || asked.Load() < 2 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
}

func TestWhatIsNoRalph(t *testing.T) {
	for name, answer := range map[string]string{
		"another program": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
		"garbage":         strings.Repeat("\xff\x00garbage\r\n", 100),
		"no words":        "",
		"words cut off":   "HTTP/1.1 200 OK\r\nRalph-Control: 1\r\nContent-Length: 200\r\n\r\n{",
		"no JSON":         "HTTP/1.1 200 OK\r\nRalph-Control: 1\r\nContent-Length: 2\r\n\r\n<>",
		"a plain error":   "HTTP/1.1 500 Oh\r\nRalph-Control: 1\r\nContent-Length: 2\r\n\r\n{}",
		"another version": "HTTP/1.1 200 OK\r\nRalph-Control: 3\r\nContent-Length: 25\r\n\r\n{\"api\":3,\"program\":\"v7\"}\n",
	} {
		t.Run(name, func(t *testing.T) {
			folder := stateFolder(t)
			l, err := net.Listen("unix", filepath.Join(folder, SocketName))
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					_, _ = c.Read(make([]byte, 4096))
					_, _ = c.Write([]byte(answer))
					_ = c.Close()
				}
			}()
			_, err = Dial(testContext(t), ClientOptions{Folder: folder})
			if err == nil || errors.Is(err, ErrNobody) || name == "another version" && !errors.Is(err, ErrVersion) {
				t.Errorf("got %v", err)
			}
			_ = l.Close()
			<-done
		})
	}
}

func TestFolderThatIsNone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(testContext(t), ClientOptions{Folder: file}); err == nil || errors.Is(err, ErrNobody) {
		t.Errorf("dialled into a file: %v", err)
	}
	if _, err := Serve(testContext(t), Options{Folder: file}); err == nil {
		t.Error("served in a file")
	}
}
