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

// tty is what there is of our own terminal to a command's. All methods work on nil: the command has none.
type tty struct {
	keys    *os.File // our terminal, which the command takes over; nil where it gets no keys
	screen  *os.File // whose size is the command's, if it is a terminal
	before  *term.State
	resized chan sandbox.Size
	end     chan struct{} // nil when nothing is to be ended
	done    sync.WaitGroup
}

func newTTY(keys, screen *os.File) *tty {
	return &tty{keys: keys, screen: screen, resized: make(chan sandbox.Size)}
}

// openTerminal returns the terminal that standard input and output both are, or nil. A process in the background has
// none: it would be stopped at the first touch.
func openTerminal(s streams) *tty {
	if !isTerminal(s.in) || !isTerminal(s.out) || !inForeground(s.in) {
		return nil
	}
	return newTTY(s.in, s.out)
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// inForeground says whether the terminal is ours at present, and not that of the shell which started us with "&".
func inForeground(f *os.File) bool {
	group, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

func (t *tty) size() sandbox.Size {
	width, height, err := term.GetSize(int(t.screen.Fd()))
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
	if t.keys != nil {
		before, err := term.MakeRaw(int(t.keys.Fd()))
		if err != nil {
			return fmt.Errorf("set up the terminal: %w", err)
		}
		t.before = before
	}
	end := make(chan struct{})
	t.end = end
	changes := make(chan os.Signal, 1)
	signal.Notify(changes, unix.SIGWINCH)
	t.done.Go(func() {
		defer signal.Stop(changes)
		for {
			select {
			case t.resized <- t.size():
			case <-end:
				return
			}
			select {
			case <-changes:
			case <-end:
				return
			}
		}
	})
	return nil
}

// restore makes the terminal as it was before raw. It may be called again.
func (t *tty) restore() {
	if t == nil || t.end == nil {
		return
	}
	close(t.end)
	t.end = nil
	t.done.Wait()
	if t.before != nil {
		_ = term.Restore(int(t.keys.Fd()), t.before)
		t.before = nil
	}
}
