package notify

import (
	"regexp"
	"strings"
	"unicode"
)

// Lengths in characters, and of the body in lines: what a desktop shows without covering the screen.
const (
	titleLimit = 80
	bodyLimit  = 400
	bodyLines  = 6
)

// sequences are what terminals obey: control sequences, strings for the terminal, and short escapes.
var sequences = regexp.MustCompile(`(?s)(\x1b\[|\x{9b})[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(\x07|\x1b\\|\x{9c}|$)|\x1b[ -/]*[0-~]?`)

// line returns text that is safe to show in one line.
func line(text string, limit int) string {
	return bounded(strings.Join(strings.Fields(clean(text)), " "), limit)
}

// block returns text that is safe to show in a few lines. It never begins with a dash: programs that show messages take
// that for an option.
func block(text string, limit int) string {
	var kept []string
	for l := range strings.Lines(clean(text)) {
		if l = strings.TrimSpace(l); l == "" {
			continue
		}
		if len(kept) == bodyLines {
			kept[bodyLines-1] += " …"
			break
		}
		kept = append(kept, l)
	}
	text = bounded(strings.Join(kept, "\n"), limit)
	if strings.HasPrefix(text, "-") {
		return "‐" + text[1:] // a hyphen that is no dash
	}
	return text
}

// clean keeps what a person reads. Out go sequences for terminals, control characters but line ends, and invisible
// characters: those that turn the direction of writing can make a text read as another one.
func clean(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = sequences.ReplaceAllString(text, "")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\u2028', r == '\u2029':
			return '\n'
		case r == '\t':
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs):
			return -1
		}
		return r
	}, text)
}

func bounded(text string, limit int) string {
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	return string(runes[:limit-1]) + "…"
}

// escape turns text into markup that shows it.
func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}
