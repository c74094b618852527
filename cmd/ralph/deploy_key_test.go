package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wrapix/wrapix/key"
	"github.com/wrapix/wrapix/key/keytest"
	"github.com/wrapix/wrapix/key/remote"
	"github.com/wrapix/wrapix/sandbox/podman"
)

// keyProject is a project whose agent pushes to a real sshd.
type keyProject struct {
	dir, state string
	remote     remote.Remote
	server     *keytest.Server
}

// pusher is the agent: it says that it is there, waits for a word, and then pushes as soon as it can.
const pusher = `#!/bin/sh
server/up
echo up >started
cat more
until git push -q origin main; do :; done
echo RALPH_COMPLETE
`

func newKeyProject(t *testing.T) *keyProject {
	t.Helper()
	const image = "localhost/wrapix-ralph-test-ssh:1"
	engine, err := podman.Connect(context.Background(), podman.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	var tree bytes.Buffer
	if err := keytest.ImageTar(&tree); err != nil {
		t.Fatal(err)
	}
	if err := engine.ImportImage(context.Background(), &tree, image, nil); err != nil {
		t.Fatal(err)
	}
	p := &keyProject{dir: t.TempDir(), state: t.TempDir(), server: keytest.Start(t)}
	if p.remote, err = remote.Parse(p.server.InsideAddress()); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	t.Setenv("RALPH_STATE_DIR", p.state)
	keytest.Repository(t, p.dir, p.remote.String())
	write := func(name, text string) { keytest.Write(t, filepath.Join(p.dir, name), text, 0o755) }
	write("wrapix.toml", fmt.Sprintf("[agent]\ncommand = [\"./agent.sh\"]\n[sandbox]\nimage = %q\ndeploy_key = %q\n[notify]\nenabled = false\n", image, p.remote))
	write("agent.sh", pusher)
	write("spec.md", "# Push\n\nPush.\n\n## Tasks\n\n- [ ] **T1** Push\n"+
		"  - Check: `test \"$(git -C server/a.git rev-parse main)\" = \"$(git rev-parse main)\"`\n"+
		"  - Check: `test ! -e /run/deploy-key && test -z \"$GIT_SSH_COMMAND\"`\n")
	for _, fifo := range []string{"started", "more"} {
		if err := syscall.Mkfifo(filepath.Join(p.dir, fifo), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if t.Failed() { // with a sandbox that still runs, perhaps
			_ = p.command("ralph", "cancel", "--yes").Run()
		}
	})
	return p
}

// create makes the key, and lets it open the repository.
func (p *keyProject) create(t *testing.T, made time.Time) {
	t.Helper()
	keys, err := key.Open(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	hosts, err := key.HostKeys(t.Context(), p.remote)
	if err != nil {
		t.Fatal(err)
	}
	k, err := keys.Create(p.remote, hosts[0], made)
	if err != nil {
		t.Fatal(err)
	}
	p.server.Inside(t, p.dir, k.Current.Line(p.remote))
}

func (p *keyProject) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = p.dir
	return cmd
}

// wants runs a command to its end: an exit code, and texts that it says.
func (p *keyProject) wants(t *testing.T, code int, texts []string, name string, args ...string) {
	t.Helper()
	cmd := p.command(name, args...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("%s %q: code %d, not %d: %s", name, args, got, code, out)
	}
	for _, text := range texts {
		if !strings.Contains(string(out), text) {
			t.Errorf("%s %q does not say %q: %s", name, args, text, out)
		}
	}
}

// An agent pushes with a key that a person approved, also when the loop that began its attempt was killed: the next one
// answers where the sandbox looks. Checks have no key.
func TestDeployKey(t *testing.T) {
	p := newKeyProject(t)
	p.wants(t, exitDone, nil, "ralph", "start", "spec.md")
	p.wants(t, exitStuck, []string{"new: sandbox.deploy_key: let what runs in the sandbox push to ssh://agent@127.0.0.1"}, "ralph", "loop")
	p.wants(t, 0, nil, "trust")
	p.wants(t, exitUsage, []string{"use sandbox.deploy_key: there is no deploy key for", "try: wrapix key create ssh://agent@"}, "ralph", "loop")
	p.wants(t, exitFailed, []string{"there is no deploy key for", "try: wrapix key create ssh://agent@"}, "ralph", "doctor")
	p.create(t, time.Now())
	p.wants(t, exitDone, []string{"is 0 days old"}, "ralph", "doctor")

	loop := p.command("ralph", "loop")
	if err := loop.Start(); err != nil {
		t.Fatal(err)
	}
	read := func(fifo string) {
		t.Helper()
		if _, err := os.ReadFile(filepath.Join(p.dir, fifo)); err != nil { // waits for the one who writes
			t.Fatal(err)
		}
	}
	read("started")
	if err := loop.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = loop.Wait()
	socket := filepath.Join(p.state, keyFolder, "agent", key.SocketName)
	if conn, err := net.Dial("unix", socket); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("the killed loop's agent: %v, %v", conn, err)
	}
	again := p.command("ralph", "loop")
	var out bytes.Buffer
	again.Stdout, again.Stderr = &out, &out
	if err := again.Start(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "more"), nil, 0); err != nil { // waits for the one who reads
		t.Fatal(err)
	}
	if err := again.Wait(); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	p.wants(t, exitDone, []string{`"state": "done"`, `"verified": true`, `"attempts": 1`}, "ralph", "status", "--json")
	if _, err := os.Lstat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}

// A key that is old is told of.
func TestDeployKeyIsOld(t *testing.T) {
	p := newKeyProject(t)
	p.create(t, time.Now().Add(-key.OldAfter-time.Hour))
	p.wants(t, 0, nil, "trust")
	p.wants(t, exitDone, []string{"warning  the deploy key of ssh://agent@", "is 90 days old", "try: wrapix key rotate ssh://agent@"}, "ralph", "doctor")
}
