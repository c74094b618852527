package main

import (
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// streams are those of the process.
type streams struct{ in, out, err *os.File }

func std() streams { return streams{in: os.Stdin, out: os.Stdout, err: os.Stderr} }

// endOfInput is Ctrl-D: how the end of an input that has no keys is told on a terminal. After a line without an end the
// first is only that.
const endOfInput = "\x04\x04"

// streamFlags say what a command gets of our streams.
type streamFlags struct {
	interactive, tty bool
	changed          func(flag string) bool
}

func (f *streamFlags) define(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&f.interactive, "interactive", "i", true, "pass standard input on; -i=false: the command has an empty one")
	cmd.Flags().BoolVarP(&f.tty, "tty", "t", false, "give the command a terminal, also where we have none; -t=false: never; without: as we have one")
	f.changed = cmd.Flags().Changed
}

// terminal is that of the command, or nil where it gets its three streams apart.
func (f *streamFlags) terminal(s streams) *tty {
	switch {
	case !f.changed("tty") && f.interactive:
		return openTerminal(s)
	case !f.tty: // nothing said, and no keys: as with an input that is no terminal
		return nil
	}
	keys, screen := s.in, s.out
	if !f.interactive || !isTerminal(s.in) || !inForeground(s.in) {
		keys = nil
	}
	if !isTerminal(screen) {
		screen = s.in // which can be one as well
	}
	return newTTY(keys, screen)
}

// input is what the command gets to read, with the terminal that it has.
func (f *streamFlags) input(s streams, t *tty) io.Reader {
	var in io.Reader
	if f.interactive && (!isTerminal(s.in) || inForeground(s.in)) { // or to read from it would stop us
		in = s.in
	}
	switch {
	case t == nil || t.keys != nil:
		return in
	case in == nil:
		return strings.NewReader(endOfInput)
	}
	return io.MultiReader(in, strings.NewReader(endOfInput))
}
