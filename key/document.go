package key

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/key/remote"
)

// document is key.json.
type document struct {
	Schema  int           `json:"schema"`
	Remote  string        `json:"remote"`
	Host    string        `json:"host_key"`
	Current pairDocument  `json:"current"`
	Next    *pairDocument `json:"next"`
}

type pairDocument struct {
	Number  int       `json:"number"`
	Created time.Time `json:"created"`
	Public  string    `json:"public_key"`
}

const (
	documentName = "key.json"
	privateName  = "id_ed25519"
	publicName   = privateName + ".pub"
)

// maxDocument bounds key.json, whose lines are short.
const maxDocument = 64 << 10

// load reads a key's folder. The error is fs.ErrNotExist where there is none.
func load(dir string) (Key, error) {
	text, err := readSmall(filepath.Join(dir, documentName))
	if err != nil {
		return Key{}, err
	}
	k, err := parse(text)
	if err != nil {
		return Key{}, fmt.Errorf("%w: %s: %w", ErrDamaged, filepath.Join(dir, documentName), err)
	}
	k.Dir = dir
	return k, nil
}

func readSmall(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	fi, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !fi.Mode().IsRegular() || fi.Size() > maxDocument:
		return nil, fmt.Errorf("%w: %s is no small file", ErrDamaged, path)
	case fi.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("%w: others can open %s; make a new key, because this one may be known", ErrDamaged, path)
	}
	text := make([]byte, fi.Size())
	n, err := f.ReadAt(text, 0)
	if n == len(text) {
		err = nil
	}
	return text[:n], err
}

func parse(text []byte) (k Key, err error) {
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		return k, err
	}
	if d.Schema != 1 {
		return k, fmt.Errorf("its schema is %d", d.Schema)
	}
	if k.Remote, err = remote.Parse(d.Remote); err != nil {
		return k, err
	}
	if k.Host, err = parsePublic(d.Host); err != nil {
		return k, fmt.Errorf("host key: %w", err)
	}
	if k.Current, err = d.Current.pair(); err == nil && d.Next != nil {
		var next Pair
		next, err = d.Next.pair()
		k.Next = &next
	}
	return k, err
}

func parsePublic(line string) (ssh.PublicKey, error) {
	public, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(line))
	if err == nil && len(rest) > 0 {
		err = errors.New("more than one line")
	}
	return public, err
}

func (d pairDocument) pair() (Pair, error) {
	public, err := parsePublic(d.Public)
	if err == nil && (d.Number < 1 || public.Type() != ssh.KeyAlgoED25519) {
		err = errors.New("no pair of this program")
	}
	return Pair{Number: d.Number, Created: d.Created, Public: public}, err
}

func (p Pair) document() pairDocument {
	return pairDocument{Number: p.Number, Created: p.Created, Public: p.Bare()}
}

func (k Key) document() ([]byte, error) {
	d := document{
		Schema: 1, Remote: k.Remote.String(), Host: bare(k.Host), Current: k.Current.document(),
	}
	if k.Next != nil {
		next := k.Next.document()
		d.Next = &next
	}
	text, err := json.MarshalIndent(d, "", "  ")
	return append(text, '\n'), err
}
