package snapshot

import (
	"bytes"
	"strings"
)

// glob is one wildcard pattern in git's form (wildmatch.c). It is matched by following all ways at once, so that no
// pattern can make a match take longer than its length times that of the text: patterns come from the work tree, and
// the usual way with backtracking lets `*a*a*a*a*b` stop a host.
type glob struct {
	tokens []token
	path   bool // wildcards do not match a slash
}

type tokenKind uint8

const (
	literal    tokenKind = iota // one given byte
	anyOne                      // ?
	class                       // [...]
	star                        // *
	doubleStar                  // ** between slashes: any text, slashes too
	maybeDir                    // before a ** and its slash: both may be absent
)

type token struct {
	kind tokenKind
	char byte
	set  *[256]bool
}

// wild are the bytes that make a pattern more than plain text.
const wild = `*?[\`

func plainPrefix(pattern string) int {
	if i := strings.IndexAny(pattern, wild); i >= 0 {
		return i
	}
	return len(pattern)
}

// parseGlob returns nil for a pattern that can match nothing, such as one with an open bracket.
func parseGlob(pattern string, path bool) *glob {
	g := &glob{path: path}
	for i := 0; i < len(pattern); {
		switch c := pattern[i]; c {
		case '?':
			g.tokens = append(g.tokens, token{kind: anyOne})
			i++
		case '*':
			end := i
			for end < len(pattern) && pattern[end] == '*' {
				end++
			}
			kind := g.stars(pattern, i, end)
			if kind == doubleStar && strings.HasPrefix(pattern[end:], "/") && path {
				g.tokens = append(g.tokens, token{kind: maybeDir})
			}
			g.tokens = append(g.tokens, token{kind: kind})
			i = end
		case '[':
			set, end := parseClass(pattern, i+1)
			if set == nil {
				return nil
			}
			g.tokens = append(g.tokens, token{kind: class, set: set})
			i = end
		case '\\':
			if i+1 == len(pattern) {
				return nil
			}
			g.tokens = append(g.tokens, token{kind: literal, char: pattern[i+1]})
			i += 2
		default:
			g.tokens = append(g.tokens, token{kind: literal, char: c})
			i++
		}
	}
	return g
}

// stars tells what the run of stars pattern[i:end] means: two or more are special only where they fill the whole room
// between slashes.
func (g *glob) stars(pattern string, i, end int) tokenKind {
	after := pattern[end:]
	bounded := (i == 0 || pattern[i-1] == '/') &&
		(after == "" || after[0] == '/' || strings.HasPrefix(after, `\/`))
	switch {
	case !g.path:
		return doubleStar // there are no slashes to stop at
	case end-i < 2 || !bounded:
		return star
	default:
		return doubleStar
	}
}

// match tells whether the pattern matches all of text.
func (g *glob) match(text string) bool {
	if g == nil {
		return false
	}
	var room [2][64]bool
	now, next := room[0][:], room[1][:]
	if n := len(g.tokens) + 1; n > len(now) {
		now, next = make([]bool, n), make([]bool, n)
	}
	g.enter(now, 0)
	for i := 0; i < len(text); i++ {
		alive := false
		for at, t := range g.tokens {
			if !now[at] {
				continue
			}
			now[at] = false
			if !t.takes(text[i], g.path) {
				continue
			}
			alive = true
			if t.kind >= star {
				g.enter(next, at)
			} else {
				g.enter(next, at+1)
			}
		}
		if !alive {
			return false
		}
		now[len(g.tokens)] = false
		now, next = next, now
	}
	return now[len(g.tokens)]
}

// enter marks the token at as one that may come next, and those that follow where it may stand for nothing.
func (g *glob) enter(set []bool, at int) {
	for !set[at] { // else those that follow are marked too
		set[at] = true
		if at == len(g.tokens) || g.tokens[at].kind < star {
			return
		}
		if g.tokens[at].kind == maybeDir {
			g.enter(set, at+3)
		}
		at++
	}
}

func (t token) takes(c byte, path bool) bool {
	switch t.kind {
	case literal:
		return t.char == c
	case class:
		return t.set[c] && (!path || c != '/')
	case anyOne, star:
		return !path || c != '/'
	default:
		return t.kind == doubleStar
	}
}

// parseClass reads a bracket expression from behind its bracket, and returns the bytes it holds and where it ends; nil
// when it is not closed or names an unknown class.
func parseClass(p string, i int) (*[256]bool, int) {
	var set [256]bool
	negate := i < len(p) && (p[i] == '!' || p[i] == '^')
	if negate {
		i++
	}
	var prev byte // 0: no range can begin here
	for first := true; ; first = false {
		if i >= len(p) {
			return nil, 0
		}
		c := p[i]
		if c == ']' && !first {
			break
		}
		switch {
		case c == '\\':
			if i++; i >= len(p) {
				return nil, 0
			}
			prev = p[i]
			set[prev] = true
		case c == '-' && prev != 0 && i+1 < len(p) && p[i+1] != ']':
			i++
			if p[i] == '\\' {
				if i++; i >= len(p) {
					return nil, 0
				}
			}
			for b := int(prev); b <= int(p[i]); b++ {
				set[b] = true
			}
			prev = 0
		case c == '[' && i+1 < len(p) && p[i+1] == ':':
			end := strings.IndexByte(p[i+2:], ']')
			if end < 0 {
				return nil, 0
			}
			name := p[i+2 : i+2+end]
			if !strings.HasSuffix(name, ":") { // no class after all: a plain bracket
				set['['] = true
				prev = '['
				break
			}
			in := classes[strings.TrimSuffix(name, ":")]
			if in == nil {
				return nil, 0
			}
			for b := range 128 {
				set[b] = set[b] || in(byte(b))
			}
			i += 2 + end
			prev = 0
		default:
			set[c] = true
			prev = c
		}
		i++
	}
	if negate {
		for b := range set {
			set[b] = !set[b]
		}
	}
	return &set, i + 1
}

const punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

var classes = map[string]func(byte) bool{
	"alnum":  func(c byte) bool { return isAlpha(c) || isDigit(c) },
	"alpha":  isAlpha,
	"blank":  func(c byte) bool { return c == ' ' || c == '\t' },
	"cntrl":  func(c byte) bool { return c < ' ' || c == 127 },
	"digit":  isDigit,
	"graph":  func(c byte) bool { return c > ' ' && c < 127 },
	"lower":  func(c byte) bool { return c >= 'a' && c <= 'z' },
	"print":  func(c byte) bool { return c >= ' ' && c < 127 },
	"punct":  func(c byte) bool { return bytes.IndexByte([]byte(punctuation), c) >= 0 },
	"space":  func(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' },
	"upper":  func(c byte) bool { return c >= 'A' && c <= 'Z' },
	"xdigit": func(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' },
}

func isAlpha(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
