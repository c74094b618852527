package specs

import (
	"fmt"
	"strings"
)

// RelevantText returns the part of a spec that the worker on one task needs, as
// Markdown of at most budget bytes: title, overview, problem, the requirements
// that the task covers (all where it names none), affected files,
// implementation notes and what is out of scope. Headings start at level 3, so
// the text fits under a heading of level 2. What the budget leaves no room for
// is cut at a line, and a last line names it.
func RelevantText(spec *Spec, task Task, budget int) string {
	parts := []part{
		{"title", titleLine(spec)},
		{"overview", section3("Overview", spec.Overview)},
		{"requirements", section3("Requirements", requirementLines(spec, task))},
		{"problem", section3("Problem Statement", spec.Problem)},
		{"out of scope", section3("Out of Scope", spec.OutOfScope)},
		{"affected files", section3("Affected Files", fileLines(spec))},
		{"notes", section3("Implementation Notes", spec.Notes)},
	}
	return fit(parts, budget)
}

// part is a named piece of a text that may have to be cut.
type part struct{ name, text string }

func titleLine(spec *Spec) string {
	if spec.Title == "" {
		return ""
	}
	return "**" + spec.Title + "**"
}

func section3(heading, text string) string {
	if text == "" {
		return ""
	}
	return "### " + heading + "\n\n" + text
}

func requirementLines(spec *Spec, task Task) string {
	wanted := map[string]bool{}
	for _, id := range task.Covers {
		wanted[id] = true
	}
	var b strings.Builder
	for _, r := range spec.Requirements {
		if len(wanted) > 0 && !wanted[r.ID] {
			continue
		}
		text := strings.ReplaceAll(r.Text, "\n", "\n  ")
		fmt.Fprintf(&b, "- **%s** %s\n", r.ID, text)
	}
	return strings.TrimRight(b.String(), "\n")
}

func fileLines(spec *Spec) string {
	var b strings.Builder
	for _, f := range spec.AffectedFiles {
		b.WriteString("- `" + f.Path + "`")
		if f.Role != "" {
			b.WriteString(": " + f.Role)
		}
		b.WriteByte('\n')
	}
	return strings.TrimRight(b.String(), "\n")
}

// fit joins parts within the budget. Parts come in the order of their worth:
// the first that does not fit is cut, those behind it are left out.
func fit(parts []part, budget int) string {
	var b strings.Builder
	var cut []string
	full := total(parts) <= budget
	room := budget - len(cutNote(parts))
	for _, p := range parts {
		if p.text == "" {
			continue
		}
		text := p.text
		if b.Len() > 0 {
			text = "\n\n" + text
		}
		switch {
		case full || len(cut) == 0 && b.Len()+len(text) <= room:
			b.WriteString(text)
		case len(cut) == 0:
			b.WriteString(headLines(text, room-b.Len()))
			cut = append(cut, p.name)
		default:
			cut = append(cut, p.name)
		}
	}
	if len(cut) == 0 {
		return b.String()
	}
	note := note(cut)
	if b.Len() == 0 {
		note = strings.TrimLeft(note, "\n")
	}
	if b.Len()+len(note) > budget {
		return ""
	}
	return b.String() + note
}

func total(parts []part) int {
	n := 0
	for _, p := range parts {
		if p.text == "" {
			continue
		}
		if n > 0 {
			n += 2
		}
		n += len(p.text)
	}
	return n
}

// cutNote is the longest note that can be needed.
func cutNote(parts []part) string {
	var names []string
	for _, p := range parts {
		if p.text != "" {
			names = append(names, p.name)
		}
	}
	return note(names)
}

func note(names []string) string {
	return "\n\n(Cut to fit, read the spec itself for: " + strings.Join(names, ", ") + ".)"
}

// headLines returns the lines that fit in n bytes.
func headLines(text string, n int) string {
	if n <= 0 {
		return ""
	}
	if len(text) <= n {
		return text
	}
	end := strings.LastIndexByte(text[:n], '\n')
	if end < 0 {
		return ""
	}
	return strings.TrimRight(text[:end], "\n")
}
