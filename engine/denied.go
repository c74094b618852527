package engine

import "fmt"

// Denied is a host that the network's policy refused, so many times.
type Denied struct {
	Host   string `json:"host"` // empty: further hosts, which are not told apart
	Port   int    `json:"port"` // 0: what was asked for is no host
	Reason string `json:"reason"`
	Count  int    `json:"count"`
	// Words says it for a person.
	Words string `json:"words"`
}

// NoteDenied records what the network's policy refused to an activity that runs. Nothing follows from it.
type NoteDenied struct {
	ID     AttemptID
	Denied []Denied
}

func (c NoteDenied) decide(d *decision) error {
	if !d.ev.w.isOpen(c.ID) {
		return fmt.Errorf("%s does not run: %w", c.ID, ErrNotAllowed)
	}
	if len(c.Denied) > 0 {
		d.emit(NetworkDenied, c.ID.Task, c.ID.Number, DeniedData{Check: c.ID.Check, Denied: c.Denied})
	}
	return nil
}

// denied changes nothing, and is refused where no such activity runs.
func (ev *evolution) denied(e Event, data DeniedData) error {
	if !ev.w.isOpen(AttemptID{Task: e.Task, Number: e.Attempt, Check: data.Check}) {
		return ErrNotAllowed
	}
	return nil
}
