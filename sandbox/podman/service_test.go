package podman

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/sandbox"
)

// victim is the process that gets killed in TestKilled.
func victim() {
	e, err := Connect(context.Background(), Options{OwnService: true})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println("service", e.link.own.process.Pid)
	spec := sandbox.Spec{
		Name: os.Getenv("WRAPIX_TEST_CHILD"), Image: os.Getenv("WRAPIX_TEST_IMAGE"), Record: os.Getenv("WRAPIX_TEST_RECORD"),
		Labels:    map[string]string{"wrapix.test": "killed"},
		Workspace: sandbox.Workspace{Source: filepath.Dir(os.Getenv("WRAPIX_TEST_RECORD"))},
		Commands:  []sandbox.Command{{Name: "sh", Args: []string{"sh", "-c", "echo ready; while ! test -e go; do sleep 0.05; done; echo after; exit 3"}}},
		Network:   sandbox.NetworkNone,
	}
	sandbox.Run(context.Background(), e, spec, sandbox.Sink{Stdout: os.Stdout})
	os.Exit(1)
}

// When we are killed, the service goes with us; the sandbox goes on, its record is written on, and whoever comes next
// takes it up.
func TestKilled(t *testing.T) {
	e := connect(t)
	record := filepath.Join(t.TempDir(), "record")
	name := fmt.Sprintf("wrapix-test-killed-%d", os.Getpid())
	t.Cleanup(func() { e.Remove(context.Background(), name) })
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "WRAPIX_TEST_CHILD="+name, "WRAPIX_TEST_IMAGE="+testImage(t, e), "WRAPIX_TEST_RECORD="+record)
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	buf := make([]byte, 1000)
	for !strings.Contains(said.String(), "ready\n") {
		n, err := stdout.Read(buf)
		if err != nil {
			t.Fatalf("%v: %s", err, said.String())
		}
		said.Write(buf[:n])
	}
	var service int
	if _, err := fmt.Sscanf(said.String(), "service %d", &service); err != nil {
		t.Fatal(err)
	}
	gone := watchProcess(t, service)
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	child.Wait()
	gone()
	c, err := e.Inspect(t.Context(), name)
	if err != nil || c.State != sandbox.StateRunning {
		t.Fatalf("the sandbox: %+v %v", c, err)
	}
	if err := os.WriteFile(filepath.Dir(record)+"/go", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	result, err := sandbox.Resume(t.Context(), e, sandbox.Spec{Name: name, Record: record}, sandbox.Sink{Stdout: &out})
	if err != nil || out.String() != "ready\nafter\n" || result.Exits[0].Code != 3 {
		t.Fatalf("resumed: %q %+v %v", out.String(), result, err)
	}
}

// watchProcess returns a function that waits for the end of a process that need not be a child of ours.
func watchProcess(t *testing.T, pid int) (gone func()) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return func() {
		t.Helper()
		for {
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 30_000)
			if err == unix.EINTR {
				continue
			}
			if n != 1 {
				t.Fatalf("process %d is still there: %v", pid, err)
			}
			return
		}
	}
}

func TestCloseEndsService(t *testing.T) {
	e := open(t)
	if e.link.own == nil {
		t.Skip("a user socket is active")
	}
	gone := watchProcess(t, e.link.own.process.Pid)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	gone()
	if err := e.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

// What goes wrong on other people's hosts must say what to do.
func TestConnectErrors(t *testing.T) {
	hint := func(t *testing.T, want string) {
		t.Helper()
		e, err := Connect(t.Context(), Options{OwnService: true, AllowRoot: true})
		var hinted *sandbox.Error
		if !errors.As(err, &hinted) || !strings.Contains(hinted.Hint, want) {
			t.Errorf("got %v, hint %+v", err, hinted)
		}
		if err == nil {
			e.Close()
		}
	}
	t.Run("NoPodman", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		hint(t, "apt-get install podman")
	})
	t.Run("ServiceFails", func(t *testing.T) {
		dir := t.TempDir()
		script := "#!/bin/sh\necho 'Error: exec: \"newuidmap\": executable file not found in $PATH' >&2\nexit 125\n"
		if err := os.WriteFile(dir+"/podman", []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
		hint(t, "uidmap")
	})
	t.Run("Root", func(t *testing.T) {
		if err := refuseRoot(0, Options{}); err == nil || !strings.Contains(err.Error(), "root") {
			t.Errorf("started as root: %v", err)
		}
		if err := errors.Join(refuseRoot(0, Options{AllowRoot: true}), refuseRoot(1000, Options{})); err != nil {
			t.Error(err)
		}
	})
	t.Run("NoSubordinateIDs", func(t *testing.T) {
		if !hasSubordinate([]byte("# x\nann:100000:65536\n1001:1:2\n"), "bob", "1001") || hasSubordinate([]byte("ann:1:2\n"), "bob", "1001") {
			t.Error("subordinate ids are read wrongly")
		}
	})
}

// What a monitor leaves where it works must not appear in the project, which is where we are.
func TestServiceWorksElsewhere(t *testing.T) {
	e, err := Connect(t.Context(), Options{OwnService: true, CacheDir: t.TempDir(), AllowRoot: os.Getenv("WRAPIX_TEST_ROOT") != ""})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	at, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", e.link.own.process.Pid))
	if err != nil || at != filepath.Dir(e.guest) {
		t.Errorf("it works in %s, %v", at, err)
	}
}
