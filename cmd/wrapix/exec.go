package main

import (
	"context"
	"os"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/sandbox"
)

func newExec(connect connectFunc, s streams) *cobra.Command {
	var given givenFlags
	var passed streamFlags
	cmd := &cobra.Command{
		Use:   "exec NAME -- COMMAND [ARG...]",
		Short: "Run a further command in a sandbox that runs",
		Long: `exec runs a command in a sandbox that runs, beside what runs there: as the same user, in the same folder, with the same
variables, secrets and limits. NAME is one of wrapix ps, or the start of one. Terminal, streams, signals and exit code are
as with wrapix -- COMMAND. The command ends with the sandbox at the latest.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if cmd.ArgsLenAtDash() != 1 || len(args) < 2 {
				return &usageError{what: "a name and a command expected", try: "wrapix exec NAME -- COMMAND, with a name of wrapix ps"}
			}
			return nil
		},
		ValidArgsFunction: completeNames(connect, isRunning),
		RunE: func(cmd *cobra.Command, args []string) error {
			env, err := given.variables()
			if err != nil {
				return err
			}
			engine, err := connect(cmd)
			if err != nil {
				return err
			}
			defer engine.Close()
			found, err := runningNamed(cmd.Context(), engine, args[0])
			if err != nil {
				return err
			}
			return further(cmd.Context(), engine, found.Name, args[1:], env, s, passed)
		},
	}
	cmd.Flags().StringArrayVar(&given.env, "env", nil, "set a variable: NAME=VALUE, or NAME for the host's value")
	passed.define(cmd)
	return cmd
}

// further runs the command, with the signals and the terminal that are ours.
func further(ctx context.Context, rt sandbox.Runtime, name string, args []string, env map[string]string, s streams, flags streamFlags) error {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	signals := listen(cancel)
	defer signals.stop()
	passed := make(chan syscall.Signal, 32)
	t := flags.terminal(s)
	streams := sandbox.Streams{Stdin: flags.input(s, t), Stdout: s.out, Stderr: s.err, Signals: passed}
	if t != nil {
		streams.Terminal, streams.Resize = true, t.resized
		if kind := os.Getenv("TERM"); kind != "" && env["TERM"] == "" {
			env["TERM"] = kind
		}
	}
	if err := t.raw(); err != nil {
		return err
	}
	defer t.restore()
	signals.giveTo(func(sig syscall.Signal) {
		select {
		case passed <- sig:
		default: // so many that nobody can miss one
		}
		if sig == syscall.SIGHUP && t != nil { // the terminal is gone
			time.AfterFunc(hangupGrace, func() { cancel(&signalError{sig}) })
		}
	})
	code, err := rt.Exec(ctx, name, args, env, streams)
	signals.take()
	t.restore()
	if cause, ok := context.Cause(ctx).(*signalError); ok {
		return &codeError{code: 128 + int(cause.signal)}
	}
	return ended(code, err)
}
