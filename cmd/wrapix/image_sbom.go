package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/image"
)

const (
	// mostBill bounds what an image may say of its packages: some times what a full desktop has.
	mostBill = 16 << 20
	// billTime is how long it may take for that.
	billTime = time.Minute
)

// printBill has a sandbox read the list of packages, and prints the image's bill of materials. The sandbox has nothing of
// the host: what runs in it belongs to the image.
func printBill(ctx context.Context, rt sandbox.Runtime, w io.Writer, shown image.Shown) error {
	text, err := readBill(ctx, rt, shown.Ref)
	if err != nil {
		return &codeError{exitSandbox, fmt.Errorf("read the packages of %s: %w", shown.Ref, err)}
	}
	bill, err := image.ReadBill(bytes.NewReader(text))
	if err != nil {
		return err
	}
	if len(bill.Packages) == 0 {
		return fmt.Errorf("%s has no packages of Debian's package manager", shown.Ref)
	}
	return bill.Write(w, shown)
}

func readBill(ctx context.Context, rt sandbox.Runtime, ref string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, billTime)
	defer cancel()
	name := sandboxName("sbom")
	held, err := newClaim(name)
	if err != nil {
		return nil, err
	}
	defer held.release()
	command := image.BillCommand()
	out := &bounded{max: mostBill, over: cancel}
	code, err := sandbox.RunAttached(ctx, rt, sandbox.Spec{
		Name: name, Image: ref, Network: sandbox.NetworkNone,
		Labels:   map[string]string{labelOurs: "1", labelLock: held.path, labelCommand: strings.Join(command, " ")},
		Limits:   sandbox.Limits{MemoryBytes: 256 << 20, Pids: 100},
		Commands: []sandbox.Command{{Name: "packages", Args: command}},
	}, sandbox.Streams{Stdout: out})
	switch {
	case out.full:
		return nil, errors.New("the image says more than any list of packages has")
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, fmt.Errorf("the image took more than %s", billTime)
	case err != nil:
		return nil, err
	case code > 1 || code == 1 && len(out.kept) == 0: // 1 is one of the files that is not there
		return nil, fmt.Errorf("it has none that can be read (exit code %d)", code)
	}
	return out.kept, nil
}

// bounded keeps what is written to it, and calls over when that is too much.
type bounded struct {
	kept []byte // no bytes.Buffer: that would read for itself
	max  int
	over func()
	full bool
}

// Write keeps p, unless there is no room for it.
func (b *bounded) Write(p []byte) (int, error) {
	if b.full || len(b.kept)+len(p) > b.max {
		b.full = true
		b.over()
		return len(p), nil
	}
	b.kept = append(b.kept, p...)
	return len(p), nil
}
