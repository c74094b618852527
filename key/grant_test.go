package key

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"
	sshagent "golang.org/x/crypto/ssh/agent"

	"github.com/wrapix/wrapix/key/keytest"
	"github.com/wrapix/wrapix/key/remote"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func repository(t *testing.T, address string) remote.Remote {
	t.Helper()
	r, err := remote.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func line(k ssh.PublicKey) string { return string(ssh.MarshalAuthorizedKey(k)) }

// granted is a grant as a client on the host sees it, instead of one in a sandbox.
type granted struct {
	*Grant
	key    Key
	config string // for ssh -F
	socket string

	mu      sync.Mutex
	reasons []string
}

func (g *granted) refusals() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return strings.Join(g.reasons, "\n")
}

// grant makes a key for the first repository of the server, pinned and registered there, and opens it.
func grant(t *testing.T, s *keytest.Server, o Options) *granted {
	t.Helper()
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	keys, err := Open("")
	if err != nil {
		t.Fatal(err)
	}
	r := repository(t, s.Address("a.git"))
	hosts, err := HostKeys(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	g := &granted{}
	if g.key, err = keys.Create(r, hosts[0], time.Now()); err != nil {
		t.Fatal(err)
	}
	s.Authorize(t, "a.git", line(g.key.Current.Public))
	o.Refused = func(reason string) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.reasons = append(g.reasons, reason)
	}
	folder := keytest.ShortDir(t)
	if g.Grant, err = keys.Open(t.Context(), r, folder, o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	g.place(t)
	g.socket = filepath.Join(folder, "agent", SocketName)
	return g
}

// place writes the configuration with the host's paths in the place of the sandbox's.
func (g *granted) place(t *testing.T) {
	t.Helper()
	mounts, env, err := g.Place()
	if err != nil {
		t.Fatal(err)
	}
	if env["GIT_SSH_COMMAND"] != "ssh -F /run/deploy-key/ssh/config" {
		t.Errorf("variables: %q", env)
	}
	b, err := os.ReadFile(filepath.Join(g.folder, "ssh", "config"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, m := range mounts {
		text = strings.ReplaceAll(text, m.Dest, m.Source)
	}
	g.config = filepath.Join(g.folder, "config-outside")
	keytest.Write(t, g.config, text, 0o600)
}

// work makes a repository with one commit and the remote.
func work(t *testing.T, address string) string {
	t.Helper()
	dir := t.TempDir()
	keytest.Repository(t, dir, address)
	return dir
}

func (g *granted) git(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	return keytest.Try(t, []string{"GIT_SSH_COMMAND=ssh -F " + g.config}, "git", append([]string{"-C", dir}, args...)...)
}

// A push with real clients to a real server works in both ways, for the key's own repository.
func TestPush(t *testing.T) {
	for name, o := range map[string]Options{"agent": {}, "file": {File: true}} {
		t.Run(name, func(t *testing.T) {
			s := keytest.Start(t)
			g := grant(t, s, o)
			dir := work(t, s.Address("a.git"))
			if out, err := g.git(t, dir, "push", "origin", "main"); err != nil {
				t.Fatalf("%v: %s\nrefused: %s", err, out, g.refusals())
			}
			if out, err := g.git(t, dir, "fetch", "origin"); err != nil {
				t.Errorf("%v: %s", err, out)
			}
			if head := keytest.Run(t, "git", "-C", filepath.Join(s.Dir, "a.git"), "rev-parse", "main"); head != keytest.Run(t, "git", "-C", dir, "rev-parse", "main") {
				t.Errorf("the server has %s", head)
			}
			// Which repository a key opens is the server's to say.
			if out, err := g.git(t, dir, "push", s.Address("b.git"), "main"); err == nil || !strings.Contains(out, "does not open that repository") {
				t.Errorf("another repository: %v: %s", err, out)
			}
			out, err := g.git(t, dir, "push", "git@example.org:o/n.git", "main")
			if err == nil || !strings.Contains(out, "reaches no other host over ssh") {
				t.Errorf("another host: %v: %s", err, out)
			}
			inside := keytest.Run(t, "find", filepath.Join(g.folder, "ssh"), filepath.Join(g.folder, "agent"), "-type", "f", "-o", "-type", "s")
			if strings.Contains(inside, privateName+"\n") {
				t.Errorf("a private key is among what the sandbox sees:\n%s", inside)
			}
			if r := g.refusals(); r != "" {
				t.Errorf("refused: %s", r)
			}
		})
	}
}

// Whoever has the socket, and goes around our configuration, gets no signature but for the pinned server.
func TestAgentRefuses(t *testing.T) {
	s, other := keytest.Start(t), keytest.Start(t)
	g := grant(t, s, Options{})
	other.Authorize(t, "a.git", line(g.key.Current.Public)) // as a server would that wants to be logged in to
	sock := []string{"SSH_AUTH_SOCK=" + g.socket}
	free := []string{"-F", "/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes"}
	loose := "GIT_SSH_COMMAND=ssh " + strings.Join(free, " ")
	dir := work(t, s.Address("a.git"))
	file := filepath.Join(dir, "file")
	keytest.Write(t, file, "text", 0o600)
	spare := filepath.Join(dir, "spare")
	keytest.Run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", spare)
	public := filepath.Join(g.folder, "ssh", publicName)

	if out, err := keytest.Try(t, sock, "ssh-add", "-l"); err != nil || strings.Count(out, "\n") != 1 || !strings.Contains(out, ssh.FingerprintSHA256(g.key.Current.Public)) {
		t.Errorf("the list: %v: %s", err, out)
	}
	// With any configuration, as long as the server is the pinned one.
	if out, err := keytest.Try(t, append(sock, loose), "git", "-C", dir, "push", "origin", "main"); err != nil {
		t.Errorf("push without our configuration: %v: %s", err, out)
	}
	for _, c := range []struct {
		name, reason string
		args         []string
	}{
		{"another server", errHost.Error(), []string{"git", "-C", dir, "push", other.Address("a.git"), "main"}},
		{"a signed file", errLogin.Error(), []string{"ssh-keygen", "-Y", "sign", "-f", public, "-n", "file", file}},
		{"a certificate", errLogin.Error(), []string{"ssh-keygen", "-s", public, "-U", "-I", "id", spare + ".pub"}},
		{"one more key", errOther.Error(), []string{"ssh-add", spare}},
		{"to forget its key", errOther.Error(), []string{"ssh-add", "-D"}},
		{"to forget one key", errOther.Error(), []string{"ssh-add", "-d", public}},
	} {
		g.mu.Lock()
		g.reasons = nil
		g.mu.Unlock()
		g.agent.mu.Lock()
		clear(g.agent.told)
		g.agent.mu.Unlock()
		out, err := keytest.Try(t, append(sock, loose), c.args[0], c.args[1:]...)
		if err == nil || !strings.Contains(g.refusals(), c.reason) {
			t.Errorf("%s: %v: %s\nrefused: %s", c.name, err, out, g.refusals())
		}
	}

	// A server without privileges knows one user only, so it is the agent that expects another here.
	g.agent.mu.Lock()
	g.agent.policy.user = "somebody"
	g.agent.mu.Unlock()
	if out, err := g.git(t, dir, "fetch", "origin"); err == nil || !strings.Contains(g.refusals(), errUser.Error()) {
		t.Errorf("another user: %v: %s\nrefused: %s", err, out, g.refusals())
	}

	// What no program here asks for.
	conn, err := net.Dial("unix", g.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client := sshagent.NewClient(conn)
	for name, err := range map[string]error{"lock": client.Lock([]byte("x")), "unlock": client.Unlock([]byte("x")), "remove all": client.RemoveAll()} {
		if err == nil {
			t.Errorf("%s was done", name)
		}
	}
	if _, err := client.Extension("query", nil); err == nil {
		t.Error("an extension was answered")
	}
	// A client that does not say where it is connected to, such as a library.
	signers, err := client.Signers()
	if err != nil || len(signers) != 1 {
		t.Fatalf("%v, %v", signers, err)
	}
	_, err = dial(t.Context(), g.key.Remote, &ssh.ClientConfig{User: s.User, Auth: []ssh.AuthMethod{ssh.PublicKeys(signers...)}, HostKeyCallback: ssh.FixedHostKey(g.key.Host)})
	if err == nil || !strings.Contains(g.refusals(), errUnbound.Error()) {
		t.Errorf("without a binding: %v, refused: %s", err, g.refusals())
	}
}

// After a crash, the next process answers in the folder that sandboxes have mounted.
func TestAgentAgain(t *testing.T) {
	s := keytest.Start(t)
	g := grant(t, s, Options{})
	mounted, err := os.Open(filepath.Join(g.folder, "agent"))
	if err != nil {
		t.Fatal(err)
	}
	defer mounted.Close()
	// As a killed process leaves it: the socket has its name, and nobody listens.
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := listenIn(t.Context(), mounted)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := net.Dial("unix", g.socket); err == nil {
		t.Fatal("somebody listens")
	}
	again, err := g.keys.Open(t.Context(), g.remote, g.folder, Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := work(t, s.Address("a.git"))
	if out, err := g.git(t, dir, "push", "origin", "main"); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if fi, err := os.Stat(g.socket); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", fi, err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(g.socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}

// A renewed key is tried before the old one goes, and sandboxes that come use it.
func TestRenew(t *testing.T) {
	s := keytest.Start(t)
	g := grant(t, s, Options{})
	now := time.Now()
	k, err := g.keys.Renew(g.remote, now)
	if err != nil || k.Next == nil || k.Current.Number != 1 || k.Next.Number != 2 {
		t.Fatalf("%+v, %v", k, err)
	}
	if again, err := g.keys.Renew(g.remote, now); err != nil || string(again.Next.Public.Marshal()) != string(k.Next.Public.Marshal()) {
		t.Errorf("renewed twice: %+v, %v", again, err)
	}
	if err := Try(t.Context(), k, *k.Next); !errors.Is(err, ErrRefused) {
		t.Errorf("before it is registered: %v", err)
	}
	if err := Try(t.Context(), k, k.Current); err != nil {
		t.Errorf("the old one: %v", err)
	}
	s.Authorize(t, "b.git", line(k.Next.Public))
	if err := Try(t.Context(), k, *k.Next); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "does not open that repository") {
		t.Errorf("registered elsewhere: %v", err)
	}
	s.Authorize(t, "a.git", line(k.Current.Public), line(k.Next.Public))
	if err := Try(t.Context(), k, *k.Next); err != nil {
		t.Errorf("registered: %v", err)
	}
	old := k.Folder(k.Current)
	if k, err = g.keys.Adopt(g.remote); err != nil || k.Current.Number != 2 || k.Next != nil {
		t.Fatalf("%+v, %v", k, err)
	}
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old one is left: %v", err)
	}
	dir := work(t, s.Address("a.git"))
	if out, err := g.git(t, dir, "push", "origin", "main"); err != nil {
		t.Errorf("a sandbox that runs, with the old key: %v: %s", err, out)
	}
	s.Authorize(t, "a.git", line(k.Current.Public))
	g.place(t)
	if out, err := g.git(t, dir, "fetch", "origin"); err != nil {
		t.Errorf("a new sandbox: %v: %s", err, out)
	}
	if err := g.keys.Remove(g.remote); err != nil {
		t.Fatal(err)
	}
	if _, _, err := g.Place(); !errors.Is(err, ErrNone) {
		t.Errorf("removed: %v", err)
	}
}

// A crowd of clients takes a bounded part of the host, and none keeps others from being answered for ever.
func TestAgentCrowd(t *testing.T) {
	s := keytest.Start(t)
	g := grant(t, s, Options{})
	var conns []net.Conn
	for range maxConnections {
		conn, err := net.Dial("unix", g.socket)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := sshagent.NewClient(conn).List(); err != nil { // it is counted by now
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	extra, err := net.Dial("unix", g.socket)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := extra.Read(make([]byte, 1)); err == nil {
		t.Error("one too many was answered")
	}
	extra.Close()
	// A message that is too long ends its own conversation.
	if _, err := conns[0].Write([]byte{0, 1, 0, 0, 11}); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(conns[0]); len(b) > 0 {
		t.Errorf("%q, %v", b, err)
	}
	// Close waits for nobody.
	if err := g.Close(); err != nil {
		t.Error(err)
	}
}

// A server that is silent is not waited for beyond the context.
func TestHostKeysOfNobody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := repository(t, fmt.Sprintf("ssh://git@%s/srv/a.git", l.Addr()))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if conn, err := l.Accept(); err == nil {
			cancel()
			_, _ = io.Copy(io.Discard, conn)
			conn.Close()
		}
	}()
	if _, err := HostKeys(ctx, r); err == nil {
		t.Error("it has keys")
	}
	l.Close()
	if _, err := HostKeys(t.Context(), r); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("nobody listens: %v", err)
	}
}
