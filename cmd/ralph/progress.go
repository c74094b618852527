package main

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
)

// progress shows a person what happens while something runs. All methods may be called from several goroutines, and
// none blocks for long.
type progress interface {
	// begin shows the workflow as it stands.
	begin(w engine.Workflow)
	// observe is told of events that were recorded, and the workflow after them.
	observe(w engine.Workflow, events []engine.Event)
	// output is told what an activity prints, as it comes.
	output(id engine.AttemptID, b []byte)
	// note shows a line that stays.
	note(line string)
	// close ends the display and leaves what it shows. It may be called again.
	close()
}

// newProgress returns the display for where progress goes: redrawn in place on a terminal, lines in a pipe.
func (a *app) newProgress() progress {
	out := a.progressOut()
	if out.Terminal {
		return newScreen(out, a.now)
	}
	return &plain{out: out, events: true}
}

// plain is progress as lines: notes, and with events one for each event that matters.
type plain struct {
	out     *terminal.Output
	events  bool
	watches bool // another process works
	mu      sync.Mutex
}

func (p *plain) begin(w engine.Workflow) {
	for _, a := range w.OpenActivities() {
		if p.events && !p.watches {
			p.note(fmt.Sprintf("%s was begun by an earlier process: looking after it", a.ID))
		}
	}
}

func (p *plain) observe(_ engine.Workflow, events []engine.Event) {
	for _, e := range events {
		if p.events && matters(e.Type) {
			p.note(e.Time.Local().Format("15:04:05") + " " + describe(e))
		}
	}
}

func (p *plain) output(engine.AttemptID, []byte) {}

func (p *plain) note(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.out, terminal.Line(line))
}

func (p *plain) close() {}

// lines calls a function for each line that is written to it, without the line end. Lines of more than 4 KiB come in
// pieces.
type lines struct {
	each func(line string)
	held []byte
}

const longestLine = 4 << 10

// Write takes the next piece of text.
func (l *lines) Write(p []byte) (int, error) {
	rest := p
	for len(rest) > 0 {
		line, after, ended := bytes.Cut(rest, []byte{'\n'})
		if !ended {
			after = nil
		}
		for space := longestLine - len(l.held); len(line) > space; space = longestLine {
			l.each(string(append(l.held, line[:space]...)))
			l.held, line = nil, line[space:]
		}
		l.held, rest = append(l.held, line...), after
		if ended {
			l.each(string(l.held))
			l.held = l.held[:0]
		}
	}
	return len(p), nil
}
