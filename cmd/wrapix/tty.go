package main

import (
	"fmt"
	"os"
	"os/signal"
	"sync"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/wrapix/wrapix/sandbox"
)

// streams are those of the process.
type streams struct{ in, out, err *os.File }

func std() streams { return streams{in: os.Stdin, out: os.Stdout, err: os.Stderr} }

// tty is the terminal that a command takes over. All methods work on nil, which is no terminal.
type tty struct {
	in, out *os.File
	before  *term.State
	resized chan sandbox.Size
	end     chan struct{}
	done    sync.WaitGroup
}

// openTerminal returns the terminal that standard input and output both are, or nil. A process in the background has
// none: it would be stopped at the first touch.
func openTerminal(s streams) *tty {
	if !isTerminal(s.in) || !isTerminal(s.out) || !inForeground(s.in) {
		return nil
	}
	return &tty{in: s.in, out: s.out, resized: make(chan sandbox.Size), end: make(chan struct{})}
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// inForeground says whether the terminal is ours at present, and not that of the shell which started us with "&".
func inForeground(f *os.File) bool {
	group, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

func (t *tty) size() sandbox.Size {
	width, height, err := term.GetSize(int(t.out.Fd()))
	if err != nil {
		return sandbox.Size{Width: 80, Height: 24}
	}
	return sandbox.Size{Width: width, Height: height}
}

// raw gives every key to the command, and begins to tell the terminal's size.
func (t *tty) raw() error {
	if t == nil {
		return nil
	}
	before, err := term.MakeRaw(int(t.in.Fd()))
	if err != nil {
		return fmt.Errorf("set up the terminal: %w", err)
	}
	t.before = before
	changes := make(chan os.Signal, 1)
	signal.Notify(changes, unix.SIGWINCH)
	t.done.Go(func() {
		defer signal.Stop(changes)
		for {
			select {
			case t.resized <- t.size():
			case <-t.end:
				return
			}
			select {
			case <-changes:
			case <-t.end:
				return
			}
		}
	})
	return nil
}

// restore makes the terminal as it was before raw. It may be called again.
func (t *tty) restore() {
	if t == nil || t.before == nil {
		return
	}
	close(t.end)
	t.done.Wait()
	_ = term.Restore(int(t.in.Fd()), t.before)
	t.before = nil
}
