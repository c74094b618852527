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
