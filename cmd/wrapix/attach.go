package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/sandbox"
)

func newAttach(connect connectFunc, s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "attach NAME",
		Short: "See the terminal of a sandbox that runs, and type in it",
		Long: `attach connects this terminal with that of a sandbox that runs. NAME is one of wrapix ps, or the start of one. Ctrl-P
Ctrl-Q lets go of it again; neither that nor the end of attach in any other way ends what runs there. When the command
ends, its exit code is that of attach.

Where the sandbox has no terminal, or this one is none, attach only shows what is printed from now on.`,
		Args:              oneName,
		ValidArgsFunction: completeNames(connect, isRunning),
		RunE: func(cmd *cobra.Command, args []string) error {
			engine, err := connect(cmd)
			if err != nil {
				return err
			}
			defer engine.Close()
			found, err := runningNamed(cmd.Context(), engine, args[0])
			if err != nil {
				return err
			}
			return attach(cmd.Context(), engine, found, s)
		},
	}
}

func attach(ctx context.Context, rt sandbox.Runtime, found listed, s streams) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	streams := sandbox.Streams{Stdout: s.out, Stderr: s.err, Terminal: found.Terminal, Watch: true}
	if t := openTerminal(s); t != nil && found.Terminal {
		if err := t.raw(); err != nil {
			return err
		}
		defer t.restore()
		streams.Watch = false
		streams.Stdin = &detachable{from: s.in, detach: func() { cancel(errDetached) }}
		streams.Resize = t.resized
		streams.Stdout = &suspendable{to: s.out, tty: t, goOn: func() { _ = rt.Signal(ctx, found.Name, "SIGCONT") }}
		// Another size than it has: then ours is a change, at which programs draw their screen anew.
		size := t.size()
		size.Height++
		_ = rt.Resize(ctx, found.Name, size) // no reason not to attach
		code, err := sandbox.Reattach(ctx, rt, found.Name, streams)
		t.restore()
		if errors.Is(context.Cause(ctx), errDetached) {
			goesOn(s, found.Name)
			return nil
		}
		return ended(code, err)
	}
	return ended(sandbox.Reattach(ctx, rt, found.Name, streams))
}

// ended is what becomes of a command's end.
func ended(code int, err error) error {
	switch {
	case err == nil:
		return &codeError{code: code}
	case errors.Is(err, context.Canceled):
		return err
	}
	return &codeError{code: exitSandbox, err: err}
}

// goesOn says how to come back to a sandbox.
func goesOn(s streams, name string) {
	fmt.Fprintln(s.err, terminal.Line("wrapix: "+name+" goes on; to see it again: wrapix attach "+name))
}
