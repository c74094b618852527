package specs

import (
	"cmp"
	"slices"
)

// parsedTask is a task with the places of what it refers to.
type parsedTask struct {
	Task
	at     Pos // of the id, or of the task
	after  []place
	covers []place
}

// place is an id in a task with the place where it is written.
type place struct {
	id  string
	pos Pos
}

// readTasks reads the items of the tasks section. A heading with the id of a
// task ("### T1: Add the parser") is a task as well, with what is below it.
func (p *parse) readTasks() {
	type found struct {
		parsedTask
		written bool
	}
	var all []found
	ids := newNumbering("T")
	full := false
	add := func(it item, style idStyle) {
		if full || len(all) == MaxTasks {
			if !full {
				p.report.add(p.pos(it.at), CodeTooManyTasks, "more than %d tasks", MaxTasks)
			}
			full = true
			return
		}
		t, written := p.readTask(it, style)
		if written {
			ids.take(t.ID)
		}
		all = append(all, found{t, written})
	}
	var heading *section
	inside := 0 // level of the heading that is the present task
	for i, s := range p.sections {
		if s.kind != tasksSection {
			inside = 0
			continue
		}
		if inside > 0 && s.level > inside {
			continue
		}
		inside = 0
		if !s.inner {
			heading = s
		} else if _, ok := p.idAt(s.heading, headingTaskIDs); ok {
			add(p.headingItem(i), headingTaskIDs)
			inside = s.level
			continue
		}
		p.eachItem(s, func(it item) { add(it, taskIDs) })
	}
	if heading != nil && len(all) == 0 {
		p.report.add(p.pos(heading.at), CodeEmptyTasks, "section %s has no tasks", quote(heading.title))
	}
	for _, t := range all {
		if !t.written {
			t.ID = ids.free()
		}
		p.tasks = append(p.tasks, t.parsedTask)
	}
}

// headingItem makes an item of heading i and what stands below it, up to the
// next heading that is not deeper.
func (p *parse) headingItem(i int) item {
	s := p.sections[i]
	it := item{at: s.at, end: s.end, text: s.heading, blocks: s.blocks, body: s.body}
	for _, deeper := range p.sections[i+1:] {
		if deeper.level <= s.level {
			break
		}
		it.blocks = append(it.blocks, deeper.blocks...)
		it.end = deeper.end
	}
	return it
}

func (p *parse) readTask(it item, style idStyle) (t parsedTask, written bool) {
	t.Pos = p.pos(it.at)
	t.at = t.Pos
	t.Done = it.done
	text := it.text
	if id, ok := p.idAt(it.text, style); ok {
		t.at = p.pos(id.at)
		text.from = min(id.end, text.to)
		switch {
		case id.bad || !idShape(id.id):
			p.report.add(t.at, CodeInvalidTask, "task id %s must have letters, digits, '-', '_' and '.' only, at most %d", quote(id.id), maxID)
		default:
			t.ID, written = id.id, true
		}
	}
	attrs := p.findAttributes(text, codeSpans(p.plain, text))
	var cuts []span
	for _, a := range attrs {
		cuts = append(cuts, a.cut)
	}
	checks, title, description := p.readChecks(it, text, cuts)
	t.Title, t.Description, t.Checks = title, description, checks.commands
	if title == "" {
		p.report.add(t.at, CodeEmptyItem, "a task has no title")
	}
	for _, a := range append(attrs, checks.attrs...) {
		p.apply(&t, a)
	}
	return t, written
}

// apply puts attributes into a task and reports what is wrong with them.
func (p *parse) apply(t *parsedTask, a attributes) {
	for _, key := range a.unknown {
		p.report.add(p.pos(key.at), CodeUnknownKey, "unknown key %s: want profile, after or covers", quote(key.text))
	}
	for _, key := range a.empty {
		p.report.add(p.pos(key.at), CodeInvalidValue, "key %s has no value", quote(key.text))
	}
	for i, v := range a.profile {
		if i > 0 || t.Profile != "" {
			p.report.add(p.pos(v.at), CodeInvalidValue, "a task has one profile, but %s is another", quote(v.text))
			continue
		}
		t.Profile = v.text
	}
	t.after = p.refer(t.after, a.after)
	t.covers = p.refer(t.covers, a.covers)
}

func (p *parse) refer(to []place, words []reference) []place {
	for _, w := range words {
		to = append(to, place{w.text, p.pos(w.at)})
	}
	return to
}

// mergeSpans puts two ordered lists of spans into one.
func mergeSpans(a, b []span) []span {
	if len(b) == 0 {
		return a
	}
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(x, y span) int { return cmp.Compare(x.from, y.from) })
	return all
}
