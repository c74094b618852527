package sandbox

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
)

// Secret is a value that a sandbox is given in a file. It is nowhere else: not in what can be asked about the container,
// not in a command line, and not in anything that is recorded.
type Secret struct {
	Name  string
	Value []byte
}

// The lengths of a secret, without a line end after it. A shorter one could not be told from ordinary text, so it could
// not be kept out of a transcript; a longer one is more than the engines take.
const (
	MinSecret = 8
	MaxSecret = 500_000
)

var secretName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// Check says why it cannot be a secret. The error does not tell its value.
func (s Secret) Check() error {
	if !secretName.MatchString(s.Name) {
		return fmt.Errorf("the name of a secret is that of a variable, of at most 64 characters, and not %q", s.Name)
	}
	if n := len(bytes.TrimRight(s.Value, "\r\n")); n < MinSecret || len(s.Value) > MaxSecret {
		return fmt.Errorf("the secret %s has %d bytes; want %d to %d: a shorter one could not be kept out of what is recorded", s.Name, n, MinSecret, MaxSecret)
	}
	return nil
}

func (s Spec) checkSecrets() error {
	names := make([]string, 0, len(s.Secrets))
	for _, secret := range s.Secrets {
		if err := secret.Check(); err != nil {
			return err
		}
		if slices.Contains(names, secret.Name) {
			return fmt.Errorf("two secrets are called %s", secret.Name)
		}
		names = append(names, secret.Name)
	}
	for _, c := range s.Commands {
		for _, name := range c.Secrets {
			if !slices.Contains(names, name) {
				return fmt.Errorf("command %q wants the secret %s, which there is not", c.Name, name)
			}
		}
	}
	return nil
}
