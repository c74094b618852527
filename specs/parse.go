package specs

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
)

// Parse reads a spec. The name is what diagnostics call the file; the file
// itself is not opened. Parse always returns a Spec, as much of it as there
// is, and the diagnostics in the order of their places.
func Parse(name string, src []byte) (*Spec, []Diagnostic) {
	p := &parse{spec: &Spec{}, report: newReporter(name)}
	if why := tooLarge(src); why != "" {
		p.report.add(Pos{}, CodeTooLarge, "%s", why)
		return p.spec, p.report.result()
	}
	p.source = newSource(src)
	p.checkBytes()
	if at := p.tooManySteps(); at >= 0 {
		p.report.add(p.pos(at), CodeTooLarge, "the spec is not read: it has too many lines, up to here already as many as a spec may have")
		return p.spec, p.report.result()
	}
	doc, deep := parseMarkdown(p.source)
	if deep >= 0 {
		p.report.add(p.pos(deep), CodeTooDeep, "more than %d lists and quotes inside each other", MaxNesting)
	}
	p.readSections(doc)
	p.readTitle()
	p.readTexts()
	p.readRequirements()
	p.readFiles()
	p.readCriteria()
	p.readTasks()
	p.judge()
	return p.spec, p.report.result()
}

// parse is the state of one Parse.
type parse struct {
	*source
	spec     *Spec
	report   *reporter
	sections []*section
	tasks    []parsedTask
}

// section is a heading with the blocks up to the next heading.
type section struct {
	kind    sectionKind
	inner   bool // belongs to a section of the same kind around it
	heading span
	level   int
	title   string
	at      int // where the heading starts, or the text above the first one
	body    int // where the text below the heading starts
	end     int
	blocks  []ast.Node
}

func (p *parse) checkBytes() {
	if n := bytes.IndexByte(p.raw, 0); n >= 0 {
		p.report.add(p.pos(n), CodeNUL, "the spec has %s, the first one here", plural(bytes.Count(p.raw, []byte{0}), "NUL byte", "NUL bytes"))
	}
	for i := 0; i < len(p.raw); {
		r, size := utf8.DecodeRune(p.raw[i:])
		if r == utf8.RuneError && size == 1 {
			p.report.add(p.pos(i), CodeInvalidUTF8, "the spec is not valid UTF-8: byte 0x%02x", p.raw[i])
			return // one place is enough: such a file is in another encoding as a whole
		}
		i += size
	}
}

// readSections cuts the document at its headings. Headings inside lists and
// quotes are text.
func (p *parse) readSections(doc ast.Node) {
	current := &section{kind: titleSection, at: p.start, body: p.start, end: len(p.raw)}
	p.sections = []*section{current}
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		if n.Kind() != ast.KindHeading {
			current.blocks = append(current.blocks, n)
			continue
		}
		at := max(startOf(n), current.body)
		next := &section{
			heading: paragraphRange(n), level: n.(*ast.Heading).Level,
			at: p.lineStart(at), end: len(p.raw),
		}
		current.end = next.at
		next.body = p.endOfHeading(n, next.heading)
		next.title = p.flat(next.heading, codeSpans(p.plain, next.heading), nil)
		p.sections = append(p.sections, next)
		current = next
	}
	p.nameSections()
	for _, s := range p.sections[1:] {
		p.spec.Sections = append(p.spec.Sections, Section{
			Heading: s.title, Level: s.level, Text: p.block(s.body, s.end), Pos: p.pos(s.at),
		})
	}
}

// endOfHeading returns where the lines of a heading end, the underline of a
// setext heading included.
func (p *parse) endOfHeading(n ast.Node, text span) int {
	last := max(text.to-1, text.from)
	if at := startOf(n); at >= 0 && text.from == text.to {
		last = at
	}
	end := p.lineEnd(min(last, max(len(p.raw)-1, 0)))
	if at := startOf(n); at >= 0 && at < len(p.plain) && p.plain[at] == '#' && p.lineStart(at) == p.lineStart(last) {
		return end
	}
	if end < len(p.raw) {
		return p.lineEnd(end)
	}
	return end
}

// nameSections finds the title and gives each section its kind.
func (p *parse) nameSections() {
	type level struct {
		level int
		kind  sectionKind
	}
	var around []level
	first := true
	for _, s := range p.sections[1:] {
		for len(around) > 0 && around[len(around)-1].level >= s.level {
			around = around[:len(around)-1]
		}
		outer := unknownSection
		if len(around) > 0 {
			outer = around[len(around)-1].kind
		}
		s.kind = kindUnder(outer, s.title)
		s.inner = outer != unknownSection && s.kind == outer
		titled := first && s.level == 1 && s.kind == unknownSection && s.title != ""
		first = first && s.level != 1
		if titled {
			p.spec.Title = s.title
			p.spec.TitlePos = p.pos(s.at)
			p.sections[0].kind = unknownSection
			s.kind = titleSection
			continue // what follows the title is not inside it
		}
		around = append(around, level{s.level, s.kind})
	}
}

func (p *parse) readTitle() {
	if p.spec.Title == "" {
		p.report.add(Pos{}, CodeMissingTitle, "the spec has no title: start it with a line such as \"# What it does\"")
	}
}

// readTexts fills the parts of the spec that are plain Markdown.
func (p *parse) readTexts() {
	p.spec.Overview = p.textOf(titleSection, overviewSection)
	p.spec.Problem = p.textOf(problemSection)
	p.spec.OutOfScope = p.textOf(outOfScopeSection)
	p.spec.Notes = p.textOf(notesSection)
	for i, s := range p.sections {
		if s.kind == unknownSection || s.kind == titleSection || s.inner || s.kind == tasksSection {
			continue
		}
		deeper := i+1 < len(p.sections) && p.sections[i+1].level > s.level
		if !deeper && p.block(s.body, s.end) == "" {
			p.report.add(p.pos(s.at), CodeEmptySection, "section %s is empty", quote(s.title))
		}
	}
}

// textOf joins the texts of all sections of the given kinds. Headings inside
// such a section are part of its text.
func (p *parse) textOf(kinds ...sectionKind) string {
	var texts []string
	for _, s := range p.sections {
		for _, k := range kinds {
			if s.kind != k {
				continue
			}
			from := s.body
			if s.inner {
				from = s.at
			}
			if t := p.block(from, s.end); t != "" {
				texts = append(texts, t)
			}
		}
	}
	return strings.Join(texts, "\n\n")
}

func (p *parse) readRequirements() {
	type found struct {
		Requirement
		written bool
	}
	var all []found
	numbers := map[RequirementKind]*numbering{Functional: newNumbering("R"), NonFunctional: newNumbering("N")}
	lines := map[string]int{}
	for _, s := range p.sections {
		kind, style := Functional, requirementIDs
		switch s.kind {
		case requirementsSection, functionalSection:
		case nonFunctionalSection:
			kind, style = NonFunctional, constraintIDs
		default:
			continue
		}
		before := len(all)
		p.eachItem(s, func(it item) {
			r := found{Requirement: Requirement{Kind: kind, Pos: p.pos(it.at)}}
			text := it.text
			if id, ok := p.idAt(it.text, style); ok && !id.bad {
				r.ID, r.written = id.id, true
				text.from = min(id.end, text.to)
				key := strings.ToLower(id.id)
				if line, taken := lines[key]; taken {
					p.report.add(p.pos(id.at), CodeDuplicateRequirement, "requirement %s is on line %d, too", quote(id.id), line)
				} else {
					lines[key] = r.Pos.Line
				}
				numbers[Functional].take(id.id)
				numbers[NonFunctional].take(id.id)
			}
			r.Text = p.flat(text, codeSpans(p.plain, text), nil)
			if body := p.description(it, nil); body != "" {
				r.Text += "\n" + body
			}
			all = append(all, r)
		})
		p.judgeItems(s, len(all) > before)
	}
	for _, r := range all {
		if !r.written {
			r.ID = numbers[r.Kind].free()
		}
		p.spec.Requirements = append(p.spec.Requirements, r.Requirement)
	}
}

func (p *parse) readCriteria() {
	for _, s := range p.sections {
		if s.kind != criteriaSection {
			continue
		}
		before := len(p.spec.Criteria)
		p.eachItem(s, func(it item) {
			checks, text, description := p.readChecks(it, it.text, nil)
			if text == "" && len(checks.commands) > 0 {
				text = "`" + checks.commands[0] + "`"
			}
			if description != "" {
				text += "\n" + description
			}
			if len(checks.commands) == 0 {
				p.report.add(p.pos(it.at), CodeCriterionUnchecked, "criterion %s has no check", quote(firstLine(text)))
			}
			p.spec.Criteria = append(p.spec.Criteria, Criterion{
				Text: text, Done: it.done, Checks: checks.commands, Pos: p.pos(it.at),
			})
		})
		p.judgeItems(s, len(p.spec.Criteria) > before)
	}
}

// readChecks reads the checks of an item and returns them with the text of the
// item without them. Cuts are further parts to leave out of the text.
func (p *parse) readChecks(it item, text span, cuts []span) (n nested, title, description string) {
	f := p.findChecks(text)
	n.add(f)
	p.readBlocks(f, it, &n)
	for _, at := range n.empty {
		p.report.add(p.pos(at), CodeEmptyCheck, "a check needs its command in backticks, such as: Check: `make test`")
	}
	return n, p.flat(text, f.codes, mergeSpans(f.cuts, cuts)), p.description(it, n.lines)
}

// eachItem calls f for each item of the lists of a section.
func (p *parse) eachItem(s *section, f func(item)) {
	for _, n := range s.blocks {
		if n.Kind() != ast.KindList {
			continue
		}
		p.listItems(n, p.endOf(n, s.end), func(it item) {
			if it.text.from >= it.text.to && len(it.blocks) == 0 {
				p.report.add(p.pos(it.at), CodeEmptyItem, "a list item has no text")
				return
			}
			f(it)
		})
	}
}

// judgeItems reports a section that has text but none of the items it is for.
func (p *parse) judgeItems(s *section, any bool) {
	if !any && len(s.blocks) > 0 {
		p.report.add(p.pos(s.at), CodeNoItems, "section %s has no list, so nothing is read from it", quote(s.title))
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
