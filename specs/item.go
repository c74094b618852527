package specs

import (
	"cmp"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// item is a list item, or a heading with what stands below it.
type item struct {
	at     int        // where it starts
	end    int        // where it ends
	text   span       // first paragraph, without a check box
	done   bool       // the check box is ticked
	blocks []ast.Node // what follows the first paragraph
	body   int        // where the lines behind the first paragraph start
}

// listItem reads one item of a list that ends at end.
func (s *source) listItem(n ast.Node, end int) item {
	it := item{at: startOf(n), end: end}
	first := n.FirstChild()
	if first == nil || !isParagraph(first) {
		at := max(it.at, 0)
		it.text = span{at, at}
		it.body = at
		for c := first; c != nil; c = c.NextSibling() {
			it.blocks = append(it.blocks, c)
		}
		return it
	}
	it.text = paragraphRange(first)
	it.body = s.lineEnd(max(it.text.to-1, it.text.from))
	for c := first.NextSibling(); c != nil; c = c.NextSibling() {
		it.blocks = append(it.blocks, c)
	}
	box := s.plain[it.text.from:min(it.text.from+3, it.text.to)]
	if len(box) == 3 && box[0] == '[' && box[2] == ']' && strings.IndexByte(" xX", box[1]) >= 0 {
		if next := it.text.from + 3; next >= it.text.to || strings.IndexByte(blanks, s.plain[next]) >= 0 {
			it.done = box[1] != ' '
			it.text.from = skip(s.plain, next, it.text.to, blanks)
		}
	}
	return it
}

// listItems calls f for each item of a list that ends at end.
func (s *source) listItems(list ast.Node, end int, f func(item)) {
	for n := list.FirstChild(); n != nil; n = n.NextSibling() {
		f(s.listItem(n, s.endOf(n, end)))
	}
}

// endOf returns where a block ends: at the line of its next sibling, or where
// the block around it ends.
func (s *source) endOf(n ast.Node, outer int) int {
	if next := n.NextSibling(); next != nil {
		if at := startOf(next); at >= 0 {
			return s.lineStart(at)
		}
	}
	return outer
}

// startOf returns where a block starts, or -1 where goldmark does not say.
func startOf(n ast.Node) int {
	for ; n != nil; n = n.FirstChild() {
		if n.Pos() >= 0 {
			return n.Pos()
		}
	}
	return -1
}

func isParagraph(n ast.Node) bool {
	return n.Kind() == ast.KindParagraph || n.Kind() == ast.KindTextBlock
}

// paragraphRange returns the range of a paragraph or heading in the source. It
// has the indentation of the lines in it, which reads as white space.
func paragraphRange(n ast.Node) span {
	lines := n.Lines()
	if lines == nil || lines.Len() == 0 {
		at := max(startOf(n), 0)
		return span{at, at}
	}
	r := span{lines.At(0).Start, lines.At(lines.Len() - 1).Stop}
	return span{r.from, max(r.from, r.to)}
}

// nested is what the blocks below an item say.
type nested struct {
	commands []string
	lines    []span // whole lines that hold nothing but checks
	empty    []int
	attrs    []attributes
}

// readNested looks for checks in the blocks of an item, and for attributes
// where wanted. Code and quotes are not looked into.
func (s *source) readNested(blocks []ast.Node, end int, into *nested) {
	for i, n := range blocks {
		switch {
		case n.Kind() == ast.KindList:
			s.listItems(n, s.endOf(n, end), func(it item) { s.readNestedItem(it, into) })
		case isParagraph(n):
			text := paragraphRange(n)
			f := s.findChecks(text)
			into.add(f)
			if f.open >= 0 && !s.readOpen(blocks[i+1:], end, into) {
				into.empty = append(into.empty, f.open)
			}
			if s.onlyChecks(text, f) {
				into.lines = append(into.lines, span{s.lineStart(text.from), s.lineEnd(max(text.to-1, text.from))})
			}
		}
	}
}

func (s *source) readNestedItem(it item, into *nested) {
	f := s.findChecks(it.text)
	into.add(f)
	s.readBlocks(f, it, into)
	if s.onlyChecks(it.text, f) {
		into.lines = append(into.lines, span{s.lineStart(it.at), it.end})
		return
	}
	if startsWithKey(s.plain[it.text.from:it.text.to]) {
		a := s.parseAttributes(it.text)
		if !a.isBullet() {
			return
		}
		into.attrs = append(into.attrs, a)
		into.lines = append(into.lines, span{s.lineStart(it.at), it.end})
	}
}

// readBlocks reads what stands below the first paragraph of an item, given what
// was found in that paragraph.
func (s *source) readBlocks(f finding, it item, into *nested) {
	blocks := it.blocks
	if f.open >= 0 {
		if s.readOpen(blocks, it.end, into) {
			blocks = blocks[1:]
		} else {
			into.empty = append(into.empty, f.open)
		}
	}
	s.readNested(blocks, it.end, into)
}

// readOpen reads the commands behind a "Check:" that ends its paragraph: the
// lines of a code block, or a list of code spans.
func (s *source) readOpen(blocks []ast.Node, end int, into *nested) bool {
	before := len(into.commands)
	if len(blocks) == 0 {
		return false
	}
	switch n := blocks[0]; n.Kind() {
	case ast.KindFencedCodeBlock, ast.KindCodeBlock:
		into.commands = append(into.commands, s.codeLines(n)...)
	case ast.KindList:
		s.listItems(n, s.endOf(n, end), func(it item) {
			codes := codeSpans(s.plain, it.text)
			_, commands := s.commandsAfter(codes, it.text)
			into.commands = append(into.commands, commands...)
		})
	}
	return len(into.commands) > before
}

// codeLines returns the commands of a code block: one a line, without comments
// and blank lines. A line that ends with a backslash goes on in the next.
func (s *source) codeLines(n ast.Node) []string {
	var commands []string
	var command string
	for i := range n.Lines().Len() {
		l := n.Lines().At(i)
		line := strings.TrimSpace(s.text(l.Start, l.Stop))
		if rest, ok := strings.CutSuffix(line, `\`); ok {
			command += strings.TrimSpace(rest) + " "
			continue
		}
		command = strings.TrimSpace(command + strings.TrimPrefix(line, "$ "))
		if command != "" && !strings.HasPrefix(command, "#") {
			commands = append(commands, command)
		}
		command = ""
	}
	if command = strings.TrimSpace(command); command != "" {
		commands = append(commands, command)
	}
	return commands
}

// onlyChecks says whether a paragraph holds checks and nothing else.
func (s *source) onlyChecks(text span, f finding) bool {
	return len(f.cuts) > 0 && s.flat(text, f.codes, f.cuts) == ""
}

func (n *nested) add(f finding) {
	n.commands = append(n.commands, f.commands...)
	n.empty = append(n.empty, f.empty...)
}

// description returns the lines of an item behind its first paragraph, without
// the given ranges and without their common indentation.
func (s *source) description(it item, without []span) string {
	slices.SortFunc(without, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var b strings.Builder
	at := it.body
	write := func(to int) {
		if strings.HasSuffix(b.String(), "\n\n") {
			at = skip(s.plain, at, to, "\n") // one blank line is enough where something is left out
		}
		if at < to {
			b.WriteString(s.text(at, to))
		}
	}
	for _, cut := range without {
		write(min(cut.from, it.end))
		at = max(at, cut.to)
	}
	write(it.end)
	return dedent(b.String())
}

// dedent takes away the white space that all lines start with, and the blank
// lines around the text.
func dedent(text string) string {
	lines := strings.Split(strings.TrimRight(text, " \t\n"), "\n")
	for len(lines) > 0 && strings.TrimSpace(lines[0]) == "" {
		lines = lines[1:]
	}
	if len(lines) == 0 {
		return ""
	}
	margin := lines[0][:len(lines[0])-len(strings.TrimLeft(lines[0], " \t"))]
	for i, line := range lines {
		if strings.TrimSpace(line) == "" {
			lines[i] = ""
			continue
		}
		n := 0
		for n < len(margin) && n < len(line) && line[n] == margin[n] {
			n++
		}
		margin = margin[:n]
	}
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, margin)
	}
	return strings.Join(lines, "\n")
}
