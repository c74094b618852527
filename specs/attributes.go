package specs

import (
	"bytes"
	"slices"
	"strings"
)

// reference is a word in the parentheses of a task, with its place.
type reference struct {
	text string
	at   int
}

// attributes are what "(profile: base, after: T1, covers: R1 R2)" says.
type attributes struct {
	profile []reference
	after   []reference
	covers  []reference
	unknown []reference // keys
	empty   []reference // keys without a value
	first   bool        // the text starts with a key and a colon
	bare    bool        // a key has no colon
	cut     span
}

var knownKeys = []string{"profile", "after", "covers"}

// maxKey is longer than every key.
const maxKey = 24

// findAttributes returns the parentheses of a task's title that hold
// attributes. Parentheses that merely have a colon in them are text.
func (s *source) findAttributes(in span, codes []codeSpan) []attributes {
	var found []attributes
	code := 0
	for i := in.from; i < in.to; i++ {
		for code < len(codes) && codes[code].all.to <= i {
			code++
		}
		if code < len(codes) && codes[code].all.from == i {
			i = codes[code].all.to - 1
			continue
		}
		if s.plain[i] != '(' || !startsWithKey(s.plain[i+1:in.to]) && !startsWithKnown(s.plain[i+1:in.to]) {
			continue
		}
		n := bytes.IndexAny(s.plain[i+1:in.to], "()")
		if n < 0 || s.plain[i+1+n] == '(' {
			continue
		}
		end := i + 1 + n
		a := s.parseAttributes(span{i + 1, end})
		if a.isAttributes() {
			a.cut = span{i, end + 1}
			found = append(found, a)
			i = end
		}
	}
	return found
}

// startsWithKey says whether text starts with a word and a colon.
func startsWithKey(text []byte) bool {
	i := skip(text, 0, len(text), blanks)
	start := i
	for i < len(text) && i-start < maxKey && (isLetter(text[i]) || text[i] == '_' || text[i] == '-') {
		i++
	}
	return i > start && i < len(text) && text[i] == ':'
}

// startsWithKnown says whether text starts with a known key that has no colon.
func startsWithKnown(text []byte) bool {
	text = bytes.TrimLeft(text[:min(len(text), 2*maxKey)], blanks)
	n := bytes.IndexAny(text, blanks)
	return n > 0 && isKnownKey(string(text[:n]))
}

func isKnownKey(word string) bool { return slices.Contains(knownKeys, strings.ToLower(word)) }

// parseAttributes reads keys and values. A word that ends with a colon is a
// key, and so is a known key without one; the words behind it, up to the next
// key, are its values.
func (s *source) parseAttributes(in span) attributes {
	var a attributes
	var key reference
	var values []reference
	store := func() {
		if key.text == "" {
			return
		}
		if len(values) == 0 {
			a.empty = append(a.empty, key)
		}
		switch strings.ToLower(key.text) {
		case "profile":
			a.profile = append(a.profile, values...)
		case "after":
			a.after = append(a.after, values...)
		case "covers":
			a.covers = append(a.covers, values...)
		default:
			a.unknown = append(a.unknown, key)
		}
	}
	const separators = blanks + ",;&`*"
	for i := in.from; i < in.to; {
		i = skip(s.plain, i, in.to, separators)
		start := i
		for i < in.to && s.plain[i] != ':' && strings.IndexByte(separators, s.plain[i]) < 0 {
			i++
		}
		word := reference{s.text(start, i), start}
		switch {
		case i < in.to && s.plain[i] == ':' && i > start:
			store()
			a.first = a.first || key.text == "" && len(values) == 0
			key, values = word, nil
			i++
		case i < in.to && s.plain[i] == ':':
			i++
		case isKnownKey(word.text):
			store()
			a.bare = true
			key, values = word, nil
		case word.text != "" && word.text != "and":
			values = append(values, word)
		}
	}
	store()
	return a
}

// isAttributes tells attributes from prose in parentheses: a key is known, or
// nearly so.
func (a attributes) isAttributes() bool {
	if a.bare && !a.namesOnly() { // "(after the party)"
		return false
	}
	return len(a.profile)+len(a.after)+len(a.covers) > 0 || a.knownEmpty() || a.typo()
}

func (a attributes) knownEmpty() bool {
	return slices.ContainsFunc(a.empty, func(key reference) bool { return isKnownKey(key.text) })
}

// isBullet says whether a nested list item such as "- After: T1" holds
// attributes: it starts with a known key, there is no other, and the values
// are names. "- Covers: empty input" is prose.
func (a attributes) isBullet() bool {
	return a.first && len(a.unknown) == 0 && len(a.empty) == 0 && len(a.profile) <= 1 && a.namesOnly()
}

// namesOnly says whether there are values, and those of after and covers look
// like ids. One plain word behind after is the id of a task, too.
func (a attributes) namesOnly() bool {
	if len(a.after) == 1 && isSlug(a.after[0].text) {
		return !slices.ContainsFunc(a.covers, notAnID)
	}
	refs := slices.Concat(a.after, a.covers)
	return len(refs)+len(a.profile) > 0 && !slices.ContainsFunc(refs, notAnID)
}

func notAnID(r reference) bool { return !looksLikeID(r.text) }

// typo says whether a key is one letter away from a known one.
func (a attributes) typo() bool {
	for _, key := range a.unknown {
		for _, known := range knownKeys {
			if oneEdit(strings.ToLower(key.text), known) {
				return true
			}
		}
	}
	return false
}

// oneEdit says whether a becomes b by one letter put in, left out or replaced,
// or by two neighbours changing places.
func oneEdit(a, b string) bool {
	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		start++
	}
	end := 0
	for end < len(a)-start && end < len(b)-start && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	x, y := a[start:len(a)-end], b[start:len(b)-end]
	return len(x) <= 1 && len(y) <= 1 || len(x) == 2 && len(y) == 2 && x[0] == y[1] && x[1] == y[0]
}
