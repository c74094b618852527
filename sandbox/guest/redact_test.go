package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

var someSecrets = secrets{
	"TOKEN": []byte("s3cret/token+value\n"),
	"QUOTE": []byte(`pass"word\x`),
	"PEM":   []byte("-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\nAASCBKcwggSjAgEAAoIBAQC7VJTU\n-----END KEY-----\n"),
}

// Whatever the pieces are, the same comes out, and no secret.
func TestRedact(t *testing.T) {
	p := newPatterns(someSecrets)
	token := "s3cret/token+value"
	folded := func(text string, at int) string {
		var b strings.Builder
		for i, c := range []byte(base64.StdEncoding.EncodeToString([]byte(text))) {
			if i > 0 && i%at == 0 {
				b.WriteString("\r\n"[i%2:])
			}
			b.WriteByte(c)
		}
		return b.String()
	}
	for name, c := range map[string]struct{ text, want string }{
		"nothing":        {"an ordinary line\ns3cret/toke\n", "an ordinary line\ns3cret/toke\n"},
		"alone":          {token, "[secret TOKEN]"},
		"in a line":      {"a " + token + " b\n", "a [secret TOKEN] b\n"},
		"twice":          {token + token, "[secret TOKEN][secret TOKEN]"},
		"false start":    {"s3cres3cret/token+value", "s3cre[secret TOKEN]"},
		"start at end":   {"x s3cret/tok", "x s3cret/tok"},
		"quoted in JSON": {`{"a":"pass\"word\\x"}`, `{"a":"[secret QUOTE]"}`},
		"in an address":  {"GET /?key=s3cret%2Ftoken%2Bvalue HTTP", "GET /?key=[secret TOKEN] HTTP"},
		"in hex":         {fmt.Sprintf("%x %X", token, token), "[secret TOKEN] [secret TOKEN]"},
		"whole key":      {"\n" + string(someSecrets["PEM"]), "\n[secret PEM]\n"},
		"line of a key":  {"+MIIEvQIBADANBgkqhkiG9w0BAQEF\n", "+[secret PEM]\n"},
		"key in JSON":    {`"-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\nAASCBKcwggSjAgEAAoIBAQC7VJTU\n-----END KEY-----\n"`, `"[secret PEM]\n"`},
	} {
		for size := 1; size <= len(c.text); size++ {
			if got := inPieces(p, c.text, size); got != c.want {
				t.Fatalf("%s, in pieces of %d: %q", name, size, got)
			}
		}
	}
	for before := range 7 {
		for _, at := range []int{5, 20, 76} {
			text := folded(strings.Repeat("x", before)+token+"yz", at)
			for size := 1; size <= len(text); size++ {
				if got := inPieces(p, text, size); !strings.Contains(got, "[secret TOKEN]") {
					t.Fatalf("%d bytes before, lines of %d, pieces of %d: %q", before, at, size, got)
				}
			}
		}
		url := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("?", before) + string(someSecrets["PEM"])))
		if got := inPieces(p, url, 3); !strings.Contains(got, "[secret PEM]") {
			t.Errorf("%d bytes before, in URLs: %q", before, got)
		}
	}
}

func inPieces(p *patterns, text string, size int) string {
	r := redactor{patterns: p}
	var out []byte
	for rest := []byte(text); len(rest) > 0; {
		n := min(size, len(rest))
		out = append(out, r.write(rest[:n:n])...)
		rest = rest[n:]
	}
	return string(append(out, r.end()...))
}

// What is not the start of a secret is passed on at once: people watch.
func TestRedactHoldsNothingElse(t *testing.T) {
	r := redactor{patterns: newPatterns(someSecrets)}
	for _, c := range []struct{ in, out string }{{"question? ", "question? "}, {"s3c", ""}, {"x", "s3cx"}, {"a\n-----", "a\n"}, {"---", "---"}} {
		if got := string(r.write([]byte(c.in))); got != c.out {
			t.Errorf("%q: passed on %q", c.in, got)
		}
	}
}

func TestRedactWithoutSecrets(t *testing.T) {
	r := redactor{patterns: newPatterns(nil)}
	if got := r.write([]byte("x")); string(got) != "x" || r.end() != nil {
		t.Errorf("%q", got)
	}
}

// Random texts of pieces of secrets: no piece size changes what comes out, and no secret comes through.
func TestRedactRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	all := secrets{"A": []byte("ababababa"), "B": []byte("abababac"), "C": []byte("babab")}
	p := newPatterns(all)
	for range 2000 {
		text := make([]byte, rng.IntN(60))
		for i := range text {
			text[i] = "abc"[rng.IntN(3)]
		}
		want := string(p.all(text))
		for _, secret := range all {
			if strings.Contains(want, string(secret)) {
				t.Fatalf("%q became %q", text, want)
			}
		}
		for _, size := range []int{1, 2, 7} {
			if got := inPieces(p, string(text), size); got != want {
				t.Fatalf("%q in pieces of %d: %q, not %q", text, size, got, want)
			}
		}
	}
}

func BenchmarkRedact(b *testing.B) {
	text := []byte(strings.Repeat("a line of output as programs print them, some 60 bytes\n", 1000))
	b.SetBytes(int64(len(text)))
	all := secrets{}
	for i := range 5 {
		all[fmt.Sprint("S", i)] = bytes.Repeat([]byte(fmt.Sprintf("%02dSecretValue", i)), 3)
	}
	r := redactor{patterns: newPatterns(all)}
	for b.Loop() {
		r.write(text)
	}
}
