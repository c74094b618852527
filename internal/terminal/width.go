package terminal

import (
	"strings"

	"github.com/mattn/go-runewidth"
)

// widths counts columns as terminals do outside of East Asian locales.
var widths = &runewidth.Condition{}

// Width returns how many columns clean text of one line takes.
func Width(text string) int {
	if printable(text) {
		return len(text)
	}
	return widths.StringWidth(text)
}

// Fit cuts clean text of one line to at most the given columns, and marks the cut.
func Fit(text string, columns int) string {
	if columns <= 0 {
		return ""
	}
	if len(text) <= columns && printable(text) {
		return text
	}
	return widths.Truncate(text, columns, "…")
}

// Pad cuts or fills clean text of one line to exactly the given columns.
func Pad(text string, columns int) string {
	text = Fit(text, columns)
	return text + strings.Repeat(" ", max(0, columns-Width(text)))
}

// printable says whether the text is ASCII that every terminal shows as it is, one column a character: nearly all text
// is, and a status of ten thousand tasks should not look up each letter in the tables of Unicode.
func printable(text string) bool {
	for i := range len(text) {
		if text[i] < 0x20 || text[i] > 0x7e {
			return false
		}
	}
	return true
}
