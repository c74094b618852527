package main

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
)

// secrets are the contents of the sandbox's secrets, by name. They are read before the first command, because what a
// command makes of the files later is not what the host gave.
type secrets map[string][]byte

// patterns are the forms of all secrets that are looked for in what is passed on. It is done here, by the first who
// reads what a command writes: so neither the record nor anything that is made of it ever has a secret, also when the
// host is another process by then, or the secret another one.
type patterns struct {
	list  [256][]*pattern // by their first byte, longest first
	pairs [1 << 16]bool   // the two bytes that one can begin with, so that most of a text costs one look
	known bool
}

type pattern struct {
	text   []byte
	with   []byte
	folded bool // line ends within the text do not matter, as in what base64(1) writes
}

// shortestLine is what a line of a secret with several lines must have to be looked for on its own: those of keys are
// longer, and an ordinary word is no secret.
const shortestLine = 16

func newPatterns(all secrets) *patterns {
	p := &patterns{}
	for name, value := range all {
		value = bytes.TrimRight(value, "\r\n")
		with := []byte("[secret " + name + "]")
		p.add(pattern{text: value, with: with})
		for line := range bytes.Lines(value) {
			if line = bytes.TrimSpace(line); len(line) >= shortestLine && len(line) < len(value) {
				p.add(pattern{text: line, with: with})
			}
		}
		if quoted, err := json.Marshal(string(value)); err == nil {
			p.add(pattern{text: quoted[1 : len(quoted)-1], with: with})
		}
		for _, text := range [][]byte{percent(value), fmt.Appendf(nil, "%x", value), fmt.Appendf(nil, "%X", value)} {
			p.add(pattern{text: text, with: with})
		}
		for _, text := range encoded(value) {
			p.add(pattern{text: text, with: with, folded: true})
		}
	}
	for _, list := range p.list {
		slices.SortStableFunc(list, func(a, b *pattern) int {
			return cmp.Or(cmp.Compare(len(b.text), len(a.text)), bytes.Compare(a.with, b.with))
		})
	}
	return p
}

func (p *patterns) add(one pattern) {
	if len(one.text) == 0 {
		return
	}
	first := one.text[0]
	if slices.ContainsFunc(p.list[first], func(o *pattern) bool { return bytes.Equal(o.text, one.text) }) {
		return
	}
	p.list[first] = append(p.list[first], &one)
	for second := range 256 {
		fits := len(one.text) == 1 || byte(second) == one.text[1] || one.folded && (second == '\r' || second == '\n')
		p.pairs[int(first)<<8|second] = p.pairs[int(first)<<8|second] || fits
	}
	p.known = true
}

// encoded returns what of the secret's base64 depends on nothing else, for each of the three places where it can begin
// within the groups of three bytes, in both alphabets.
func encoded(value []byte) (forms [][]byte) {
	for before := range 3 {
		bytes := append(make([]byte, before), value...)
		from, to := (before*8+5)/6, len(bytes)*8/6
		for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			forms = append(forms, []byte(alphabet.EncodeToString(bytes))[from:to])
		}
	}
	return forms
}

// percent returns the secret as it stands in an address.
func percent(value []byte) (text []byte) {
	for _, c := range value {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || bytes.IndexByte([]byte("-._~"), c) >= 0 {
			text = append(text, c)
		} else {
			text = fmt.Appendf(text, "%%%02X", c)
		}
	}
	return text
}

// match compares the start of the text. With more, the text ends before that can be told.
func (p *pattern) match(text []byte) (n int, more bool) {
	for i := 0; i < len(p.text); i++ {
		if p.folded && i > 0 {
			if n < len(text) && text[n] == '\r' {
				n++
			}
			if n < len(text) && text[n] == '\n' {
				n++
			}
		}
		if n == len(text) {
			return 0, true
		}
		if text[n] != p.text[i] {
			return 0, false
		}
		n++
	}
	return n, false
}

// redactor replaces secrets in one stream, however that is cut into pieces.
type redactor struct {
	*patterns
	held []byte // the end of what was written, as long as it can be the start of a secret
}

// write returns what can be passed on by now. It is valid until the next call.
func (r *redactor) write(b []byte) []byte {
	if !r.known {
		return b
	}
	return r.replace(append(r.held, b...), false)
}

// end returns what is left at the end of the stream.
func (r *redactor) end() []byte {
	if len(r.held) == 0 {
		return nil
	}
	return r.replace(r.held, true)
}

// replace works on a text that is its own to keep.
func (r *redactor) replace(text []byte, ended bool) []byte {
	var out []byte
	from := 0
	r.held = nil
	for i := 0; i < len(text); {
		i += r.skip(text[i:])
		n, with, more := r.at(text[i:])
		switch {
		case more && !ended:
			r.held = bytes.Clone(text[i:])
			return append(out, text[from:i]...)
		case n > 0:
			out = append(append(out, text[from:i]...), with...)
			i += n
			from = i
		default:
			i++
		}
	}
	return append(out, text[from:]...)
}

// skip returns how much of a text that is not empty no secret begins in, at most up to its last byte.
func (p *patterns) skip(text []byte) int {
	pairs := &p.pairs
	pair := uint16(text[0])
	for i, b := range text[1:] {
		if pair = pair<<8 | uint16(b); pairs[pair] {
			return i
		}
	}
	return len(text) - 1
}

// at looks for a secret at the start of the text.
func (r *redactor) at(text []byte) (n int, with []byte, more bool) {
	for _, p := range r.list[text[0]] {
		m, unsure := p.match(text)
		more = more || unsure
		if m > 0 {
			return m, p.with, more
		}
	}
	return 0, nil, more
}

// all replaces the secrets in a whole text.
func (p *patterns) all(text []byte) []byte {
	r := redactor{patterns: p}
	return append(bytes.Clone(r.write(text)), r.end()...)
}
