package given

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/trust"
)

// patience is how long a program may take to print a secret: it may have to ask a server, and nobody is there to type.
const patience = time.Minute

// Secrets finds the secrets. Errors tell which one could not be had, and never anything of its value.
func (h Host) Secrets(ctx context.Context, list []config.SandboxSecret) ([]sandbox.Secret, error) {
	var out []sandbox.Secret
	for _, s := range list {
		value, err := h.secret(ctx, s)
		found := sandbox.Secret{Name: s.Name, Value: value}
		if err == nil {
			err = found.Check()
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			return nil, &sandbox.Error{Op: "find the secret " + s.Name, Err: err, Hint: "see [secrets] in " + config.FileName}
		}
		out = append(out, found)
	}
	return out, nil
}

func (h Host) secret(ctx context.Context, s config.SandboxSecret) ([]byte, error) {
	switch {
	case s.File != "":
		return h.fromFile(s.File)
	case s.Env != "":
		value, ok := os.LookupEnv(s.Env)
		if !ok {
			return nil, fmt.Errorf("the variable %s is not set", s.Env)
		}
		return []byte(value), nil
	}
	return h.fromCommand(ctx, s.Command)
}

func (h Host) fromFile(name string) ([]byte, error) {
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, err
		}
		name = filepath.Join(home, rest)
	}
	if err := trust.Outside(h.Project, name); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
		return nil, errors.Join(err, fmt.Errorf("%s is no regular file", name))
	}
	return io.ReadAll(io.LimitReader(f, sandbox.MaxSecret+1))
}

// fromCommand runs a program of the host, which has no terminal and nothing of the project. What it says on standard
// error is dropped: it may be the secret, or a part of it.
func (h Host) fromCommand(ctx context.Context, args []string) ([]byte, error) {
	if err := trust.Outside(h.Project, args[0]); err != nil {
		return nil, fmt.Errorf("%s: %w", args[0], err)
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var output bytes.Buffer
	cmd := exec.CommandContext(limited, args[0], args[1:]...)
	cmd.Dir, cmd.Stdout = "/", &bounded{to: &output, left: sandbox.MaxSecret + 1}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case limited.Err() != nil:
		return nil, fmt.Errorf("%s took longer than %s and was killed", args[0], patience)
	case errors.As(err, &exit):
		return nil, fmt.Errorf("%s ended with %s; run it by hand to see why", args[0], exit.ProcessState)
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		return nil, err
	}
	return output.Bytes(), nil
}

// bounded keeps the first bytes, and drops the others.
type bounded struct {
	to   *bytes.Buffer
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	n := min(len(p), b.left)
	b.to.Write(p[:n])
	b.left -= n
	return len(p), nil
}
