// Command ralph takes a Markdown spec through a durable workflow of sandboxed steps.
//
// The way from a command to a container: main.go makes the context that Ctrl-C ends, root.go the commands. Each command
// has a file of its own, with a struct of its options and a run function. What it works on is opened in project.go (the
// project's folder, configuration and store) and, where something has to run, in session.go (Podman, the steps, the
// engine's runner). exit.go decides every exit code.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/wrapix/wrapix/internal/terminal"
)

// version is set by the linker.
var version = "development"

func main() {
	// Most commands end before the memory that they use is worth collecting; this begins at 16 MB instead of 4.
	debug.SetGCPercent(400)
	ctx, stop := interruptible(context.Background())
	code := execute(ctx, terminal.System(), os.Args[1:])
	stop()
	os.Exit(code)
}

// interruptible returns a context that the first Ctrl-C, SIGTERM or SIGHUP ends, so that what runs can be stopped in
// order and recorded. The second ends the process at once: whatever instant that is, the state is right. SIGHUP is left
// alone where whoever started us wants it ignored, as nohup does.
func interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		<-signals
		cancel()
		<-signals
		os.Exit(exitInterrupted)
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel()
	}
}
