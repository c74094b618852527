package notify

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                                    "plain",
		"two\nlines\tand  spaces ":                 "two lines and spaces",
		"\x1b[31mred\x1b[0m":                       "red",
		"\x1b]0;title of the window\x07after":      "after",
		"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\": "link",
		"\x1b]52;c;never ended":                    "",
		"\x1bc\x1b(Breset":                         "reset",
		"\u009b31mC1":                              "C1",
		"bell\a back\b null\x00":                   "bell back null",
		"a\u202eb\u2066c\u200bd\ufeffe":            "abcde",
		"bad \xff utf8":                            "bad \uFFFD utf8",
		"über 日本 🙂":                                "über 日本 🙂",
		"para\u2029graph":                          "para graph",
	} {
		if got := line(in, 200); got != want {
			t.Errorf("line(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestBlock(t *testing.T) {
	if got := block("--icon=/etc/passwd", 100); strings.HasPrefix(got, "-") {
		t.Errorf("reads as an option: %q", got)
	}
	if got := block("\n\n-a\n\n b \n", 100); got != "‐a\nb" {
		t.Errorf("got %q", got)
	}
	long := block(strings.Repeat("line of text\n", 10_000), bodyLimit)
	if strings.Count(long, "\n") != bodyLines-1 || !strings.HasSuffix(long, "…") {
		t.Errorf("not bounded in lines: %q", long)
	}
	wide := block(strings.Repeat("日", 10_000), bodyLimit)
	if utf8.RuneCountInString(wide) != bodyLimit || !strings.HasSuffix(wide, "…") {
		t.Errorf("not bounded in length: %d", utf8.RuneCountInString(wide))
	}
}

func TestEscape(t *testing.T) {
	if got := escape(`<b>&amp;</b> "x"`); got != `&lt;b&gt;&amp;amp;&lt;/b&gt; "x"` {
		t.Errorf("got %q", got)
	}
}

func FuzzText(f *testing.F) {
	f.Add("\x1b]0;x\x07<b>--\u202e")
	f.Fuzz(func(t *testing.T, in string) {
		for _, out := range []string{line(in, titleLimit), block(in, bodyLimit)} {
			if !utf8.ValidString(out) || strings.ContainsAny(out, "\x00\x07\x1b\u009b\u202e\u2066") || strings.HasPrefix(block(in, 9), "-") {
				t.Errorf("%q became %q", in, out)
			}
		}
	})
}
