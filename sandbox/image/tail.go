package image

import (
	"strings"
	"sync"
)

// tail keeps the last lines that a program wrote, for the error message if it fails.
type tail struct {
	each func(line string) // called with every whole line; may be nil

	mu      sync.Mutex
	lines   []string
	partial string
}

const tailLines = 15

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.partial += string(p)
	for {
		line, rest, whole := strings.Cut(t.partial, "\n")
		if !whole {
			return len(p), nil
		}
		t.partial = rest
		if t.each != nil {
			t.each(line)
		}
		if t.lines = append(t.lines, line); len(t.lines) > tailLines {
			t.lines = t.lines[1:]
		}
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(strings.Join(append(t.lines[:len(t.lines):len(t.lines)], t.partial), "\n"))
}
