package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/sandbox/podman"
	"github.com/wrapix/wrapix/sandbox/profile"
)

const rootLong = `wrapix runs a command in a rootless container. The command sees one folder of the host, as /workspace, and may
write there; of everything else it has its own. It has no capability and no way to gain one. Without a command it is the
agent of wrapix.toml, Claude Code, on your terminal.

The command's exit code is the exit code of wrapix, and 128+N when signal N ended it. Otherwise:

    2    wrong usage, or a wrapix.toml that cannot be read
  125    wrapix could not make or follow the sandbox
  126    the command was found and could not be started
  127    the command was not found

With a terminal on standard input and output the command gets a terminal. Without, its three streams are passed on
apart. -t gives it a terminal in any case, of 80x24 where we have none, and -t=false none; -i=false is as < /dev/null.

SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 are passed on to the command.

With --rm=false the sandbox stays when the command has ended, and goes on when wrapix ends before it: by Ctrl-P Ctrl-Q, as
after podman run, or by SIGHUP. See wrapix ps, attach, exec, logs, stop and prune.

The tables [sandbox], [profiles] and [secrets] of DIR/wrapix.toml say what the sandbox looks like, as they do for ralph. What they
bring of the host into it, or open to it, needs approval: on a terminal wrapix asks, elsewhere see wrapix trust. What you
write on the command line takes the place of what stands there.`

const rootExample = `  wrapix -- make test
  wrapix ~/src/project -- bash
  wrapix -- sh -c 'cat; exit 3' < file | wc
  wrapix --mount ~/data:/data --env TZ -- ./analyse /data
  wrapix --network allowlist --allow deb.debian.org --allow '*.golang.org' -- make
  wrapix --rm=false -- bash
  wrapix --ports 8080 --host-ports 11434 -- ./serve`

// newRoot returns the command and its subcommands.
func newRoot(s streams) *cobra.Command {
	o := runOptions{streams: s}
	root := &cobra.Command{
		Use:           "wrapix [DIR] [--profile P] [-- COMMAND [ARG...]]",
		Short:         "Run a command in a sandbox that sees one folder",
		Long:          rootLong,
		Example:       rootExample,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.place(args, cmd.ArgsLenAtDash()); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	root.SetVersionTemplate("wrapix {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{what: err.Error(), try: cmd.CommandPath() + " --help"}
	})
	o.define(root)
	root.Flags().BoolVar(&o.remove, "rm", true, "remove the sandbox when the command has ended; --rm=false keeps it, running or not")
	o.passed.define(root)
	root.PersistentFlags().BoolVar(&o.allowRoot, "allow-root", false, "work as root too, where the sandbox is no boundary")
	connect := func(cmd *cobra.Command) (*podman.Engine, error) {
		return podman.Connect(cmd.Context(), podman.Options{AllowRoot: o.allowRoot})
	}
	root.AddCommand(newPs(connect), newPrune(connect), newImage(connect, o.streams), newProfile(), newTrust(o.streams), newKey(o.streams), newDoctor(&o), newEnv(&o), newMan())
	root.AddCommand(newAttach(connect, s), newExec(connect, s), newLogs(connect, s), newStop(connect))
	return root
}

// define adds the flags that say what the sandbox looks like.
func (o *runOptions) define(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.profile, "profile", profile.Base, "what the sandbox has installed: "+strings.Join(profile.Builtin().Names(), ", ")+", or one of wrapix.toml")
	cmd.Flags().BoolVar(&o.devcontainer, "from-devcontainer", false, "take image, packages, variables and ports of the folder's devcontainer.json, too")
	o.given.add(cmd)
	o.network.define(cmd)
	o.limits.define(cmd)
	o.changed = cmd.Flags().Changed
	o.network.given, o.limits.given = o.changed, o.changed
}

// place takes the folder and the command, if there is one, apart. dash is how many arguments stood before "--", or -1.
func (o *runOptions) place(args []string, dash int) error {
	before := args
	if dash >= 0 {
		before, o.command = args[:dash], args[dash:]
	}
	if len(before) > 1 {
		return &usageError{what: fmt.Sprintf("one folder expected, not %q", before), try: "wrapix [DIR] -- COMMAND"}
	}
	o.dir = "."
	if len(before) == 1 {
		o.dir = before[0]
	}
	fi, err := os.Stat(o.dir)
	switch {
	case err != nil && dash < 0:
		return &usageError{what: fmt.Sprintf("%q is neither a folder nor a command of wrapix", o.dir), try: "wrapix --help"}
	case err != nil:
		return &usageError{what: "use the folder " + o.dir + ": " + reason(err)}
	case !fi.IsDir():
		return &usageError{what: "use the folder " + o.dir + ": it is a file", try: "wrapix " + filepath.Dir(o.dir) + " -- COMMAND"}
	}
	return nil
}
