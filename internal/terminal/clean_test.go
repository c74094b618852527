package terminal

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var cleaned = []struct{ name, in, out string }{
	{"plain", "hello, wörld 你好 👍\n\tx", "hello, wörld 你好 👍\n\tx"},
	{"colour", "\x1b[31mred\x1b[0m", "red"},
	{"cursor and erase", "a\x1b[2J\x1b[1;1Hb", "ab"},
	{"title by BEL", "\x1b]0;owned\x07x", "x"},
	{"title by ST", "\x1b]0;owned\x1b\\x", "x"},
	{"clipboard", "\x1b]52;c;cm0gLXJmIC8=\x07x", "x"},
	{"device control", "\x1bPq#0;2;0;0;0\x1b\\x", "x"},
	{"two-character escapes", "\x1bcx\x1b7y\x1b(Bz", "xyz"},
	{"escape begins anew", "\x1b\x1b[31mx\x1b]a\x1b[31my", "xy"},
	{"8-bit CSI in UTF-8", "a\u009b31mb", "ab"},
	{"8-bit OSC in UTF-8", "a\u009d0;t\u009cb", "ab"},
	{"8-bit bytes are not UTF-8", "a\x9b31mb", "a�31mb"},
	{"unfinished string hides its line only", "a\x1b]0;\nrm -rf /", "a\nrm -rf /"},
	{"unfinished sequence", "a\x1b[31", "a"},
	{"sequence broken by text", "a\x1b[3é", "aé"},
	{"carriage return does not overwrite", "evil\rgood", "evil\ngood"},
	{"line ends of Windows", "a\r\nb\r\n", "a\nb\n"},
	{"last carriage return", "a\r", "a\n"},
	{"backspace, bell, NUL, DEL", "a\b\x07\x00\x7fb", "ab"},
	{"direction", "a\u202eb\u2066c\u200fd\u061ce", "abcde"},
	{"unseen", "a\u200bb\ufeffc\u2060d\u00ade\U000e0041f", "abcdef"},
	{"joined emoji stays", "👩‍💻", "👩‍💻"},
	{"line separator", "a\u2028b", "a\nb"},
	{"not UTF-8", "a\xffb\xe4\xbd", "a�b�"},
	{"encoded surrogate", "\xed\xa0\x80", "���"},
}

func TestClean(t *testing.T) {
	for _, tt := range cleaned {
		if got := Clean(tt.in); got != tt.out {
			t.Errorf("%s: Clean(%q) = %q, want %q", tt.name, tt.in, got, tt.out)
		}
	}
	long := "\x1b]" + strings.Repeat("x", longestString) + "seen"
	if got := Clean(long); got != "seen" {
		t.Errorf("a string without an end hides %d bytes", len(long)-len(got))
	}
	if got := Line(" a\x1b[1m\n\n\tb\r c "); got != "a b c" {
		t.Errorf("Line: %q", got)
	}
}

// A stream may be cut anywhere.
func TestCleanerIsTheSameForEveryCut(t *testing.T) {
	for _, tt := range cleaned {
		for cut := range len(tt.in) {
			if got := inPieces(t, tt.in[:cut], tt.in[cut:]); got != tt.out {
				t.Errorf("%s cut at %d: %q", tt.name, cut, got)
			}
		}
	}
}

func inPieces(t *testing.T, pieces ...string) string {
	t.Helper()
	var b bytes.Buffer
	c := NewCleaner(&b)
	for _, piece := range pieces {
		if n, err := c.Write([]byte(piece)); err != nil || n != len(piece) {
			t.Fatalf("Write: %d, %v", n, err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func FuzzClean(f *testing.F) {
	for _, tt := range cleaned {
		f.Add(tt.in, 3)
	}
	f.Fuzz(func(t *testing.T, in string, cut int) {
		out := Clean(in)
		if !utf8.ValidString(out) {
			t.Errorf("not UTF-8: %q", out)
		}
		for _, r := range out {
			if r != '\n' && r != '\t' && hidden(r) {
				t.Errorf("%U in %q", r, out)
			}
		}
		if again := Clean(out); again != out {
			t.Errorf("not stable: %q, then %q", out, again)
		}
		if cut >= 0 && cut <= len(in) {
			if got := inPieces(t, in[:cut], in[cut:]); got != out {
				t.Errorf("cut at %d: %q, whole: %q", cut, got, out)
			}
		}
		if strings.ContainsAny(Line(in), "\n\t\r") {
			t.Errorf("Line(%q) has several", in)
		}
	})
}

func FuzzEscapeJSON(f *testing.F) {
	for _, tt := range cleaned {
		f.Add(tt.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		plain, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		escaped := EscapeJSON(plain)
		for _, r := range string(escaped) {
			if hidden(r) {
				t.Errorf("%U in %s", r, escaped)
			}
		}
		var want, got string
		if err := json.Unmarshal(plain, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(escaped, &got); err != nil || got != want {
			t.Errorf("%s means %q, not %q (%v)", escaped, got, want, err)
		}
	})
}
