package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/sandbox"
)

func newLogs(connect connectFunc, s streams) *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use:   "logs NAME",
		Short: "Print what a sandbox that was started with --rm=false has printed",
		Long: `logs prints what the command of a sandbox has printed that was started with --rm=false, running or not. NAME is one of
wrapix ps, or the start of one. On a terminal control characters are left out. A sandbox with [secrets] has no log,
which would have them too.`,
		Args:              oneName,
		ValidArgsFunction: completeNames(connect, func(s listed) bool { return s.Kept }),
		RunE: func(cmd *cobra.Command, args []string) error {
			engine, err := connect(cmd)
			if err != nil {
				return err
			}
			defer engine.Close()
			found, err := sandboxNamed(cmd.Context(), engine, args[0])
			if err != nil {
				return err
			}
			return logs(cmd.Context(), found, s, follow)
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the sandbox has ended")
	return cmd
}

func logs(ctx context.Context, s listed, to streams, follow bool) error {
	dir, err := keptDir(s.Name)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, logName)
	if _, err = os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		why := "it was not started with --rm=false"
		if s.Kept {
			why = "it has secrets, and a log would have them too"
		}
		return &usageError{what: fmt.Sprintf("%s has no log: %s", s.Name, why), try: "wrapix attach " + s.Name}
	}
	stdout, closeOut := shown(to.out)
	stderr, closeErr := shown(to.err)
	err = sandbox.ReadLog(ctx, path, stdout, stderr, follow)
	return errors.Join(err, closeOut(), closeErr())
}

// shown is a file, or a terminal that gets no control characters: the command that printed them had it then, not now.
func shown(f *os.File) (w io.Writer, end func() error) {
	if !isTerminal(f) {
		return f, func() error { return nil }
	}
	c := terminal.NewCleaner(f)
	return c, c.Close
}
