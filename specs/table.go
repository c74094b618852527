package specs

import (
	"strings"

	"github.com/yuin/goldmark/ast"
)

// maxCells is how many cells of a table row are read.
const maxCells = 16

// readFiles reads the affected files from tables (path, then role) and from
// lists ("`path` - role").
func (p *parse) readFiles() {
	for _, s := range p.sections {
		if s.kind != filesSection {
			continue
		}
		before := len(p.spec.AffectedFiles)
		for _, n := range s.blocks {
			switch {
			case isParagraph(n):
				p.readFileTable(n)
			case n.Kind() == ast.KindList:
				p.listItems(n, p.endOf(n, s.end), func(it item) { p.addFile(p.listedFile(it), it.at) })
			}
		}
		p.judgeItems(s, len(p.spec.AffectedFiles) > before)
	}
}

// readFileTable reads a paragraph that is a table: a header, a line of dashes,
// rows.
func (p *parse) readFileTable(n ast.Node) {
	lines := n.Lines()
	for i := 1; i < lines.Len(); i++ {
		if !isDelimiterRow(p.plain[lines.At(i).Start:lines.At(i).Stop]) {
			continue
		}
		for j := i + 1; j < lines.Len(); j++ {
			l := lines.At(j)
			cells := cellsOf(p.text(l.Start, l.Stop))
			f := AffectedFile{Path: unmark(cells[0])}
			if len(cells) > 1 {
				f.Role = cells[1]
			}
			p.addFile(f, l.Start)
		}
		return
	}
}

func (p *parse) addFile(f AffectedFile, at int) {
	if f.Path == "" {
		return
	}
	f.Pos = p.pos(at)
	p.spec.AffectedFiles = append(p.spec.AffectedFiles, f)
}

// listedFile reads "`path` - role".
func (p *parse) listedFile(it item) AffectedFile {
	if codes := codeSpans(p.plain, it.text); len(codes) > 0 && codes[0].all.from == it.text.from {
		rest := span{codes[0].all.to, it.text.to}
		role := strings.TrimLeft(p.flat(rest, codes[1:], nil), " :–—-")
		return AffectedFile{Path: p.code(codes[0].inner), Role: role}
	}
	text := p.flat(it.text, nil, nil)
	path, role, _ := strings.Cut(text, " ")
	return AffectedFile{Path: unmark(strings.TrimSuffix(path, ":")), Role: strings.TrimLeft(role, " :–—-")}
}

// isDelimiterRow says whether a line is the "|---|:-:|" of a table.
func isDelimiterRow(line []byte) bool {
	dashes, bars := 0, 0
	for _, c := range line {
		switch c {
		case '-':
			dashes++
		case '|':
			bars++
		case ':', ' ', '\t', '\n':
		default:
			return false
		}
	}
	return dashes > 0 && bars > 0
}

// cellsOf splits a table row at its bars, of which "\|" is none. There is
// always at least one cell.
func cellsOf(row string) []string {
	row = strings.TrimPrefix(strings.TrimSpace(row), "|")
	var cells []string
	var cell strings.Builder
	for i := 0; i < len(row) && len(cells) < maxCells; i++ {
		switch {
		case row[i] == '\\' && i+1 < len(row) && row[i+1] == '|':
			cell.WriteByte('|')
			i++
		case row[i] == '|':
			cells = append(cells, strings.TrimSpace(cell.String()))
			cell.Reset()
		default:
			cell.WriteByte(row[i])
		}
	}
	if last := strings.TrimSpace(cell.String()); last != "" || len(cells) == 0 {
		cells = append(cells, last)
	}
	return cells
}

// unmark takes the backticks, emphasis or link off a path.
func unmark(cell string) string {
	if label, _, ok := strings.Cut(strings.TrimPrefix(cell, "["), "]("); ok && strings.HasPrefix(cell, "[") {
		cell = label
	}
	return strings.Trim(cell, "`* ")
}
