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
	return !bytes.ContainsAny(text, "\t\n\v\f") && !bytes.Contains(text, []byte("  "))
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
