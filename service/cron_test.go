package service

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestEdit holds that a crontab keeps all but our line, byte for byte, whatever stands in it.
func TestEdit(t *testing.T) {
	const ours, older = "@reboot new " + lineMark, "@reboot old " + lineMark
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOf(rapid.OneOf(
			rapid.SampledFrom([]string{"", "# " + older, lineMark + " ", "@reboot x", " 1 * * * * y \t", "A=b", "\r", "%\\%"}),
			rapid.StringMatching(`[^\n]*`).Filter(func(s string) bool { return !strings.HasSuffix(s, lineMark) }),
		)).Draw(t, "lines")
		theirs := strings.Join(lines, "\n")
		if rapid.Bool().Draw(t, "ended") && theirs != "" {
			theirs += "\n"
		}
		with, was := edit(theirs, ours)
		if was != "" {
			t.Fatalf("%q was taken for ours", was)
		}
		end := ""
		if theirs != "" && !strings.HasSuffix(theirs, "\n") {
			end = "\n" // a last line that is not ended would swallow ours
		}
		if with != theirs+end+ours+"\n" {
			t.Fatalf("%q", with)
		}
		if again, was := edit(with, ours); again != with || was != ours {
			t.Fatalf("%q, %q", again, was)
		}
		if without, was := edit(with, ""); without != theirs+end || was != ours {
			t.Fatalf("%q, %q", without, was)
		}
		// In the middle, and twice: the place of the first stays.
		at := rapid.IntRange(0, len(lines)).Draw(t, "at")
		before, after := lines[:at], lines[at:]
		middle := strings.Join(append(append(append([]string{}, before...), older), after...), "\n") + "\n"
		updated, was := edit(middle+older+"\n", ours)
		if want := strings.Replace(middle, older+"\n", ours+"\n", 1); !strings.Contains(middle, "# "+older) && updated != want {
			t.Fatalf("%q, not %q", updated, want)
		}
		if was != older+"\n"+older {
			t.Fatalf("%q", was)
		}
	})
}
