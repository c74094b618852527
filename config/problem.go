package config

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong in the file.
type Problem struct {
	File         string
	Line, Column int
	Key          string // dotted; empty for a fault of the syntax
	Text         string
}

// String returns the form that editors and people read.
func (p Problem) String() string {
	s := fmt.Sprintf("%s:%d:%d: ", p.File, p.Line, p.Column)
	if p.Key != "" {
		s += p.Key + ": "
	}
	return s + p.Text
}

// Problems is the error of a file that cannot be used. It has at least one entry, in the order of the file.
type Problems struct{ List []Problem }

// Error names all of them, one a line.
func (p *Problems) Error() string {
	lines := make([]string, len(p.List))
	for i, one := range p.List {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}
