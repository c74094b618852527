package main

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	green := style{color: palette[2]}
	for line, want := range map[string][]run{
		"":                               nil,
		"   ":                            nil,
		"plain":                          {{text: "plain"}},
		"  in <b>  ":                     {{column: 2, text: "in <b>"}},
		"\x1b[32mok\x1b[39m on":          {{style: green, text: "ok"}, {column: 3, text: "on"}},
		"é\x1b[1;2mx\x1b[22my\x1b[0;m":   {{text: "é"}, {style: style{bold: true, dim: true}, column: 1, text: "x"}, {column: 2, text: "y"}},
		"\x1b[31m   \x1b[39m\x1b[49m":    nil,
		"a\x1b[92m  b\x1b[m   \x1b[1m  ": {{text: "a"}, {style: green, column: 3, text: "b"}},
	} {
		got, _, _, err := parse(line, style{})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %+v, %v; not %+v", line, got, err, want)
		}
	}
	for _, line := range []string{"\x1b[2J", "\x1b]0;title\a", "\x1b[38;5;1mx", "\x1b[xm", "\x1b"} {
		if _, _, _, err := parse(line, style{}); err == nil {
			t.Errorf("%q: no error", line)
		}
	}
}

// A style goes on over line ends, as tmux prints it.
func TestDrawIsXML(t *testing.T) {
	var b strings.Builder
	if err := draw(&b, strings.NewReader("\x1b[31mone & <two>\nthree\x1b[0m\n\n\n"), `a "title"`); err != nil {
		t.Fatal(err)
	}
	texts, colored := 0, 0
	for d := xml.NewDecoder(strings.NewReader(b.String())); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in %s", err, b.String())
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "text" {
			texts++
			for _, a := range e.Attr {
				if a.Value == palette[1] {
					colored++
				}
			}
		}
	}
	if texts != 3 || colored != 2 {
		t.Errorf("%d texts, %d of them red: %s", texts, colored, b.String())
	}
}
