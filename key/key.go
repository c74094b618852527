// Package key keeps deploy keys: for each repository a key pair of its own, with which a sandbox can push to that
// repository and to nothing else.
//
//	keys, err := key.Open(project)
//	hosts, err := key.HostKeys(ctx, remote)            // a person says which of them is the right one
//	k, err := keys.Create(remote, hosts[0], time.Now())
//	grant, err := keys.Open(ctx, remote, folder, key.Options{})
//	mounts, env, err := grant.Place()                  // of each sandbox
//
// A key works on the server that was pinned when it was made. By default it never enters a sandbox: what runs there asks
// an agent of ours on the host ([Agent]), which signs logins to that server and nothing else. That it opens one
// repository only is the server's part: a deploy key is registered there with one repository.
//
// Keys lie in the user's state folder, outside of ~/.ssh and of every project:
//
//	$XDG_STATE_HOME/wrapix/keys/<host>-<name>-<hash>/
//	    key.json              remote, pinned host key, which pair is in use, which waits to be
//	    <n>/id_ed25519        the n-th pair, never used again
//	    <n>/id_ed25519.pub
//
// Every change is a file or folder that is whole and synced before it gets its name.
package key

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/wrapix/wrapix/key/remote"
	"github.com/wrapix/wrapix/trust"
)

// OldAfter is the age from which on a key should be exchanged.
const OldAfter = 90 * 24 * time.Hour

// What callers decide on.
var (
	// ErrNone says that there is no key for a repository.
	ErrNone = errors.New("there is no deploy key")
	// ErrExists says that there is one already.
	ErrExists = errors.New("there is a deploy key already")
	// ErrDamaged says that what lies in the folder of keys is not what this package wrote.
	ErrDamaged = errors.New("the deploy key is damaged")
)

// Public is a public key, of a pair or of a server.
type Public = ssh.PublicKey

// Fingerprint names a public key as ssh and web pages do.
func Fingerprint(p Public) string { return ssh.FingerprintSHA256(p) }

// Key is the deploy key of one repository.
type Key struct {
	Remote  remote.Remote
	Host    Public // of the server, as a person confirmed it
	Current Pair
	Next    *Pair // one that takes the current one's place once the server knows it
	Dir     string
}

// Pair is one key pair. Its private half stays in its file.
type Pair struct {
	Number  int
	Created time.Time
	Public  Public
}

// Bare is the public half as one line without a title.
func (p Pair) Bare() string { return bare(p.Public) }

func bare(p Public) string { return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(p))) }

// Old tells whether the key should be exchanged.
func (k Key) Old(now time.Time) bool { return now.Sub(k.Current.Created) >= OldAfter }

// Days is how many days the key is in use.
func (k Key) Days(now time.Time) int { return int(now.Sub(k.Current.Created) / (24 * time.Hour)) }

// Line is the public half as servers take it.
func (p Pair) Line(r remote.Remote) string {
	return p.Bare() + " " + Title(r)
}

// Title names the keys of a repository where they are registered.
func Title(r remote.Remote) string { return "wrapix:" + r.Slug() }

// Folder is where a pair's two files lie.
func (k Key) Folder(p Pair) string { return filepath.Join(k.Dir, strconv.Itoa(p.Number)) }

// PublicFile is the file of a pair's public half.
func (k Key) PublicFile(p Pair) string { return filepath.Join(k.Folder(p), publicName) }

// Store is the folder of all keys of a user.
type Store struct {
	home string // the user's folder of state
	dir  string
}

// Open returns the user's folder of keys, which need not exist. One that the agent of the project could reach is
// refused; project may be empty.
func Open(project string) (*Store, error) {
	home := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(home) { // the XDG specification wants relative paths ignored
		user, err := os.UserHomeDir()
		if err != nil {
			return nil, fmt.Errorf("find the folder of deploy keys: %w", err)
		}
		home = filepath.Join(user, ".local", "state")
	}
	s := &Store{home: filepath.Clean(home), dir: filepath.Join(home, "wrapix", "keys")}
	if project != "" {
		if err := trust.Outside(project, s.dir); err != nil {
			return nil, fmt.Errorf("keep deploy keys in %s: %w", s.dir, err)
		}
	}
	return s, nil
}

// Dir is the folder's path.
func (s *Store) Dir() string { return s.dir }

// List returns all keys, by the names of their repositories. The error is about those that it leaves out.
func (s *Store) List() ([]Key, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list deploy keys: %w", err)
	}
	var keys []Key
	var failed []error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		k, err := load(filepath.Join(s.dir, e.Name()))
		if err != nil {
			failed = append(failed, err)
			continue
		}
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b Key) int { return strings.Compare(a.Remote.Name(), b.Remote.Name()) })
	return keys, errors.Join(failed...)
}

// Find returns the key of a repository, or [ErrNone].
func (s *Store) Find(r remote.Remote) (Key, error) {
	k, err := load(s.Folder(r))
	if errors.Is(err, fs.ErrNotExist) {
		return Key{}, fmt.Errorf("%w for %s", ErrNone, r)
	}
	if err == nil && k.Remote.Name() != r.Name() {
		return Key{}, fmt.Errorf("%w: %s is about %s", ErrDamaged, k.Dir, k.Remote)
	}
	return k, err
}

// Folder is where the key of a repository lies, or would. Its name is for people, with a hash of the whole address to be
// unique.
func (s *Store) Folder(r remote.Remote) string {
	name := strings.Map(func(c rune) rune {
		if strings.ContainsRune("-_.", c) || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
			return c
		}
		return '_'
	}, r.Host+"-"+filepath.Base(r.Slug()))
	return filepath.Join(s.dir, fmt.Sprintf("%s-%.6x", name[:min(len(name), 60)], sha256.Sum256([]byte(r.Name()))))
}
