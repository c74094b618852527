package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wrapix/wrapix/engine"
)

// process is another process that uses a store: this test program, started again.
type process struct {
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func spawn(t *testing.T, job string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], args...)}
	p.Env = append(os.Environ(), "STORE_TEST_CHILD="+job)
	p.Stderr = os.Stderr
	p.in, _ = p.StdinPipe()
	out, err := p.StdoutPipe()
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	t.Cleanup(func() { _ = p.Process.Kill(); _ = p.Wait() })
	return p
}

func (p *process) line(t *testing.T) string {
	t.Helper()
	s, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatalf("the other process: %q, %v", s, err)
	}
	return strings.TrimSpace(s)
}

// child is what the other process does.
func child(job string, args []string) {
	fail := func(err error) {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	if job == "full" {
		if err := fillFileSystem(args[0]); err != nil {
			fail(err)
		}
		return
	}
	if job == "live" {
		if err := live(args[0]); err != nil {
			fail(err)
		}
		return
	}
	if job == "migrate" {
		s, err := open(args[0], Options{}.withDefaults(), []migration{addBucket, fillBucket})
		if err == nil {
			err = s.Close()
		}
		if err != nil {
			fail(err)
		}
		return
	}
	opts := Options{ReadOnly: job == "read", Command: "ralph " + job}
	if job == "append" {
		opts.Wait = 20 * time.Second
	}
	s, err := Open(args[0], opts)
	if err != nil {
		fail(err)
	}
	fmt.Println("open")
	switch job {
	case "append": // appends as fast as it can and says what was accepted, until it is killed
		w, err := s.Load(context.Background(), "w")
		for {
			if err != nil {
				fail(err)
			}
			w, err = try(s, w, engine.SetLimits{Limits: engine.Limits{MaxIterations: int(w.Seq)}})
			fmt.Println(w.Seq)
		}
	case "compact": // appends a few and compacts, says what was accepted, and again, until it is killed
		for {
			err := swell(s, "w", 5)
			var w engine.Workflow
			if err == nil {
				w, err = s.Load(context.Background(), "w")
			}
			if err == nil {
				_, err = s.Compact(context.Background())
			}
			if err == nil {
				s, err = Open(args[0], opts)
			}
			if err != nil {
				fail(err)
			}
			fmt.Println(w.Seq)
		}
	case "copy": // copies again and again, until it is killed
		for {
			fill := func(w io.Writer) error { return s.Backup(context.Background(), w) }
			if _, err := SaveCopy(context.Background(), args[1], true, fill); err != nil {
				fail(err)
			}
		}
	case "count": // appends a few
		for range 20 {
			w, err := s.Load(context.Background(), "w")
			if err == nil {
				_, err = try(s, w, engine.SetLimits{Limits: engine.Limits{MaxIterations: int(w.Seq)}})
			}
			if err != nil {
				fail(err)
			}
		}
	default:
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
	if err := s.Close(); err != nil {
		fail(err)
	}
}

func TestSecondWriterIsToldWhoHoldsTheStore(t *testing.T) {
	path := testPath(t)
	p := spawn(t, "hold", path)
	if got := p.line(t); got != "open" {
		t.Fatal(got)
	}
	for _, readOnly := range []bool{false, true} {
		_, err := Open(path, Options{ReadOnly: readOnly, Wait: -1})
		var e *HeldError
		if !errors.Is(err, ErrHeld) || !errors.As(err, &e) {
			t.Fatalf("read only %t: %v", readOnly, err)
		}
		if e.PID != p.Process.Pid || e.Command != "ralph hold" || time.Since(e.Since) > time.Minute || time.Since(e.Since) < 0 {
			t.Errorf("held by %+v", e)
		}
		var hint *engine.Hint
		if !errors.As(err, &hint) || !strings.Contains(hint.Try, fmt.Sprint(e.PID)) {
			t.Errorf("no way out in %v", err)
		}
	}

	// It ends while the next one waits.
	opened := make(chan error)
	go func() {
		s, err := Open(path, Options{Wait: 20 * time.Second})
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	_ = p.in.Close()
	if err := <-opened; err != nil {
		t.Errorf("after it ended: %v", err)
	}
}

func TestKilledHolderHoldsNothing(t *testing.T) {
	path := testPath(t)
	p := spawn(t, "hold", path)
	p.line(t)
	_ = p.Process.Kill()
	_ = p.Wait()
	if text, err := os.ReadFile(holderPath(path)); err != nil || !strings.Contains(string(text), "ralph hold") {
		t.Fatalf("the killed one left %q, %v", text, err)
	}

	// A reader has the store; a writer that must wait for it is not told of the dead one.
	r := openTest(t, path, Options{ReadOnly: true})
	_, err := Open(path, Options{Wait: -1})
	var e *HeldError
	if !errors.As(err, &e) || e.PID != 0 {
		t.Errorf("held by %+v, %v", e, err)
	}
	_ = r.Close()
	openTest(t, path, Options{Wait: -1})
}

func TestReadersShareTheStore(t *testing.T) {
	path := testPath(t)
	s := openTest(t, path, Options{})
	begin(t, s, "w", 3)
	_ = s.Close()
	p := spawn(t, "read", path)
	p.line(t)
	r := openTest(t, path, Options{ReadOnly: true, Wait: -1})
	load(t, r, "w")
	if _, err := Open(path, Options{Wait: -1}); !errors.Is(err, ErrHeld) {
		t.Errorf("a writer among readers: %v", err)
	}
	_ = r.Close()
	_ = p.in.Close()
	_ = p.Wait()
	openTest(t, path, Options{Wait: -1})
}

func TestManyProcessesTakeTurns(t *testing.T) {
	path := testPath(t)
	s := openTest(t, path, Options{})
	w := begin(t, s, "w", 3)
	_ = s.Close()
	var all []*process
	for range 4 {
		all = append(all, spawn(t, "count", path))
	}
	for _, p := range all {
		if err := p.Wait(); err != nil {
			t.Errorf("one of them: %v", err)
		}
	}
	s = openTest(t, path, Options{})
	if got := load(t, s, "w").Seq; got != w.Seq+4*20 {
		t.Errorf("at event %d, not %d", got, w.Seq+4*20)
	}
	verifyClean(t, s)
}

// The first two processes of a project may come at once.
func TestCreatedOnceByMany(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", File)
	ids := make(chan string)
	for range 8 {
		go func() {
			s, err := Open(path, Options{Wait: 20 * time.Second})
			if err != nil {
				ids <- err.Error()
				return
			}
			id := s.ID()
			_ = s.Close()
			ids <- id
		}()
	}
	first := <-ids
	for range 7 {
		if id := <-ids; id != first || len(id) != 12 {
			t.Errorf("%q and %q", id, first)
		}
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 2 {
		t.Errorf("left over: %v", entries)
	}
}
