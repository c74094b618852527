package specs

import (
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// parseMarkdown runs goldmark over the source with every block form of
// CommonMark except link reference definitions, and with no inline form.
//
// Goldmark's inline parsers (emphasis, links, code spans) and its link
// reference and table transformers take quadratic time on some inputs; the few
// inline forms that a spec needs are read by this package where it needs them.
// The second result is the place where nesting first went beyond MaxNesting,
// or -1.
func parseMarkdown(src *source) (ast.Node, int) {
	limit := &nesting{exceeded: -1}
	p := parser.NewParser(parser.WithBlockParsers(
		util.Prioritized(parser.NewSetextHeadingParser(), 100),
		util.Prioritized(parser.NewThematicBreakParser(), 200),
		util.Prioritized(&limitedList{parser.NewListParser(), limit}, 300),
		util.Prioritized(parser.NewListItemParser(), 400),
		util.Prioritized(parser.NewCodeBlockParser(), 500),
		util.Prioritized(parser.NewATXHeadingParser(), 600),
		util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
		util.Prioritized(&limitedQuote{parser.NewBlockquoteParser(), limit}, 800),
		util.Prioritized(parser.NewHTMLBlockParser(), 900),
		util.Prioritized(parser.NewParagraphParser(), 1000),
	))
	return p.Parse(text.NewReader(src.plain)), limit.exceeded
}

// nesting refuses to open a list or quote inside MaxNesting others. For each
// line goldmark asks every open block whether it goes on, so without a bound
// its time grows with lines times depth.
type nesting struct {
	exceeded int
}

func (n *nesting) full(reader text.Reader, pc parser.Context) bool {
	open := pc.OpenedBlocks()
	if len(open) < MaxNesting { // each level is at least one open block
		return false
	}
	depth := 0
	for _, b := range open {
		switch b.Node.(type) {
		case *ast.List, *ast.Blockquote:
			depth++
		}
	}
	if depth < MaxNesting {
		return false
	}
	if n.exceeded < 0 {
		_, at := reader.Position()
		n.exceeded = at.Start
	}
	return true
}

type limitedList struct {
	parser.BlockParser
	limit *nesting
}

// Open lets the list parser decide first: it has marks of its own to reset
// even where it refuses, and it does not move the reader.
func (l *limitedList) Open(parent ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	node, state := l.BlockParser.Open(parent, reader, pc)
	if node != nil && l.limit.full(reader, pc) {
		return nil, parser.NoChildren
	}
	return node, state
}

type limitedQuote struct {
	parser.BlockParser
	limit *nesting
}

// Open asks for room first, because the quote parser moves the reader.
func (q *limitedQuote) Open(parent ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	if q.limit.full(reader, pc) {
		return nil, parser.NoChildren
	}
	return q.BlockParser.Open(parent, reader, pc)
}
