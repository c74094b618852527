// Wrapix runs a command in a rootless container that sees one folder of the host and nothing else of it.
//
// Each subcommand is a file of this folder: flags fill an options struct, one function does the work, one prints.
// What a sandbox is lies in package sandbox; this one only connects it with a person's terminal.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/wrapix/wrapix/trust"
)

// version is set by the linker.
var version = "unknown"

func main() {
	debug.SetGCPercent(400) // most runs end before the memory that they use is worth collecting
	os.Exit(run(os.Args[1:], std()))
}

// run is the whole program but for its process: it returns the exit code.
func run(args []string, s streams) int {
	ctx, stop := signal.NotifyContext(context.Background(), respected(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)...)
	defer stop()
	if err := trust.GuardPath("."); err != nil { // no command looks for a program of the host before this
		return report(s.err, err)
	}
	root := newRoot(s)
	root.SetArgs(args)
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	return report(s.err, root.ExecuteContext(ctx))
}
