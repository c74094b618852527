package report

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/wrapix/wrapix/internal/terminal"
)

// visible makes text harmless to look at: what turns the reading direction is shown as its number instead of acting,
// and the rest is as [terminal.Clean] leaves it.
func visible(text string) string {
	if strings.ContainsFunc(text, turns) {
		var b strings.Builder
		for _, r := range text {
			if turns(r) {
				fmt.Fprintf(&b, "⟨U+%04X⟩", r)
			} else {
				b.WriteRune(r)
			}
		}
		text = b.String()
	}
	return terminal.Clean(text)
}

// oneLine is visible for what must stay on one line.
func oneLine(text string) string { return strings.Join(strings.Fields(visible(text)), " ") }

// turns says whether a character changes the direction in which the text around it is read.
func turns(r rune) bool {
	return r == 0x061c || r == 0x200e || r == 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// clip keeps the begin of a text, and says how much it left out.
func clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return fmt.Sprintf("%s … (%s more)", text[:cut], bytesWords(int64(len(text)-cut)))
}

// middle keeps the begin and the end of a text, and says how much it left out between them.
func middle(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	head, tail := limit/2, len(text)-limit/2
	for head > 0 && !utf8.RuneStart(text[head]) {
		head--
	}
	for tail < len(text) && !utf8.RuneStart(text[tail]) {
		tail++
	}
	return fmt.Sprintf("%s\n… (%s left out) …\n%s", text[:head], bytesWords(int64(tail-head)), text[tail:])
}

func bytesWords(n int64) string {
	switch {
	case n < 10<<10:
		return count(int(n), "byte")
	case n < 10<<20:
		return fmt.Sprintf("%d KB", n>>10)
	}
	return fmt.Sprintf("%d MB", n>>20)
}

// count is a number with its noun.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// took is a duration as people say it.
func took(d time.Duration) string {
	d = max(d, 0)
	if d < 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	d = d.Round(time.Second)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case h >= 48:
		return fmt.Sprintf("%d d %d h", h/24, h%24)
	case h > 0:
		return fmt.Sprintf("%d h %02d min", h, m)
	case m > 0:
		return fmt.Sprintf("%d min %02d s", m, s)
	}
	return fmt.Sprintf("%d s", s)
}

func usd(amount float64) string { return fmt.Sprintf("%.2f USD", amount) }

// tokensWords is a number with its thousands set apart.
func tokensWords(n int64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + " " + digits[i:]
	}
	return digits
}

func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04")
}
