package specs

import (
	"bytes"
	"sort"
	"strings"
	"unicode/utf8"
)

// blanks are the bytes that separate words.
const blanks = " \t\n\v\f"

var bom = []byte("\xef\xbb\xbf")

// source is a spec's bytes made ready for a CommonMark parser.
//
// plain has the same length as raw, so an offset means the same place in both:
// the parser reads plain, texts are taken from raw. In plain every line ends
// with "\n", a byte order mark and front matter are blank, and a run of blank
// lines is one blank line (they all mean the same, and goldmark does work and
// keeps memory for each of them at each level of nesting).
type source struct {
	raw   []byte
	plain []byte
	start int   // where the Markdown starts, after byte order mark and front matter
	lines []int // offset of each line
	dirty bool  // raw has NUL, invalid UTF-8 or CR, so texts must be cleaned
}

func newSource(raw []byte) *source {
	s := &source{raw: raw, plain: bytes.Clone(raw)}
	s.dirty = bytes.IndexByte(raw, '\r') >= 0 || bytes.IndexByte(raw, 0) >= 0 || !utf8.Valid(raw)
	if bytes.HasPrefix(raw, bom) {
		s.blank(0, len(bom))
		s.start = len(bom)
	}
	s.unifyLineEnds()
	s.indexLines()
	s.skipFrontMatter()
	s.joinBlankLines()
	return s
}

func (s *source) blank(from, to int) {
	for i := from; i < to; i++ {
		if s.plain[i] != '\n' {
			s.plain[i] = ' '
		}
	}
}

func (s *source) unifyLineEnds() {
	for i := bytes.IndexByte(s.plain, '\r'); i >= 0 && i < len(s.plain); i++ {
		if s.plain[i] != '\r' {
			continue
		}
		if i+1 < len(s.plain) && s.plain[i+1] == '\n' {
			s.plain[i] = ' '
		} else {
			s.plain[i] = '\n'
		}
	}
}

func (s *source) indexLines() {
	s.lines = make([]int, 1, bytes.Count(s.plain, []byte{'\n'})+1)
	for i := 0; ; i++ {
		n := bytes.IndexByte(s.plain[i:], '\n')
		if n < 0 {
			return
		}
		i += n
		s.lines = append(s.lines, i+1)
	}
}

// maxFrontMatter is the number of lines in which front matter must end.
const maxFrontMatter = 200

// skipFrontMatter blanks a block of "key: value" lines between "---" lines at
// the very start. CommonMark would read it as a heading.
func (s *source) skipFrontMatter() {
	if s.line(0) != "---" || !strings.Contains(s.line(1), ":") {
		return
	}
	for n := 1; n < len(s.lines) && n < maxFrontMatter; n++ {
		if l := s.line(n); l == "---" || l == "..." {
			end := s.lineEnd(s.lines[n])
			s.blank(0, end)
			s.start = end
			return
		}
	}
}

// line returns line n (from 0) without surrounding white space, "" past the end.
func (s *source) line(n int) string {
	if n >= len(s.lines) {
		return ""
	}
	return string(bytes.TrimSpace(s.plain[s.lines[n]:s.lineEnd(s.lines[n])]))
}

// joinBlankLines makes one blank line of each run of them. The bytes before the
// last two line ends of the run become spaces at the end of the line before.
func (s *source) joinBlankLines() {
	text := -1 // end of the last line with text, before its line end
	for i := 0; i < len(s.lines); i++ {
		from, to := s.lines[i], s.lineEnd(s.lines[i])
		if len(bytes.TrimRight(s.plain[from:to], " \t\n")) == 0 {
			continue
		}
		if text >= 0 && from-text > 2 {
			// from-1 is the line end before this line.
			for j := text; j < from-2; j++ {
				s.plain[j] = ' '
			}
			s.plain[from-2] = '\n'
		}
		text = to
		if to > from && s.plain[to-1] == '\n' {
			text = to - 1
		}
	}
	if last := len(s.plain) - 1; text >= 0 && text < last {
		for j := text; j < last; j++ {
			s.plain[j] = ' '
		}
		s.plain[last] = '\n'
	}
}

// lineIndex returns the number (from 0) of the line that holds offset.
func (s *source) lineIndex(offset int) int {
	return sort.SearchInts(s.lines, offset+1) - 1
}

// lineStart returns the offset of the start of the line that holds offset.
func (s *source) lineStart(offset int) int { return s.lines[s.lineIndex(offset)] }

// lineEnd returns the offset after the line that holds offset, its line end
// included.
func (s *source) lineEnd(offset int) int {
	if n := s.lineIndex(offset) + 1; n < len(s.lines) {
		return s.lines[n]
	}
	return len(s.raw)
}

func (s *source) pos(offset int) Pos {
	n := s.lineIndex(offset)
	return Pos{Line: n + 1, Column: offset - s.lines[n] + 1}
}

// text returns the author's text between two offsets: valid UTF-8, with "\n"
// line ends and without NUL.
func (s *source) text(from, to int) string {
	if from >= to {
		return ""
	}
	t := string(s.raw[from:to])
	if !s.dirty {
		return t
	}
	t = strings.ReplaceAll(t, "\r\n", "\n")
	t = strings.ReplaceAll(t, "\r", "\n")
	t = strings.ReplaceAll(t, "\x00", "\uFFFD")
	return strings.ToValidUTF8(t, "\uFFFD")
}

// block returns the text between two offsets without blank lines around it.
func (s *source) block(from, to int) string {
	t := strings.TrimRight(s.text(from, to), " \t\n")
	for {
		line, rest, found := strings.Cut(t, "\n")
		if !found || strings.TrimSpace(line) != "" {
			return t
		}
		t = rest
	}
}
