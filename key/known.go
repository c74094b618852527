package key

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/wrapix/wrapix/key/remote"
)

// ErrOtherHost says that the person's own ssh knows the server by another key.
var ErrOtherHost = errors.New("your own ~/.ssh/known_hosts has another key for it")

// Known tells whether the person's own ssh knows the server by this key already. The error is [ErrOtherHost] where it
// knows it by another one of the same kind.
func Known(r remote.Remote, host Public) (bool, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return false, nil // who has no home has no list
	}
	path := filepath.Join(home, ".ssh", "known_hosts")
	check, err := knownhosts.New(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %s: %w", path, err)
	}
	err = check(r.Address(), &net.TCPAddr{IP: net.ParseIP(r.Host), Port: r.Port}, host)
	var other *knownhosts.KeyError
	switch {
	case err == nil:
		return true, nil
	case !errors.As(err, &other):
		return false, fmt.Errorf("%w: %w", ErrOtherHost, err) // a revoked one
	}
	var same []string
	for _, w := range other.Want {
		if w.Key.Type() == host.Type() {
			same = append(same, Fingerprint(w.Key))
		}
	}
	if len(same) > 0 {
		return false, fmt.Errorf("%w: %s", ErrOtherHost, strings.Join(same, ", "))
	}
	return false, nil
}
