package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/sandbox/frame"
)

// attached runs the one command on the guest's own streams, and returns its exit code, as a shell would.
func attached(job frame.Job) int {
	if err := unchanged(job.Same); err != nil {
		fail("%v", err)
	}
	known, err := readSecrets(job.Secrets)
	if err != nil {
		fail("%v", err)
	}
	putFiles(job.Files)
	if err := forward(job.Net); err != nil {
		fail("%v", err)
	}
	if len(job.Commands) != 1 {
		fail("one command expected, got %d", len(job.Commands))
	}
	// A group of its own, so that signals reach what the command started too; in the foreground of a terminal.
	attr := &syscall.SysProcAttr{Setpgid: true}
	var stopped func()
	if _, err := unix.IoctlGetTermios(0, unix.TCGETS); err == nil {
		attr = &syscall.SysProcAttr{Foreground: true, Ctty: 0}
		awaitSize()
		stopped = func() { _, _ = os.Stdout.WriteString(frame.StoppedMark) }
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGCONT, frame.StopSignal)
	started, killed := time.Now(), memoryKills(job.Memory)
	pid, err := start(job.Commands[0], known, limitsOf(job), [3]uintptr{0, 1, 2}, attr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "wrapix:", err)
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			return 127
		}
		return 126
	}
	if job.Memory != nil && !job.Memory.Kernel {
		go guardMemory(*job.Memory, func(reason string) {
			fmt.Fprintf(os.Stderr, "wrapix: memory_limit: %s\n", reason)
			syscall.Kill(-1, syscall.SIGKILL)
		})
	}
	go func() {
		for s := range signals {
			if s == frame.StopSignal { // which means something to us only
				s = syscall.SIGTERM
			}
			syscall.Kill(-pid, s.(syscall.Signal))
		}
	}()
	status := wait(pid, stopped)
	signal.Stop(signals)
	killAll()
	e := exit("", status, started, time.Now())
	if killedForMemory(e, killed, memoryKills(job.Memory)) {
		fmt.Fprintf(os.Stderr, "wrapix: memory_limit: %s\n", kernelReason(*job.Memory))
	}
	return e.Code
}

// awaitSize waits for the host to tell the terminal's size, which it can only once we run. A command that looked before
// would see a terminal of no columns.
func awaitSize() {
	changes := make(chan os.Signal, 1)
	signal.Notify(changes, syscall.SIGWINCH)
	defer signal.Stop(changes)
	enough := time.After(time.Second)
	for {
		if size, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ); err != nil || size.Col > 0 {
			return
		}
		select {
		case <-changes:
		case <-enough:
			return
		}
	}
}
