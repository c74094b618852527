package specs

import (
	"bytes"
	"strings"
)

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
