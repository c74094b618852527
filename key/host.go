package key

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/wrapix/wrapix/key/remote"
)

// answerTime bounds one conversation with a server.
const answerTime = 20 * time.Second

// hostKinds are the kinds of host keys, the one that we would rather have first.
var hostKinds = [][]string{
	{ssh.KeyAlgoED25519},
	{ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521},
	{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256},
}

// published are host keys that their owners publish on their web sites, by host.
var published = map[string]string{
	"github.com": "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU",
}

// Published tells whether this is the host key that the owner of the host publishes, as far as this program knows.
func Published(host string, k Public) bool {
	return published[host] != "" && published[host] == Fingerprint(k)
}

// algorithms are the ways in which a server with this key may sign. The one with SHA-1 is not among them.
func algorithms(k ssh.PublicKey) []string {
	if k.Type() == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{k.Type()}
}

// HostKeys asks the server for its host keys, and proves that it has them. Who the server is, a person must say.
func HostKeys(ctx context.Context, r remote.Remote) ([]Public, error) {
	var keys []Public
	var last error
	for _, kind := range hostKinds {
		seen := errors.New("seen")
		var found ssh.PublicKey
		config := &ssh.ClientConfig{User: r.User, HostKeyAlgorithms: kind, HostKeyCallback: func(_ string, _ net.Addr, k ssh.PublicKey) error {
			found = k
			return seen
		}}
		client, err := dial(ctx, r, config)
		if client != nil {
			client.Close()
		}
		var network net.Error
		// A server that has answered once may take the next questions for an attack; one answer is enough.
		if len(keys) == 0 && found == nil && (errors.As(err, &network) || ctx.Err() != nil) {
			return nil, fmt.Errorf("ask %s for its host key: %w", r.Address(), err)
		}
		if found != nil {
			keys = append(keys, found)
		}
		last = err
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("ask %s for its host key: %w", r.Address(), last)
	}
	return keys, nil
}

// ErrRefused says that a server does not let a pair push.
var ErrRefused = errors.New("the server refuses the key")

// Try finds out whether the server lets a pair push to the repository: it asks for a push, and pushes nothing.
func Try(ctx context.Context, k Key, p Pair) error {
	signer, err := k.Signer(p)
	if err != nil {
		return err
	}
	client, err := dial(ctx, k.Remote, &ssh.ClientConfig{
		User: k.Remote.User, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyAlgorithms: algorithms(k.Host), HostKeyCallback: ssh.FixedHostKey(k.Host),
	})
	if err != nil && strings.Contains(err.Error(), "unable to authenticate") {
		return fmt.Errorf("%w: it does not know it", ErrRefused)
	}
	if err != nil {
		return fmt.Errorf("try the deploy key: %w", err)
	}
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return fmt.Errorf("try the deploy key: %w", err)
	}
	defer session.Close()
	var said limited
	session.Stderr = &said
	out, err := session.StdoutPipe()
	if err == nil {
		err = session.Start("git-receive-pack '" + strings.ReplaceAll(k.Remote.Path, "'", `'\''`) + "'")
	}
	if err != nil {
		return fmt.Errorf("try the deploy key: %w", err)
	}
	// A server that is ready tells its branches, as lines with their length in front; one that is not says why.
	head := make([]byte, 4)
	_, err = io.ReadFull(out, head)
	if err == nil && strings.Trim(string(head), "0123456789abcdefABCDEF") == "" {
		return nil
	}
	_ = session.Wait()
	return fmt.Errorf("%w for a push: %s", ErrRefused, strings.TrimSpace(said.text))
}

// limited keeps the beginning of what a server says.
type limited struct{ text string }

func (l *limited) Write(b []byte) (int, error) {
	l.text += string(b[:min(len(b), 400-min(400, len(l.text)))])
	return len(b), nil
}

// dial connects, and is done within the time even where the server is silent.
func dial(ctx context.Context, r remote.Remote, config *ssh.ClientConfig) (*ssh.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", r.Address())
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	c, channels, requests, err := ssh.NewClientConn(conn, r.Address(), config)
	if err != nil {
		conn.Close()
		return nil, errors.Join(ctx.Err(), err)
	}
	if err := conn.SetDeadline(time.Now().Add(answerTime)); err != nil { // for what follows
		c.Close()
		return nil, err
	}
	return ssh.NewClient(c, channels, requests), nil
}

// Choose returns the host key with this fingerprint; without one, that which we would rather have.
func Choose(keys []Public, fingerprint string) (Public, error) {
	if fingerprint == "" {
		return keys[0], nil
	}
	i := slices.IndexFunc(keys, func(k Public) bool { return Fingerprint(k) == fingerprint })
	if i >= 0 {
		return keys[i], nil
	}
	var all []string
	for _, k := range keys {
		all = append(all, Fingerprint(k))
	}
	return nil, fmt.Errorf("the server does not have the host key %s; it shows %s", fingerprint, strings.Join(all, ", "))
}
