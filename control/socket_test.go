package control

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/wrapix/wrapix/engine"
)

func TestSocketIsForItsUserOnly(t *testing.T) {
	p := newProject(t)
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	p.serve(t, nil)
	info, err := os.Lstat(filepath.Join(p.folder, SocketName))
	if err != nil || info.Mode() != 0o600|fs.ModeSocket {
		t.Fatalf("the socket has mode %v, %v", info.Mode(), err)
	}
}

func TestModeIsThereBeforeTheName(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	path := filepath.Join(stateFolder(t), "s")
	l, err := bind(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if info, err := os.Lstat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("bound with mode %v, %v", info.Mode(), err)
	}
}

func TestFolderOpenToOthersIsRefused(t *testing.T) {
	p := newProject(t)
	if err := os.Chmod(p.folder, 0o750); err != nil {
		t.Fatal(err)
	}
	_, err := Serve(context.Background(), p.options())
	var hint *engine.Hint
	if !errors.As(err, &hint) || hint.Try != "chmod 700 "+p.folder {
		t.Errorf("served in a folder that others can enter: %v", err)
	}
}

func TestDeepFolder(t *testing.T) {
	p := newProject(t)
	_ = p.Store.Close()
	p.folder = filepath.Join(p.folder, strings.Repeat("/"+strings.Repeat("d", 200), 5))
	if err := os.MkdirAll(p.folder, 0o700); err != nil {
		t.Fatal(err)
	}
	p.open(t)
	p.start(t, "w", 1)
	s := p.serve(t, nil)
	if list, err := p.dial(t, nil).List(testContext(t)); err != nil || len(list) != 1 {
		t.Errorf("through %d characters: %v, %v", len(p.folder), list, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(p.folder, SocketName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

func TestLinkedAddress(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	short := "/run/user/1000/ralph"
	if path, release, err := linkedAddress(short); err != nil || path != short+"/"+SocketName {
		t.Errorf("%s, %v", path, err)
	} else {
		release()
	}
	deep := filepath.Join(t.TempDir(), strings.Repeat("d", 200))
	if err := os.Mkdir(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	path, release, err := linkedAddress(deep)
	if err != nil {
		t.Fatal(err)
	}
	l, err := bind(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	release()
	if _, err := os.Lstat(filepath.Join(deep, SocketName)); err != nil {
		t.Errorf("the socket is not in the folder: %v", err)
	}
	if left, _ := os.ReadDir(os.TempDir()); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestNobody(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, folder string){
		"no folder": func(t *testing.T, folder string) {
			if err := os.Remove(folder); err != nil {
				t.Fatal(err)
			}
		},
		"no socket":    func(*testing.T, string) {},
		"stale socket": makeStale,
		"a file": func(t *testing.T, folder string) {
			if err := os.WriteFile(filepath.Join(folder, SocketName), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder := stateFolder(t)
			prepare(t, folder)
			if _, err := Dial(testContext(t), ClientOptions{Folder: folder}); !errors.Is(err, ErrNobody) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// makeStale leaves a socket behind as a killed process does.
func makeStale(t *testing.T, folder string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(folder, SocketName), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	p := newProject(t)
	makeStale(t, p.folder)
	p.serve(t, nil)
	p.dial(t, nil)
}

func TestFileInTheSocketsPlaceIsKept(t *testing.T) {
	p := newProject(t)
	path := filepath.Join(p.folder, SocketName)
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Serve(context.Background(), p.options()); err == nil || !strings.Contains(err.Error(), "is no socket") {
		t.Errorf("served: %v", err)
	}
	if text, _ := os.ReadFile(path); string(text) != "mine" {
		t.Error("the file is gone")
	}
}

func TestSecondServer(t *testing.T) {
	p := newProject(t)
	first := p.serve(t, nil)
	if _, err := Serve(context.Background(), p.options()); !errors.Is(err, ErrServed) {
		t.Errorf("a second server: %v", err)
	}
	p.dial(t, nil)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := p.serve(t, nil)
	if err := first.Close(); err != nil { // a late Close of the first must not take the second's socket
		t.Fatal(err)
	}
	p.dial(t, nil)
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(testContext(t), ClientOptions{Folder: p.folder}); !errors.Is(err, ErrNobody) {
		t.Errorf("after the end: %v", err)
	}
}

// child serves a folder in a process of its own until it is killed.
func child(folder string) {
	s, err := Serve(context.Background(), Options{Folder: folder, Backend: &endless{}, Command: "ralph loop", Program: "v1"})
	if err != nil {
		panic(err)
	}
	defer s.Close()
	_, _ = os.Stdout.WriteString("serving\n")
	select {}
}

// startChild serves the folder from another process and returns how to kill it.
func startChild(t *testing.T, folder string) (kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=none")
	cmd.Env = append(os.Environ(), "CONTROL_TEST_CHILD="+folder)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(kill)
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	return kill
}

func TestKilledServerIsNobody(t *testing.T) {
	p := newProject(t)
	kill := startChild(t, p.folder)
	c := p.dial(t, nil)
	var seen uint64
	err := c.Follow(testContext(t), "w", FollowOptions{}, func(u Update) error {
		if seen = u.Event.Seq; seen == 3 {
			kill()
		}
		return nil
	})
	if !errors.Is(err, ErrNobody) || seen != 3 {
		t.Errorf("followed to %d: %v", seen, err)
	}
	if _, err := c.List(testContext(t)); !errors.Is(err, ErrNobody) {
		t.Errorf("asked a killed server: %v", err)
	}
	if _, err := c.Do(testContext(t), "w", engine.Cancel{}); !errors.Is(err, ErrNobody) {
		t.Errorf("commanded a killed server: %v", err)
	}
	p.serve(t, nil) // the next owner takes the socket
	p.dial(t, nil)
}

// endless is a workflow of three events that never ends.
type endless struct{}

func (*endless) Load(context.Context, engine.WorkflowID) (engine.Workflow, error) {
	return engine.Workflow{ID: "w", State: engine.Running, Seq: 3}, nil
}
func (e *endless) Overview(ctx context.Context, id engine.WorkflowID) (engine.Workflow, error) {
	return e.Load(ctx, id)
}
func (*endless) List(context.Context) ([]engine.Workflow, error) { return nil, nil }
func (*endless) Backup(context.Context, io.Writer) error         { return nil }
func (*endless) Do(context.Context, engine.WorkflowID, engine.Command) (engine.Workflow, error) {
	return engine.Workflow{}, engine.ErrNotAllowed
}
func (*endless) Events(_ context.Context, _ engine.WorkflowID, after uint64, yield func(engine.Event) error) error {
	for seq := after + 1; seq <= 3; seq++ {
		if err := yield(engine.Event{Seq: seq, Type: engine.WaitNotified, Data: engine.NoData{}}); err != nil {
			return err
		}
	}
	return nil
}
