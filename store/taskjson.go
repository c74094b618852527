package store

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wrapix/wrapix/engine"
)

// decodeTask reads the JSON that json.Marshal made of a task, which the record's checksum vouches for. What it does not
// know it leaves to json.Unmarshal, which takes twenty times as long; so a new field is slow, not wrong. The strings of
// the task are parts of text.
func decodeTask(text string, t *engine.Task) error {
	r := reader{text: text}
	for r.members() {
		switch r.key() {
		case "id":
			t.ID = engine.TaskID(r.string())
		case "title":
			t.Title = r.string()
		case "description":
			t.Description = r.string()
		case "profile":
			t.Profile = r.string()
		case "after":
			t.After = list[engine.TaskID](&r)
		case "covers":
			t.Covers = list[string](&r)
		case "checks":
			t.Checks = list[string](&r)
		case "state":
			t.State = engine.TaskState(r.string())
		case "attempts":
			t.Attempts = r.int()
		case "check_runs":
			t.CheckRuns = r.int()
		case "failures":
			t.Failures = r.int()
		case "verified":
			t.Verified = r.bool()
		case "last_failure":
			t.LastFailure = r.failure()
		case "tree":
			t.Tree = r.string()
		case "head":
			t.Head = r.string()
		case "note":
			t.Note = r.string()
		default: // what runs, waits or was answered: few tasks have it
			r.failed = true
		}
	}
	if !r.failed && r.at == len(r.text) {
		return nil
	}
	*t = engine.Task{}
	return json.Unmarshal([]byte(text), t)
}

// reader goes through compact JSON, without any space. Once it failed it reads nothing more.
type reader struct {
	text   string
	at     int
	failed bool
}

// is takes the byte if it comes next.
func (r *reader) is(c byte) bool {
	if r.failed || r.at >= len(r.text) || r.text[r.at] != c {
		return false
	}
	r.at++
	return true
}

func (r *reader) must(c byte) {
	if !r.is(c) {
		r.failed = true
	}
}

// members goes to the next member of an object, and says whether there is one. Its value must be read before the next.
func (r *reader) members() bool {
	switch {
	case r.failed || r.is('}'):
		return false
	case r.is('{'):
		return !r.is('}')
	}
	r.must(',')
	return !r.failed
}

func (r *reader) key() string {
	r.must('"')
	for end := r.at; end+1 < len(r.text) && !r.failed; end++ { // keys are short and have no escapes
		if r.text[end] == '"' && r.text[end+1] == ':' {
			key := r.text[r.at:end]
			r.at = end + 2
			return key
		}
	}
	r.failed = true
	return ""
}

func (r *reader) word(word string) bool {
	if r.failed || !strings.HasPrefix(r.text[r.at:], word) {
		return false
	}
	r.at += len(word)
	return true
}

func (r *reader) bool() *bool {
	var yes bool
	switch {
	case r.word("null"):
		return nil
	case r.word("true"):
		yes = true
	case !r.word("false"):
		r.failed = true
	}
	return &yes
}

func (r *reader) int() int {
	end := r.at
	for end < len(r.text) && (r.text[end] == '-' || '0' <= r.text[end] && r.text[end] <= '9') {
		end++
	}
	n, err := strconv.Atoi(r.text[r.at:end])
	r.at, r.failed = end, r.failed || err != nil
	return n
}

func (r *reader) string() string {
	if r.must('"'); r.failed {
		return ""
	}
	rest := r.text[r.at:]
	end := strings.IndexByte(rest, '"')
	if end < 0 {
		r.failed = true
		return ""
	}
	if strings.IndexByte(rest[:end], '\\') < 0 {
		r.at += end + 1
		return rest[:end]
	}
	return r.unescape(rest)
}

// unescape reads a string that has escapes, from behind its quote.
func (r *reader) unescape(rest string) string {
	var b strings.Builder
	for {
		next := strings.IndexAny(rest, `"\`)
		if next < 0 || next+1 >= len(rest) && rest[next] == '\\' {
			r.failed = true
			return ""
		}
		b.WriteString(rest[:next])
		if rest[next] == '"' {
			r.at = len(r.text) - len(rest) + next + 1
			return b.String()
		}
		escape := rest[next+1]
		rest = rest[next+2:]
		switch escape {
		case '"', '\\', '/':
			b.WriteByte(escape)
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 'r':
			b.WriteByte('\r')
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		case 'u':
			if len(rest) < 4 {
				r.failed = true
				return ""
			}
			n, err := strconv.ParseUint(rest[:4], 16, 16)
			if err != nil || !utf8.ValidRune(rune(n)) { // half of a pair
				r.failed = true
				return ""
			}
			b.WriteRune(rune(n))
			rest = rest[4:]
		default:
			r.failed = true
			return ""
		}
	}
}

func list[S ~string](r *reader) []S {
	if r.word("null") {
		return nil
	}
	r.must('[')
	items := []S{}
	for !r.failed && !r.is(']') {
		if len(items) > 0 {
			r.must(',')
		}
		items = append(items, S(r.string()))
	}
	return items
}

func (r *reader) failure() *engine.Failure {
	var f engine.Failure
	for r.members() {
		switch r.key() {
		case "attempt":
			f.Attempt = r.int()
		case "reason":
			f.Reason = r.string()
		case "evidence":
			f.Evidence = r.string()
		case "tree":
			f.Tree = r.string()
		case "head":
			f.Head = r.string()
		case "same":
			f.Same = r.int()
		default:
			r.failed = true
		}
	}
	return &f
}
