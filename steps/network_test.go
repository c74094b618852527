package steps

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/gateway"
)

// Where a port that is to be published is taken, no sandbox is made, and a person is told what to do. Once it is free the
// work goes on. A verification publishes nothing, so the port may be taken then.
func TestPublishedPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	p := newProject(t, "ls /run/wrapix > seen; echo RALPH_COMPLETE\n")
	p.options.Ports = []int{port}
	p.steps = New(p.options)
	p.Steps = p.steps
	w := p.begin(t, "# P\n\nText.\n\n## Tasks\n\n- [ ] **T1** See\n  - Check: `grep net seen && ! ls /run/wrapix | grep net`\n")
	w, err = p.Loop(t.Context(), w)
	var hint *engine.Hint
	if !errors.Is(err, gateway.ErrPortTaken) || !errors.As(err, &hint) || w.Task("T1").Failures != 0 {
		t.Fatalf("with the port taken: %v, task %+v", err, w.Task("T1"))
	}
	l.Close()
	if w, err = p.Loop(t.Context(), w); err != nil || w.State != engine.Done {
		t.Fatalf("with the port free: %v, %s, %+v", err, w.State, w.Task("T1").LastFailure)
	}
	if left, err := filepath.Glob(filepath.Join(p.options.State, AttemptsName, "*", "*", "*", GatewayName)); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A port that another program took after a crash is no reason to leave an attempt alone that goes on: a person is told, and
// it is finished.
func TestLostPort(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	p := newProject(t, "echo begun; while [ ! -e go ]; do sleep 0.02; done; echo RALPH_COMPLETE\n")
	var lost []string
	p.options.Ports = []int{port}
	p.options.Unpublished = func(id engine.AttemptID, port int, err error) {
		lost = append(lost, fmt.Sprint(id, port, err))
		if err := os.WriteFile(filepath.Join(p.options.Project, "go"), nil, 0o644); err != nil {
			t.Error(err)
		}
	}
	p.options.Timeout = time.Minute // where nobody is told
	p.steps = New(p.options)
	p.Steps = p.steps
	w := p.begin(t, "# P\n\nText.\n\n## Tasks\n\n- [ ] **T1** See\n  - Check: `true`\n")
	w, a, _ := p.abandon(t, w)
	other, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	w = p.loop(t, w, engine.Done)
	if want := fmt.Sprint(a.ID, port, gateway.ErrPortTaken); w.Task("T1").Attempts != 1 || len(lost) != 1 || lost[0] != want {
		t.Errorf("%d attempts, told of %q, not %q", w.Task("T1").Attempts, lost, want)
	}
}

// What was refused comes before the end of the activity that it was refused to, a verification too.
func TestDenied(t *testing.T) {
	p := newProject(t, "wget -q -O - http://a.example:8080/; echo RALPH_COMPLETE\n")
	p.options.Network, p.options.Allow = sandbox.NetworkAllowlist, []string{"b.example"}
	p.options.Denied = func(id engine.AttemptID, list []engine.Denied) {
		if _, err := p.Do(t.Context(), "w-1", engine.NoteDenied{ID: id, Denied: list}); err != nil {
			t.Errorf("note for %s: %v", id, err)
		}
	}
	p.steps = New(p.options)
	p.Steps = p.steps
	w := p.begin(t, "# P\n\nText.\n\n## Tasks\n\n- [ ] **T1** See\n  - Check: `! wget -q -O - http://b.example:81/`\n")
	p.loop(t, w, engine.Done)
	var got []string
	err := p.store.Events(t.Context(), "w-1", 0, func(e engine.Event) error {
		if data, ok := e.Data.(engine.DeniedData); ok {
			for _, d := range data.Denied {
				got = append(got, fmt.Sprintf("%s/%d/%d %s", e.Task, e.Attempt, data.Check, d.Words))
			}
		}
		return nil
	})
	want := "[T1/1/0 a.example:8080: the name is not on the list T1/1/1 b.example:81: the name is on the list for other ports only]"
	if err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := os.Stat(filepath.Join(AttemptDir(p.options.State, "w-1", engine.AttemptID{Task: "T1", Number: 1}), GatewayName)); !os.IsNotExist(err) {
		t.Errorf("the sockets' folder: %v", err)
	}
}
