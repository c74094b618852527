package specs

import (
	"bytes"
	"strings"
)

// span is a range of bytes in the source.
type span struct{ from, to int }

// codeSpan is `code` in a paragraph: all of it, and what is between the
// backticks.
type codeSpan struct{ all, inner span }

// codeSpans finds the code spans of a paragraph as CommonMark does, in one
// pass: a run of backticks opens, the next run of the same length closes.
func codeSpans(text []byte, in span) []codeSpan {
	var runs []span
	for i := in.from; i < in.to; i++ {
		if text[i] != '`' {
			continue
		}
		start := i
		for i < in.to && text[i] == '`' {
			i++
		}
		runs = append(runs, span{start, i})
	}
	if len(runs) < 2 {
		return nil
	}
	byLength := map[int][]int{} // runs of each length, those behind us cut off
	for i, r := range runs {
		byLength[r.to-r.from] = append(byLength[r.to-r.from], i)
	}
	var found []codeSpan
	for i := 0; i < len(runs); i++ {
		open := runs[i]
		if escaped(text, in.from, open.from) {
			open.from++
		}
		length := open.to - open.from
		candidates := byLength[length]
		for len(candidates) > 0 && candidates[0] <= i {
			candidates = candidates[1:]
		}
		byLength[length] = candidates
		if length == 0 || len(candidates) == 0 {
			continue
		}
		i = candidates[0]
		found = append(found, codeSpan{
			all:   span{open.from, runs[i].to},
			inner: span{open.to, runs[i].from},
		})
	}
	return found
}

// escaped says whether an odd number of backslashes stands before offset i.
// Each backslash is looked at for one offset only, the one behind its run.
func escaped(text []byte, from, i int) bool {
	n := 0
	for i-n > from && text[i-n-1] == '\\' {
		n++
	}
	return n%2 == 1
}

// finding is what a paragraph says about checks.
type finding struct {
	commands []string
	cuts     []span // what is about checks and so no part of the text, in order
	empty    []int  // offsets of check marks without a usable command
	open     int    // offset of a check mark that ends the paragraph, or -1
	codes    []codeSpan
}

// findChecks reads "Check: `command`" and "[check](path)" in a paragraph.
// Several commands may follow one mark.
func (s *source) findChecks(in span) finding {
	text := s.plain
	f := finding{open: -1, codes: codeSpans(text, in)}
	code := 0
	for i := in.from; i < in.to; i++ {
		for code < len(f.codes) && f.codes[code].all.to <= i {
			code++
		}
		if code < len(f.codes) && f.codes[code].all.from == i {
			i = f.codes[code].all.to - 1
			continue
		}
		switch text[i] {
		case '[':
			if dest, end, ok := checkLink(text, in, i); ok {
				if command := commandOfPath(s.text(dest.from, dest.to)); command != "" {
					f.commands = append(f.commands, command)
					f.cuts = append(f.cuts, span{i, end})
				} else {
					f.empty = append(f.empty, i)
				}
				i = end - 1
			}
		case 'c', 'C':
			end, ok := checkMark(text, in, i)
			if !ok {
				continue
			}
			last, commands := s.commandsAfter(f.codes[code:], span{end, in.to})
			switch {
			case len(commands) > 0:
				f.commands = append(f.commands, commands...)
				cut := widen(text, in, span{i, last})
				f.cuts = append(f.cuts, cut)
				i = cut.to - 1
			case len(bytes.TrimRight(text[end:in.to], blanks)) == 0:
				f.open = i
				f.cuts = append(f.cuts, widen(text, in, span{i, in.to}))
				i = in.to
			default:
				f.empty = append(f.empty, i)
				i = end - 1
			}
		}
	}
	return f
}

// checkMark says whether "check:" or "checks:" starts at i, and where it ends.
// Inside a sentence it must be written "Check:", or follow punctuation, so
// that "Health check: `GET /`" stays text.
func checkMark(text []byte, in span, i int) (int, bool) {
	const word = "check"
	if i+len(word) > in.to || !bytes.EqualFold(text[i:i+len(word)], []byte(word)) {
		return 0, false
	}
	if i > in.from && isWordByte(text[i-1]) {
		return 0, false
	}
	end := i + len(word)
	if end < in.to && (text[end] == 's' || text[end] == 'S') {
		end++
	}
	end = skip(text, end, in.to, "*_ ")
	if end >= in.to || text[end] != ':' {
		return 0, false
	}
	before := bytes.TrimRight(text[in.from:i], blanks+"*_")
	if text[i] == 'c' && len(before) > 0 && (isWordByte(before[len(before)-1]) || before[len(before)-1] == ',') {
		return 0, false
	}
	return skip(text, end+1, in.to, "*_"), true
}

// commandsAfter returns the commands in the code spans that follow a check
// mark with nothing but separators before and between them, and where the last
// of them ends.
func (s *source) commandsAfter(codes []codeSpan, in span) (int, []string) {
	var commands []string
	at := in.from
	for _, c := range codes {
		if c.all.from < at {
			continue
		}
		between := strings.ToLower(string(bytes.Trim(s.plain[at:min(c.all.from, at+64)], blanks+",;")))
		if c.all.from-at > 64 || between != "" && (len(commands) == 0 || between != "and" && between != "&") {
			break
		}
		if command := s.code(c.inner); command != "" {
			commands = append(commands, command)
		}
		at = c.all.to
	}
	return at, commands
}

// widen adds the emphasis and parentheses around a check, and the full stop
// behind it, to what is cut from the text.
func widen(text []byte, in, cut span) span {
	for cut.from > in.from && strings.IndexByte("*_(", text[cut.from-1]) >= 0 {
		cut.from--
	}
	opened := bytes.IndexByte(text[cut.from:min(cut.from+8, cut.to)], '(') == 0
	for cut.to < in.to && (strings.IndexByte("*_.", text[cut.to]) >= 0 || opened && text[cut.to] == ')') {
		cut.to++
	}
	return cut
}

// checkLink reads "[check](destination)" at i and returns the range of the
// destination and the end of the link.
func checkLink(text []byte, in span, i int) (dest span, end int, ok bool) {
	label := i + 1
	n := bytes.IndexByte(text[label:min(label+len("checks]"), in.to)], ']')
	if n < 0 {
		return dest, 0, false
	}
	closing := label + n
	word := string(text[label:closing])
	if !strings.EqualFold(word, "check") && !strings.EqualFold(word, "checks") {
		return dest, 0, false
	}
	if closing+1 >= in.to || text[closing+1] != '(' || escaped(text, in.from, i) {
		return dest, 0, false
	}
	at := skip(text, closing+2, in.to, " ")
	if at < in.to && text[at] == '<' {
		for end = at + 1; end < in.to && text[end] != '>' && text[end] != '<' && text[end] != '\n'; end++ {
		}
		if end >= in.to || text[end] != '>' {
			return dest, 0, false
		}
		dest, end = span{at + 1, end}, end+1
	} else {
		for end = at; end < in.to && strings.IndexByte("() \t\n[", text[end]) < 0; end++ {
		}
		dest = span{at, end}
	}
	end = skip(text, end, in.to, " ")
	if end >= in.to || text[end] != ')' {
		return dest, 0, false
	}
	return dest, end + 1, true
}

// commandOfPath makes a shell command line of the path that a check link
// points to, or "" where it does not point to a file of the project.
func commandOfPath(path string) string {
	if path == "" || strings.HasPrefix(path, "#") || strings.Contains(path, "://") || strings.HasPrefix(path, "mailto:") {
		return ""
	}
	if strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) {
		return ""
	}
	if !strings.Contains(path, "/") {
		path = "./" + path // without a slash the shell would look in PATH
	}
	if strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@%,:") == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// code returns the content of a code span: line ends are spaces, and one space
// on both sides is dropped, so "“ `x` “" is "`x`".
func (s *source) code(in span) string {
	lines := strings.Split(s.text(in.from, in.to), "\n")
	for i := 1; i < len(lines); i++ {
		lines[i] = strings.TrimLeft(lines[i], " \t")
	}
	return strings.TrimSpace(strings.Join(lines, " "))
}

// flat returns the text of a paragraph on one line, without the given cuts
// (in order) and with white space outside of code joined.
func (s *source) flat(in span, codes []codeSpan, cuts []span) string {
	if len(cuts) == 0 && isFlat(s.plain[in.from:in.to]) {
		return strings.TrimSpace(s.text(in.from, in.to))
	}
	f := flattener{source: s, codes: codes}
	at := in.from
	for _, c := range cuts {
		f.write(at, min(c.from, in.to))
		at = max(at, min(c.to, in.to))
		if next := skip(s.plain, at, in.to, blanks); next < in.to && strings.IndexByte(".,;:", s.plain[next]) >= 0 {
			f.out = bytes.TrimRight(f.out, " ") // no space in front of punctuation behind a cut
			at = next
		}
	}
	cutEnd := len(cuts) > 0 && len(bytes.TrimLeft(s.plain[at:in.to], blanks+".")) == 0
	if cutEnd {
		return strings.TrimSuffix(strings.Trim(string(f.out), " ,;:–—("), " -")
	}
	f.write(at, in.to)
	return string(bytes.TrimSpace(f.out))
}

// flattener writes pieces of a paragraph, in order, as one line.
type flattener struct {
	*source
	codes []codeSpan // those not yet written
	out   []byte
}

func (f *flattener) write(from, to int) {
	for from < to {
		for len(f.codes) > 0 && f.codes[0].all.to <= from {
			f.codes = f.codes[1:]
		}
		if len(f.codes) == 0 || f.codes[0].all.from >= to {
			f.prose(from, to)
			return
		}
		code := f.codes[0].all
		if from < code.from {
			f.prose(from, code.from)
			from = code.from
			continue
		}
		end := min(code.to, to)
		f.out = append(f.out, f.code(span{from, end})...)
		from = end
	}
}

// prose writes text with each run of white space as one space.
func (f *flattener) prose(from, to int) {
	space := len(f.out) > 0 && f.out[len(f.out)-1] == ' '
	text := f.text(from, to)
	for i := range len(text) {
		if strings.IndexByte(blanks, text[i]) < 0 {
			f.out = append(f.out, text[i])
			space = false
		} else if !space {
			f.out = append(f.out, ' ')
			space = true
		}
	}
}

// isFlat says whether text is one line with single spaces.
func isFlat(text []byte) bool {
	return bytes.IndexAny(text, "\t\n\v\f") < 0 && !bytes.Contains(text, []byte("  "))
}

func skip(text []byte, i, to int, set string) int {
	for i < to && strings.IndexByte(set, text[i]) >= 0 {
		i++
	}
	return i
}

func isWordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
