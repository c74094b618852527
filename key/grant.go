package key

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/wrapix/wrapix/internal/filesystem"
	"github.com/wrapix/wrapix/key/remote"
)

// Where a sandbox finds what belongs to its deploy key. All of it is mounted read-only.
const (
	insideSSH   = "/run/deploy-key/ssh"
	insideAgent = "/run/deploy-key/agent"
	insidePair  = "/run/deploy-key/key"
)

// hostAlias is the name of the pinned server in known_hosts, whatever its address and port.
const hostAlias = "deploy-key"

// Mount is a folder of the host that a sandbox sees, read-only.
type Mount struct{ Source, Dest string }

// Options say how a sandbox uses a key. The zero value is the safer way.
type Options struct {
	// File puts the key's file into the sandbox, where it can be read and copied. Else an agent signs on the host.
	File bool
	// Refused is told, once each, what the agent refused, in words of ours. It may be nil.
	Refused func(reason string)
}

// Grant lets sandboxes use a deploy key for as long as it is open.
type Grant struct {
	keys   *Store
	remote remote.Remote
	folder string
	o      Options
	agent  *Agent // nil with Options.File
}

// Open gives sandboxes the use of the repository's key. The folder is for this grant alone and holds what sandboxes see;
// after a crash the next process opens the same, and sandboxes that still run use the key again.
func (s *Store) Open(ctx context.Context, r remote.Remote, folder string, o Options) (*Grant, error) {
	k, err := s.Find(r)
	if err != nil {
		return nil, err
	}
	g := &Grant{keys: s, remote: r, folder: folder, o: o}
	for _, dir := range []string{g.sshDir(), g.agentDir()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("prepare the deploy key for sandboxes: %w", err)
		}
	}
	if o.File {
		return g, nil
	}
	signer, err := k.Signer(k.Current)
	if err != nil {
		return nil, err
	}
	g.agent, err = listenAgent(ctx, g.agentDir(), k, signer, o.Refused)
	return g, err
}

func (g *Grant) sshDir() string   { return filepath.Join(g.folder, "ssh") }
func (g *Grant) agentDir() string { return filepath.Join(g.folder, "agent") }

// Close takes the use of the key away. The folder stays, because sandboxes have it mounted.
func (g *Grant) Close() error {
	if g.agent == nil {
		return nil
	}
	return g.agent.Close()
}

// Place brings what sandboxes see up to date with the key, which may have been renewed, and returns what a new one gets.
func (g *Grant) Place() ([]Mount, map[string]string, error) {
	k, err := g.keys.Find(g.remote)
	if err != nil {
		return nil, nil, err
	}
	identity, mounts := insideSSH+"/"+publicName, []Mount{{g.sshDir(), insideSSH}}
	if g.o.File {
		identity, mounts = insidePair+"/"+privateName, append(mounts, Mount{k.Folder(k.Current), insidePair})
	} else {
		mounts = append(mounts, Mount{g.agentDir(), insideAgent})
	}
	for name, text := range map[string]string{
		"config":      clientConfig(k, identity, g.o.File),
		"known_hosts": hostAlias + " " + string(ssh.MarshalAuthorizedKey(k.Host)),
		publicName:    k.Current.Line(k.Remote) + "\n",
	} {
		if err := filesystem.Replace(filepath.Join(g.sshDir(), name), []byte(text)); err != nil {
			return nil, nil, fmt.Errorf("prepare the deploy key for sandboxes: %w", err)
		}
	}
	if g.agent != nil {
		signer, err := k.Signer(k.Current)
		if err != nil {
			return nil, nil, err
		}
		g.agent.use(signer)
	}
	return mounts, map[string]string{"GIT_SSH_COMMAND": "ssh -F " + insideSSH + "/config"}, nil
}

// clientConfig is the configuration of the ssh client inside. It is for whoever uses the key as it is meant: who does
// not finds the same on the host, in the agent.
func clientConfig(k Key, identity string, file bool) string {
	agent := insideAgent + "/" + SocketName
	if file {
		agent = "none"
	}
	host := k.Remote.Host
	var b strings.Builder
	fmt.Fprintf(&b, "# The deploy key of %s. Written by wrapix, anew for each sandbox.\n", k.Remote)
	fmt.Fprintf(&b, "Host %s\n", host)
	for _, line := range [][2]string{
		{"HostName", host},
		{"Port", strconv.Itoa(k.Remote.Port)},
		{"User", k.Remote.User},
		{"IdentityFile", identity},
		{"IdentitiesOnly", "yes"},
		{"IdentityAgent", agent},
		{"HostKeyAlias", hostAlias},
		{"HostKeyAlgorithms", strings.Join(algorithms(k.Host), ",")},
		{"UserKnownHostsFile", insideSSH + "/known_hosts"},
		{"GlobalKnownHostsFile", insideSSH + "/known_hosts"},
		{"StrictHostKeyChecking", "yes"},
		{"UpdateHostKeys", "no"},
		{"PreferredAuthentications", "publickey"},
		{"BatchMode", "yes"},
		{"ForwardAgent", "no"},
		{"ControlPath", "none"},
		{"ProxyCommand", "none"},
	} {
		fmt.Fprintf(&b, "  %s %s\n", line[0], line[1])
	}
	other := "this sandbox has a deploy key of " + net.JoinHostPort(host, strconv.Itoa(k.Remote.Port)) + " and reaches no other host over ssh"
	fmt.Fprintf(&b, "Host * !%s\n  ProxyCommand sh -c 'echo \"wrapix: %s\" >&2; exit 1'\n", host, other)
	return b.String()
}

// Hint is the command that makes a missing key, for errors of this package.
func Hint(r remote.Remote, err error) string {
	if errors.Is(err, ErrNone) {
		return "wrapix key create " + r.String()
	}
	return ""
}
