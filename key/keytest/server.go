// Package keytest is a real sshd with git repositories for tests of deploy keys: on the host's loopback ([Start]), and the
// same server inside a sandbox ([Server.Inside]), from where the host's loopback cannot be reached.
package keytest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Server is a sshd without privileges. As where repositories are hosted, a forced command says which repository a key
// opens.
type Server struct {
	Dir  string // a.git and b.git lie here
	Port int
	User string

	log lockedBuffer
}

// Start starts a server with a host key of its own. For each connection a sshd is started with the connection as its
// standard streams, so that no port has to be chosen that may be taken.
func Start(t testing.TB) *Server {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Dir: ShortDir(t), User: me.Username}
	Run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", s.hostKey())
	for _, name := range []string{"a.git", "b.git"} {
		Run(t, "git", "init", "-q", "--bare", filepath.Join(s.Dir, name))
	}
	s.configure(t, s.Dir, s.Dir)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Port = l.Addr().(*net.TCPAddr).Port
	sshd := program(t, "sshd")
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			f, err := conn.(*net.TCPConn).File()
			conn.Close()
			if err != nil {
				continue
			}
			cmd := exec.Command(sshd, "-i", "-e", "-f", filepath.Join(s.Dir, "sshd_config"))
			cmd.Stdin, cmd.Stdout, cmd.Stderr = f, f, &s.log
			all.Go(func() {
				_ = cmd.Run() // what a client did wrong is the test's matter
				f.Close()
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		all.Wait()
		if t.Failed() {
			t.Logf("sshd:\n%s", s.log.String())
		}
	})
	return s
}

func (s *Server) hostKey() string { return filepath.Join(s.Dir, "host_key") }

// HostFingerprint is that of the host key.
func (s *Server) HostFingerprint(t testing.TB) string {
	t.Helper()
	return strings.Fields(Run(t, "ssh-keygen", "-l", "-f", s.hostKey()+".pub"))[1]
}

// gate is the forced command: of all that a client can ask for, git with one repository.
const gate = `#!/bin/sh
case $SSH_ORIGINAL_COMMAND in
"git-receive-pack '$1'" | "git-upload-pack '$1'") exec git-shell -c "$SSH_ORIGINAL_COMMAND" ;;
esac
echo 'ERROR: this key does not open that repository' >&2
exit 1
`

// configure writes a server's files in the folder, which it will see as the other.
func (s *Server) configure(t testing.TB, folder, seen string) {
	t.Helper()
	Write(t, filepath.Join(folder, "gate"), gate, 0o700)
	Write(t, filepath.Join(folder, "authorized_keys"), "", 0o600)
	Write(t, filepath.Join(folder, "sshd_config"), fmt.Sprintf("HostKey %s/host_key\nAuthorizedKeysFile %s/authorized_keys\n"+
		"StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPidFile none\n", seen, seen), 0o600)
}

// Authorize lets keys, as lines, open one repository, and no others any.
func (s *Server) Authorize(t testing.TB, repository string, public ...string) {
	t.Helper()
	Write(t, filepath.Join(s.Dir, "authorized_keys"), lines(s.Dir, repository, public), 0o600)
}

func lines(dir, repository string, public []string) string {
	var b strings.Builder
	for _, p := range public {
		fmt.Fprintf(&b, "restrict,command=\"%s/gate %s/%s\" %s\n", dir, dir, repository, strings.TrimSpace(p))
	}
	return b.String()
}

// Address is that of a repository.
func (s *Server) Address(repository string) string {
	return fmt.Sprintf("ssh://%s@127.0.0.1:%d%s/%s", s.User, s.Port, s.Dir, repository)
}

// InsideAddress is that of the repository in the server that Inside prepares. On the host, at the same address, answers
// the server with the same host key.
func (s *Server) InsideAddress() string {
	return fmt.Sprintf("ssh://agent@127.0.0.1:%d/workspace/server/a.git", s.Port)
}

// Inside prepares the same server in a folder that a sandbox has as its workspace: same port, same host key, a repository
// that the key opens. There `server/up` starts it and returns when it answers. The image is that of [ImageTar].
func (s *Server) Inside(t testing.TB, workspace, public string) {
	t.Helper()
	const seen = "/workspace/server"
	dir := filepath.Join(workspace, "server")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s.configure(t, dir, seen)
	Write(t, filepath.Join(dir, "authorized_keys"), lines(seen, "a.git", []string{public}), 0o600)
	key, err := os.ReadFile(s.hostKey())
	if err != nil {
		t.Fatal(err)
	}
	Write(t, filepath.Join(dir, "host_key"), string(key), 0o600)
	Run(t, "git", "init", "-q", "--bare", filepath.Join(dir, "a.git"))
	up := fmt.Sprintf("#!/bin/sh -e\n/usr/sbin/sshd -f %s/sshd_config -p %d -o ListenAddress=127.0.0.1 -E /tmp/sshd.log\n"+
		"until ssh-keyscan -p %d 127.0.0.1 2>/dev/null | grep -q ssh; do :; done\n", seen, s.Port, s.Port)
	Write(t, filepath.Join(dir, "up"), up, 0o755)
}

// ShortDir is a folder whose name leaves room for that of a socket.
func ShortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "key-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Write writes a file.
func Write(t testing.TB, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// Run runs a program that must succeed, and returns what it prints.
func Run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := Try(t, nil, name, args...)
	if err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
	return out
}

// Try runs a program without the person's own configuration and agent.
func Try(t testing.TB, env []string, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LANG=C.UTF-8", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org",
	}, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Repository makes a repository with one commit, and the address as its origin.
func Repository(t testing.TB, dir, address string) {
	t.Helper()
	Run(t, "git", "init", "-q", "-b", "main", dir)
	Run(t, "git", "-C", dir, "commit", "-q", "--allow-empty", "-m", "one")
	Run(t, "git", "-C", dir, "remote", "add", "origin", address)
}

func program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
	if err != nil {
		t.Fatalf("%s is missing; make deps installs it", name)
	}
	return path
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
