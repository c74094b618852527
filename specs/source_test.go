package specs

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/yuin/goldmark/ast"
	"pgregory.net/rapid"
)

// What source does to the bytes that goldmark reads must not change what it
// reads in them: the same blocks on the same lines.
func TestSourceKeepsTheBlocks(t *testing.T) {
	pieces := rapid.SampledFrom([]string{
		"a", "a b", "- ", "* ", "1. ", "> ", "# ", "  ", "   ", "    ", "\t", "\n", "\n", "\n\n", "\n \n", "\n\n\n\n",
		"```\n", "~~~\n", "---\n", "===\n", "<!--", "-->", "<div>\n", "| a |", "\r\n", "\r\n\r\n\r\n", "\f\n",
	})
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(strings.Join(rapid.SliceOfN(pieces, 1, 30).Draw(t, "pieces"), ""))
		if bytes.HasPrefix(text, []byte("---")) {
			text = append([]byte("a"), text...) // no front matter
		}
		joined := newSource(text)
		plain := newSource(text)
		copy(plain.plain, text)
		plain.unifyLineEnds()
		if got, want := blocksOf(joined), blocksOf(plain); got != want {
			t.Fatalf("%q\n%q\nblocks with joined blank lines:\n%s\nwithout:\n%s", text, joined.plain, got, want)
		}
	})
}

// blocksOf writes the blocks of a source with the lines on which they start.
func blocksOf(s *source) string {
	var b strings.Builder
	doc, _ := parseMarkdown(s)
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering && n.Type() == ast.TypeBlock {
			line := 0
			if at := startOf(n); at >= 0 {
				line = s.pos(at).Line
			}
			fmt.Fprintf(&b, "%s on line %d\n", n.Kind(), line)
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}
