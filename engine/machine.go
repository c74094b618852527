package engine

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/looplab/fsm"
)

// machine is a set of legal transitions. The library holds them and draws them; nothing is hung on its callbacks.
type machine struct {
	name    string
	initial string
	events  fsm.Events
	next    map[step]string
}

type step struct{ state, event string }

// newMachine asks the library once for every transition, so that a replay of 100,000 events needs no lock and no
// allocation for each.
func newMachine(name, initial string, events fsm.Events) machine {
	m := machine{name: name, initial: initial, events: events, next: map[step]string{}}
	f := fsm.NewFSM(initial, events, nil)
	for _, e := range events {
		for _, src := range e.Src {
			f.SetState(src)
			if err := f.Event(context.Background(), e.Name); err == nil {
				m.next[step{src, e.Name}] = f.Current()
			}
		}
	}
	return m
}

func (m machine) fire(state, event string) (string, error) {
	next, ok := m.next[step{state, event}]
	if !ok {
		return "", fmt.Errorf("%s in state %s cannot %s: %w", m.name, state, event, ErrNotAllowed)
	}
	return next, nil
}

// GraphFormat is a way to draw a machine.
type GraphFormat string

// The formats of `ralph graph`.
const (
	GraphText    GraphFormat = "text"
	GraphMermaid GraphFormat = "mermaid"
	GraphDot     GraphFormat = "dot"
)

// WorkflowGraph draws the machine of workflows with the given state marked.
func WorkflowGraph(current WorkflowState, format GraphFormat) (string, error) {
	return workflowMachine.draw(string(current), format)
}

// TaskGraph draws the machine of tasks with the given state marked.
func TaskGraph(current TaskState, format GraphFormat) (string, error) {
	return taskMachine.draw(string(current), format)
}

func (m machine) draw(current string, format GraphFormat) (string, error) {
	switch format {
	case GraphDot:
		return fsm.Visualize(fsm.NewFSM(current, m.events, nil)), nil
	case GraphMermaid:
		return fsm.VisualizeForMermaidWithGraphType(fsm.NewFSM(current, m.events, nil), fsm.FlowChart)
	case GraphText:
		return m.text(current), nil
	}
	return "", fmt.Errorf("unknown graph format %q (text, mermaid or dot)", format)
}

func (m machine) text(current string) string {
	lines := map[string][]string{}
	var order []string
	for _, e := range m.events {
		for _, src := range e.Src {
			if lines[src] == nil {
				order = append(order, src)
			}
			lines[src] = append(lines[src], fmt.Sprintf("    %-22s -> %s\n", e.Name, e.Dst))
		}
	}
	for _, e := range m.events {
		if lines[e.Dst] == nil {
			lines[e.Dst] = []string{"    (end)\n"}
			order = append(order, e.Dst)
		}
	}
	var b strings.Builder
	for _, state := range order {
		mark := "  "
		if state == current {
			mark = "* "
		}
		sort.Strings(lines[state])
		b.WriteString(mark + state + "\n" + strings.Join(lines[state], ""))
	}
	return b.String()
}
