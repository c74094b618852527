package specs

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// maxID is the longest id: it becomes part of folder and container names.
const maxID = 32

// reservedTasks are ids that a workflow uses for attempts of its own.
var reservedTasks = []string{"plan", "ready", "criteria"}

// isReserved says whether ralph keeps this task id for itself.
func isReserved(id string) bool {
	return slices.Contains(reservedTasks, strings.ToLower(id))
}

// idShape says whether a text can be an id: letters, digits, "-", "_" and "."
// only, the first a letter or digit.
func idShape(id string) bool {
	if id == "" || len(id) > maxID || !isDigit(id[0]) && !isLetter(id[0]) {
		return false
	}
	for i := range len(id) {
		if c := id[i]; !isDigit(c) && !isLetter(c) && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// writtenID is an id that the author put in front of an item.
type writtenID struct {
	id  string
	at  int // where it stands
	end int // where the text behind it starts
	bad bool
}

// idMarks are the marks in which people put an id, longest first. Inside the
// strong ones a plain word counts as an id, too.
var idMarks = []struct {
	open, close string
	strong      bool
}{
	{"**", "**", true}, {"__", "__", true}, {"*", "*", false}, {"_", "_", false}, {"`", "`", false}, {"[", "]", true},
}

// idStyle says how the ids of one kind of item look: their prefix, the words
// that stand for it ("Task 3" is T3), and whether a word can be an id.
type idStyle struct {
	prefix string
	words  []string
	slugs  bool
}

var (
	taskIDs        = idStyle{prefix: "T", words: []string{"task"}, slugs: true}
	headingTaskIDs = idStyle{prefix: "T", words: []string{"task"}}
	requirementIDs = idStyle{prefix: "R", words: []string{"requirement", "req"}}
	constraintIDs  = idStyle{prefix: "N", words: []string{"requirement", "req"}}
)

// idAt reads an id at the start of an item: "**T1** title", "T1: title",
// "[T1] title", "**Task 1:** title".
func (s *source) idAt(in span, style idStyle) (writtenID, bool) {
	text := s.plain
	at := skip(text, in.from, in.to, blanks)
	for _, m := range idMarks {
		rest := text[at:min(at+maxID*4, in.to)]
		if !bytes.HasPrefix(rest, []byte(m.open)) {
			continue
		}
		inside := rest[len(m.open):]
		n := bytes.Index(inside, []byte(m.close))
		if n < 0 {
			return writtenID{}, false
		}
		end := at + len(m.open) + n + len(m.close)
		if m.open == "[" && end < in.to && (text[end] == '(' || text[end] == '[') {
			return writtenID{}, false // a link
		}
		token := strings.TrimRight(strings.TrimSpace(string(inside[:n])), ".:) ")
		w := writtenID{id: token, at: at + len(m.open), end: skip(text, end, in.to, ":.)"+blanks)}
		if id, ok := numbered(token, style); ok {
			w.id = id
		} else if !looksLikeID(token) && !(m.strong && style.slugs && isSlug(token)) {
			w.bad = badID(token, style.prefix)
			return w, w.bad
		}
		w.end = skipDash(text, w.end, in.to)
		return w, true
	}
	return s.bareID(span{at, in.to}, style)
}

// bareID reads an id without marks around it.
func (s *source) bareID(in span, style idStyle) (writtenID, bool) {
	text := s.plain
	rest := text[in.from:min(in.from+maxID*2, in.to)]
	n := bytes.IndexAny(rest, blanks+":)")
	if n <= 0 {
		return writtenID{}, false
	}
	token := strings.TrimRight(string(rest[:n]), ".")
	end := in.from + n
	if slices.Contains(style.words, strings.ToLower(token)) { // "Task 1: title"
		from := skip(text, end, in.to, " ")
		digits := skip(text, from, in.to, "0123456789")
		if digits == from || digits >= in.to || digits-from > 6 || strings.IndexByte(":.)", text[digits]) < 0 && skipDash(text, digits, in.to) == digits {
			return writtenID{}, false
		}
		end = skip(text, digits, in.to, ":.)"+blanks)
		return writtenID{id: style.prefix + string(text[from:digits]), at: in.from, end: skipDash(text, end, in.to)}, true
	}
	if !looksLikeID(token) {
		return writtenID{}, false
	}
	separated := skip(text, end, in.to, ":)")
	after := skipDash(text, separated, in.to)
	ownPrefix := strings.HasPrefix(token, style.prefix) && isDigit(token[len(style.prefix)])
	if after == end && !strings.HasSuffix(string(rest[:n]), ".") && !ownPrefix {
		return writtenID{}, false
	}
	return writtenID{id: token, at: in.from, end: skip(text, after, in.to, blanks)}, true
}

// skipDash skips a dash that separates an id from its text.
func skipDash(text []byte, i, to int) int {
	at := skip(text, i, to, blanks)
	for _, dash := range []string{"-", "–", "—", ":"} {
		if rest := text[at:to]; len(rest) > len(dash) && string(rest[:len(dash)]) == dash && strings.IndexByte(blanks, rest[len(dash)]) >= 0 {
			return skip(text, at+len(dash), to, blanks)
		}
	}
	return i
}

// numbered turns "Task 3" into "T3".
func numbered(token string, style idStyle) (string, bool) {
	word, number, found := strings.Cut(token, " ")
	if !found || !slices.Contains(style.words, strings.ToLower(word)) || !isNumber(number) || len(number) > 6 {
		return "", false
	}
	return style.prefix + number, true
}

// idPrefixes are what people write in front of a number without a dash. A single
// letter counts, too; other words ("SHA256") are words.
var idPrefixes = []string{"task", "req", "fr", "nfr", "nf", "nr", "us", "ac"}

// looksLikeID says whether a token is a letter or known prefix and a number
// ("T1", "FR2", "T1a", "T1.2"), or a word, a dash and a number ("AUTH-12").
func looksLikeID(token string) bool {
	if !idShape(token) || !isLetter(token[0]) {
		return false
	}
	n := 0
	for n < len(token) && isLetter(token[n]) {
		n++
	}
	word, rest := token[:n], token[n:]
	dashed := rest != "" && (rest[0] == '-' || rest[0] == '_')
	if dashed {
		rest = rest[1:]
	}
	if rest == "" || !isDigit(rest[0]) {
		return false
	}
	if !dashed && len(word) > 1 && !slices.Contains(idPrefixes, strings.ToLower(word)) {
		return false
	}
	tail := strings.TrimLeft(rest, "0123456789")
	return len(tail) <= 1 || strings.Trim(tail, "0123456789.-") == ""
}

// isSlug says whether a token is a word in lower case, such as "parser" or
// "add-command": an id when it is marked as one.
func isSlug(token string) bool {
	if !idShape(token) || !isLetter(token[0]) {
		return false
	}
	return token == strings.ToLower(token)
}

// badID says whether a token was meant as an id but cannot be one, such as
// "T1/2".
func badID(token, prefix string) bool {
	rest, ok := strings.CutPrefix(token, prefix)
	return ok && rest != "" && isDigit(rest[0]) && !strings.Contains(token, " ")
}

// numbering hands out the ids that the author did not write.
type numbering struct {
	prefix string
	next   int
	used   map[string]bool // written ids, in lower case
}

func newNumbering(prefix string) *numbering {
	return &numbering{prefix: prefix, used: map[string]bool{}}
}

func (n *numbering) take(id string) { n.used[strings.ToLower(id)] = true }

func (n *numbering) free() string {
	for {
		n.next++
		id := n.prefix + strconv.Itoa(n.next)
		if !n.used[strings.ToLower(id)] {
			n.take(id)
			return id
		}
	}
}

// quote makes text from a spec safe and short enough for a diagnostic.
func quote(text string) string {
	const most = 60
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return strconv.Quote(text)
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
func isDigit(c byte) bool    { return c >= '0' && c <= '9' }
func isLetter(c byte) bool   { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
