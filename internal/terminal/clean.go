package terminal

import (
	"io"
	"strings"
	"unicode/utf8"
)

// Clean returns the text with everything taken out that a terminal would act upon or that deceives its reader:
// control sequences as a whole, other control characters of both sets, marks that turn the reading direction and
// characters that are never seen. Line ends and tabs stay; a lone carriage return, which would overwrite its line,
// becomes a line end. What is not UTF-8 becomes U+FFFD.
func Clean(text string) string {
	if printable(text) {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	c := NewCleaner(&b)
	_, _ = io.WriteString(c, text) // a Builder does not fail
	_ = c.Close()
	return b.String()
}

// Line is [Clean] for text that must stay on one line.
func Line(text string) string {
	if printable(text) && !strings.Contains(text, "  ") && strings.TrimSpace(text) == text {
		return text
	}
	return strings.Join(strings.Fields(Clean(text)), " ")
}

// Cleaner is [Clean] for a stream: what is written to it comes out clean at the other end, however the text was cut.
// Close writes what was held back; the writer at the end stays open.
type Cleaner struct {
	to      io.Writer
	state   state
	length  int    // of the control string under way
	held    []byte // the begin of a character
	cr      bool   // a carriage return was the last
	scratch []byte
}

// NewCleaner returns a Cleaner that writes to the given writer.
func NewCleaner(to io.Writer) *Cleaner { return &Cleaner{to: to} }

// state is where in a control sequence the text stands (ECMA-48).
type state int

const (
	inText       state = iota
	afterEscape        // ESC
	inEscape           // ESC and intermediate bytes
	inSequence         // CSI parameters
	inString           // OSC, DCS, SOS, PM or APC, until ST or BEL
	stringEscape       // ESC within a string: the begin of ST
)

// longestString bounds what one control string can hide. Beyond it, and at each line end, the rest counts as text.
const longestString = 4096

// Write cleans p. It reports p as written whole unless the writer behind it fails.
func (c *Cleaner) Write(p []byte) (int, error) {
	text := p
	if len(c.held) > 0 {
		text = append(c.held, p...)
		c.held = nil
	}
	out := c.scratch[:0]
	for len(text) > 0 {
		if n := c.plain(text); n > 0 {
			out, text = append(out, text[:n]...), text[n:]
			continue
		}
		if !utf8.FullRune(text) {
			c.held = append([]byte(nil), text...)
			break
		}
		r, size := utf8.DecodeRune(text)
		out = c.rune(out, r)
		text = text[size:]
	}
	c.scratch = out
	return len(p), c.flush(out)
}

// plain is how many of the next bytes stay as they are whatever follows: nearly all of a transcript, which may be large.
func (c *Cleaner) plain(text []byte) int {
	if c.state != inText || c.cr {
		return 0
	}
	for i, b := range text {
		if (b < 0x20 || b > 0x7e) && b != '\n' && b != '\t' {
			return i
		}
	}
	return len(text)
}

// Close writes what was held back: the begin of a character that never came, or a carriage return.
func (c *Cleaner) Close() error {
	out := c.scratch[:0]
	if len(c.held) > 0 {
		c.held = nil
		out = c.rune(out, utf8.RuneError)
	}
	if c.cr {
		c.cr = false
		out = append(out, '\n')
	}
	return c.flush(out)
}

func (c *Cleaner) flush(out []byte) error {
	if len(out) == 0 {
		return nil
	}
	_, err := c.to.Write(out)
	return err
}

func (c *Cleaner) rune(out []byte, r rune) []byte {
	if c.state != inText && c.sequence(r) {
		return out
	}
	if c.cr {
		c.cr = false
		out = append(out, '\n')
		if r == '\n' {
			return out
		}
	}
	switch {
	case r == '\r':
		c.cr = true
	case r == '\n' || r == '\t':
		out = append(out, byte(r))
	case r == 0x1b:
		c.state = afterEscape
	case r == 0x9b:
		c.state = inSequence
	case r == 0x90 || r == 0x98 || r >= 0x9d && r <= 0x9f:
		c.state, c.length = inString, 0
	case r == '\u2028' || r == '\u2029':
		out = append(out, '\n')
	case !hidden(r):
		out = utf8.AppendRune(out, r)
	}
	return out
}

// sequence takes a character while a control sequence is under way, and says whether it belonged to it. A line end or
// a new escape never does, so that a sequence which is never finished hides nothing after its line.
func (c *Cleaner) sequence(r rune) bool {
	was := c.state
	if r == '\n' || r == '\r' || r == 0x1b && was != inString {
		c.state = inText
		return false
	}
	switch was {
	case afterEscape:
		switch {
		case r == '[':
			c.state = inSequence
		case r == ']' || r == 'P' || r == 'X' || r == '^' || r == '_':
			c.state, c.length = inString, 0
		case r >= 0x20 && r <= 0x2f:
			c.state = inEscape
		default:
			c.state = inText
			return r >= 0x30 && r <= 0x7e
		}
	case inEscape:
		if r < 0x20 || r > 0x2f {
			c.state = inText
			return r >= 0x30 && r <= 0x7e
		}
	case inSequence:
		if r < 0x20 || r > 0x3f {
			c.state = inText
			return r >= 0x40 && r <= 0x7e
		}
	case inString:
		c.length += utf8.RuneLen(r)
		switch {
		case r == 0x1b:
			c.state = stringEscape
		case r == 0x07 || r == 0x9c || c.length >= longestString:
			c.state = inText
		}
	case stringEscape:
		// ESC \ is the end; with anything else the string ended too, and ESC began something new.
		if r == '\\' {
			c.state = inText
			return true
		}
		c.state = afterEscape
		return c.sequence(r)
	}
	return true
}

// hidden says whether a character acts on a terminal or on the reader without being seen.
func hidden(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r <= 0x9f: // C0, DEL, C1
		return true
	case r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // direction
		return true
	case r == 0x00ad, r == 0x200b, r == 0x2060, r == 0xfeff: // no width
		return true
	case r >= 0xfff9 && r <= 0xfffb, r >= 0xe0000 && r <= 0xe007f: // annotations, tags
		return true
	}
	return false
}

// EscapeJSON returns the JSON with the characters that [Clean] would take out written as \u escapes, which means the
// same to a program and nothing to a terminal. It relies on JSON having them only inside of strings.
func EscapeJSON(json []byte) []byte {
	var out []byte
	kept := 0
	for i := 0; i < len(json); {
		r, size := utf8.DecodeRune(json[i:])
		if r >= 0x7f && hidden(r) {
			out = append(out, json[kept:i]...)
			out = appendEscape(out, r)
			kept = i + size
		}
		i += size
	}
	if out == nil {
		return json
	}
	return append(out, json[kept:]...)
}

func appendEscape(out []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	units := []rune{r}
	if r > 0xffff { // a pair of surrogates
		r -= 0x10000
		units = []rune{0xd800 + r>>10, 0xdc00 + r&0x3ff}
	}
	for _, u := range units {
		out = append(out, '\\', 'u', digits[u>>12&15], digits[u>>8&15], digits[u>>4&15], digits[u&15])
	}
	return out
}
