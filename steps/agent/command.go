package agent

import "github.com/wrapix/wrapix/sandbox"

// Command is any program that reads a prompt and prints: its output is for people as it is, and its signal a line of it.
type Command struct {
	Args []string // program and arguments
}

var _ Driver = Command{}

// Kind is "command".
func (c Command) Kind() string { return "command" }

// Launch starts the program with the prompt on standard input.
func (c Command) Launch(t Turn) Launch {
	return Launch{Command: sandbox.Command{Name: "agent", Args: c.Args, Stdin: t.Prompt}}
}

// Reader looks for the signal.
func (c Command) Reader(show func([]byte)) Reader { return &commandReader{show: show} }

type commandReader struct {
	show    func([]byte)
	signals signals
}

func (r *commandReader) Write(b []byte) {
	r.signals.write(b)
	r.show(b)
}

func (r *commandReader) Report() Report {
	signal, message := r.signals.result()
	return Report{Signal: signal, Message: message}
}
