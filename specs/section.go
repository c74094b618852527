package specs

import (
	"strings"

	"github.com/yuin/goldmark/ast"
)

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
