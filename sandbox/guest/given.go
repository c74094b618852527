package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/wrapix/wrapix/sandbox/frame"
)

// readSecrets reads the files of the secrets.
func readSecrets(names []string) (secrets, error) {
	known := make(secrets, len(names))
	for _, name := range names {
		value, err := os.ReadFile(filepath.Join(frame.SecretsDir, name))
		if err != nil {
			return nil, fmt.Errorf("read the secret %s: %w", name, err)
		}
		known[name] = value
	}
	return known, nil
}

// env returns the variables of a command that gets these secrets. A line end after a value is the file's, not the
// value's.
func (s secrets) env(names []string) (env []string, err error) {
	for _, name := range names {
		value, ok := s[name]
		if !ok {
			return nil, fmt.Errorf("there is no secret %s", name)
		}
		if bytes.IndexByte(value, 0) >= 0 {
			return nil, fmt.Errorf("the secret %s has a NUL byte, so it cannot be a variable", name)
		}
		env = append(env, name+"="+string(bytes.TrimRight(value, "\r\n")))
	}
	return env, nil
}

// putFiles puts small files in place. Where something is already, or a mount does not let us, the sandbox has its own.
func putFiles(files []frame.File) {
	for _, f := range files {
		if os.MkdirAll(filepath.Dir(f.Path), 0o700) != nil {
			continue
		}
		to, err := os.OpenFile(f.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			continue
		}
		to.WriteString(f.Text)
		to.Close()
	}
}
