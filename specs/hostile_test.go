package specs_test

import (
	"bytes"
	"fmt"
	"strings"
)

// hostile makes inputs of about n bytes that are made to take long.
var hostile = []struct {
	name string
	make func(n int) []byte
}{
	{"emphasis", repeated("*a_ ")},
	{"emphasis one line per mark", repeated("*a_\n")},
	{"backticks", repeated("` ")},
	{"backtick runs", func(n int) []byte {
		var b bytes.Buffer
		for i := 1; b.Len() < n; i++ {
			b.WriteString(strings.Repeat("`", i%2000+1) + " ")
		}
		return b.Bytes()
	}},
	{"escaped backticks", repeated("\\` `` ")},
	{"backslashes", repeated("\\")},
	{"brackets", repeated("[")},
	{"links", repeated("[a](b) ")},
	{"open links", repeated("[a](")},
	{"check links", under("## Tasks\n\n- ", "[check](x) ")},
	{"open check links", under("## Tasks\n\n- ", "[check](")},
	{"angle check links", under("## Tasks\n\n- ", "[check](<a ")},
	{"check marks", under("## Tasks\n\n- ", "Check: ")},
	{"checks", under("## Tasks\n\n- ", "Check: `a` ")},
	{"checks and dots", func(n int) []byte {
		return []byte("# A\n\n## Tasks\n\n- " + strings.Repeat("Check: `a` x ", n/26) + strings.Repeat(".", n/2) + "\n")
	}},
	{"code spans", under("## Tasks\n\n- ", "`a` ")},
	{"empty checks", under("## Tasks\n\n- Check: ", "` `, ")},
	{"nested checks", under("## Tasks\n\n- a\n", "  - Check: `a`\n")},
	{"parentheses", under("## Tasks\n\n- ", "(")},
	{"keys", under("## Tasks\n\n- ", "(after: ")},
	{"attributes", under("## Tasks\n\n- ", "(after: T1) ")},
	{"many values", under("## Tasks\n\n- a (after: ", "T1 ")},
	{"unknown values", func(n int) []byte {
		var b bytes.Buffer
		b.WriteString("# A\n\n## Tasks\n\n- a (after: ")
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, "X%d ", i)
		}
		return append(b.Bytes(), ")\n"...)
	}},
	{"reference definitions", repeated("[a]: b\n")},
	{"references", repeated("[a] ")},
	{"list items", repeated("- a\n")},
	{"empty list items", repeated("-\n")},
	{"task items", under("## Tasks\n\n", "- [ ] a\n")},
	{"requirement items", under("## Requirements\n\n", "- a\n")},
	{"criteria items", under("## Success Criteria\n\n", "- a\n")},
	{"ordered items", under("## Tasks\n\n", "1. a\n")},
	{"loose items", under("## Tasks\n\n", "- a\n\n")},
	{"cycle", func(n int) []byte {
		var b bytes.Buffer
		b.WriteString("# A\n\n## Tasks\n\n")
		for i := 1; b.Len() < n && i < 20000; i++ {
			fmt.Fprintf(&b, "- **T%d** a (after: T%d)\n", i, i%19999+1)
		}
		return b.Bytes()
	}},
	{"deep list on one line", repeated("- ")},
	{"deep list lines", repeated("- - - - - - - - - - - - a\n")},
	{"deep list by indentation", func(n int) []byte {
		var b bytes.Buffer
		for i := 0; b.Len() < n; i++ {
			b.WriteString(strings.Repeat("  ", i) + "- a\n")
		}
		return b.Bytes()
	}},
	{"deep list, blank lines", func(n int) []byte {
		return []byte(strings.Repeat("- ", 15) + "a\n" + strings.Repeat("\n", n))
	}},
	{"deep list, form feeds", func(n int) []byte {
		return []byte(strings.Repeat("- ", 15) + "a\n" + strings.Repeat("\f\n", n/2))
	}},
	{"deep list, long blanks", func(n int) []byte {
		return []byte(strings.Repeat("- ", 15) + "a\n" + strings.Repeat(" ", n) + "\n")
	}},
	{"deep list, tabs", func(n int) []byte {
		return []byte(strings.Repeat("- ", 15) + "a\n" + strings.Repeat(strings.Repeat("\t", 8)+"a\n\n", n/11))
	}},
	{"deep list, long indentation", func(n int) []byte {
		return []byte(strings.Repeat("- ", 15) + "a\n\n" + strings.Repeat(" ", n) + "a\n")
	}},
	{"deep quote on one line", repeated(">")},
	{"deep quote lines", repeated(strings.Repeat(">", 14) + "a\n")},
	{"deep quote, lazy lines", func(n int) []byte {
		return []byte(strings.Repeat(">", 14) + "a\n" + strings.Repeat("a\n", n/2))
	}},
	{"headings", repeated("# a\n")},
	{"section headings", repeated("## Tasks\n")},
	{"deeper headings", repeated("# a\n## b\n### c\n#### d\n")},
	{"setext headings", repeated("a\n=\n")},
	{"task headings", under("## Tasks\n\n", "### T1: a\n")},
	{"html", repeated("<a>\n\n")},
	{"html one line", repeated("<a ")},
	{"html lines", repeated("<x\n")},
	{"comments", repeated("<!-- a\n")},
	{"table columns", func(n int) []byte {
		return []byte("## Affected Files\n\n" + strings.Repeat("|a", n/4) + "\n" + strings.Repeat("|-", n/4) + "\n")
	}},
	{"table rows and columns", func(n int) []byte {
		return []byte("## Affected Files\n\n" + strings.Repeat("|a", n/6) + "\n" + strings.Repeat("|-", n/6) + "\n" + strings.Repeat("|\n", n/6))
	}},
	{"table delimiters", under("## Affected Files\n\na\n", "|-\n")},
	{"one long line", repeated("a")},
	{"paragraph", repeated("a\n")},
	{"paragraphs", repeated("a\n\n")},
	{"blank lines", repeated("\n")},
	{"spaces", repeated(" ")},
	{"tabs", repeated("\t")},
	{"carriage returns", repeated("\r")},
	{"NUL", repeated("\x00")},
	{"invalid UTF-8", repeated("\xff")},
	{"fences", repeated("```\n")},
	{"open fences", repeated("``` a\n")},
	{"thematic breaks", repeated("- - -\n")},
	{"dashes", repeated("-")},
	{"front matter", func(n int) []byte { return []byte("---\na: b\n" + strings.Repeat("a\n", n/2)) }},
	{"words", repeated("word ")},
}

func repeated(s string) func(int) []byte { return under("", s) }

// under repeats s below a beginning, so that it stands where it is read.
func under(beginning, s string) func(int) []byte {
	return func(n int) []byte {
		return []byte("# A\n\n" + beginning + strings.Repeat(s, n/len(s)) + "\n")
	}
}
