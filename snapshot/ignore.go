package snapshot

import (
	"fmt"
	"strings"
)

// rules are the ignore patterns that hold below one folder, from one file. Rules of a deeper folder come first; the
// last pattern that matches decides.
//
// They are read and applied here, not by git: git opens ignore files and the .git of nested repositories wherever it
// meets them, so a pipe in their place would stop it forever. A test holds the outcome against git's own.
type rules struct {
	outer    *rules
	size     int    // of the text, with that of outer
	base     string // the folder, "" for the root
	patterns []pattern
}

// pattern is one line of an ignore file.
type pattern struct {
	text    string // without negation, leading and trailing slash
	prefix  int    // so many bytes of text are no wildcards
	glob    *glob  // what follows the prefix; for a name pattern with wildcards all of it
	negate  bool
	folders bool // matches folders only
	name    bool // has no slash: matches the last part of a path at any depth
	suffix  bool // a star and then plain text
}

// maxIgnoreText is what the ignore files of a folder and those above it may hold together: far more than any that a
// person wrote. Without a bound, an agent could fill the host's memory with them.
const maxIgnoreText = 128 << 10

var errIgnoreText = fmt.Errorf("more than %d bytes of patterns here and above", maxIgnoreText)

// parseRules reads an ignore file as git does (dir.c, add_patterns_from_buffer). Every text is valid, but there can be
// too much of it: then what is returned are the outer rules.
func parseRules(outer *rules, base string, text []byte) (*rules, error) {
	r := &rules{outer: outer, base: base, size: len(text)}
	if outer != nil {
		r.size += outer.size
	}
	if r.size > maxIgnoreText {
		return outer, errIgnoreText
	}
	for line := range strings.SplitSeq(strings.TrimPrefix(string(text), "\xef\xbb\xbf"), "\n") {
		line, _, _ = strings.Cut(strings.TrimSuffix(line, "\r"), "\x00")
		if line == "" || line[0] == '#' {
			continue
		}
		if p, ok := parsePattern(trimSpaces(line)); ok {
			r.patterns = append(r.patterns, p)
		}
	}
	if len(r.patterns) == 0 {
		return outer, nil
	}
	return r, nil
}

// trimSpaces drops spaces at the end that no backslash stands before.
func trimSpaces(line string) string {
	end := -1
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case ' ':
			if end < 0 {
				end = i
			}
			continue
		case '\\':
			if i++; i == len(line) {
				return line
			}
		}
		end = -1
	}
	if end < 0 {
		return line
	}
	return line[:end]
}

func parsePattern(line string) (pattern, bool) {
	var p pattern
	line, p.negate = strings.CutPrefix(line, "!")
	line, p.folders = strings.CutSuffix(line, "/")
	p.name = !strings.Contains(line, "/")
	p.suffix = p.name && strings.HasPrefix(line, "*") && plainPrefix(line[1:]) == len(line)-1
	p.text = strings.TrimPrefix(line, "/")
	p.prefix = plainPrefix(p.text)
	switch {
	case p.text == "":
		return p, false
	case p.suffix || p.prefix == len(p.text):
	case p.name:
		p.glob = parseGlob(p.text, false)
	default:
		p.glob = parseGlob(p.text[p.prefix:], true)
	}
	return p, true
}

// matches tells whether the pattern matches the path, which is relative to the folder of its file.
func (p *pattern) matches(path, name string, folder bool) bool {
	switch {
	case p.folders && !folder:
		return false
	case p.suffix:
		return strings.HasSuffix(name, p.text[1:])
	case p.name && p.prefix == len(p.text):
		return name == p.text
	case p.name:
		return p.glob.match(name)
	case !strings.HasPrefix(path, p.text[:p.prefix]):
		return false
	case p.prefix == len(p.text):
		return len(path) == p.prefix
	default:
		return p.glob.match(path[p.prefix:])
	}
}

// ignored tells whether the entry itself is ignored. That a folder above it is, is for the caller to know.
func (r *rules) ignored(path string, folder bool) bool {
	name := path[strings.LastIndexByte(path, '/')+1:]
	for ; r != nil; r = r.outer {
		rel := path
		if r.base != "" {
			rel = path[len(r.base)+1:]
		}
		for i := len(r.patterns) - 1; i >= 0; i-- {
			if p := &r.patterns[i]; p.matches(rel, name, folder) {
				return !p.negate
			}
		}
	}
	return false
}
