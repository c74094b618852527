package doctor

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/wrapix/wrapix/sandbox"
)

// mendGrace is what a fix gets to end by itself when it is interrupted.
const mendGrace = 10 * time.Second

// Mend runs the fix of a finding that the user can run, and lets output have what it prints. wrapix is the program that is
// meant where the fix is a command of wrapix.
func Mend(ctx context.Context, f sandbox.Finding, wrapix string, output io.Writer) error {
	if f.By != sandbox.ByUser {
		return fmt.Errorf("%s: not for a program to run", f.Fix)
	}
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", f.Fix)
	if args, ours := strings.CutPrefix(f.Fix, "wrapix "); ours {
		cmd = exec.CommandContext(ctx, wrapix, strings.Fields(args)...)
	}
	cmd.Stdout, cmd.Stderr = output, output
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = mendGrace
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run %s: %w", f.Fix, err)
	}
	return nil
}
