package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLastLines(t *testing.T) {
	long := strings.Repeat("x", 200<<10)
	for _, tt := range []struct {
		name, text string
		lines      int
		want       string
	}{
		{"nothing", "", 3, ""},
		{"none", "a\nb\n", 0, ""},
		{"one", "a\nb\n", 1, "b\n"},
		{"as many as there are", "a\nb\n", 2, "a\nb\n"},
		{"more than there are", "a\nb\n", 9, "a\nb\n"},
		{"a last line without end", "a\nb", 1, "b"},
		{"empty lines count", "a\n\n\n", 2, "\n\n"},
		{"only a line end", "\n", 1, "\n"},
		{"a line longer than a block", "a\n" + long + "\nb\n", 2, long + "\nb\n"},
		{"one line longer than all blocks", long, 5, long},
		{"many blocks", strings.Repeat("0123456\n", 40<<10), 20 << 10, strings.Repeat("0123456\n", 20<<10)},
		{"a line end at the border of a block", "a\n" + strings.Repeat("y", 64<<10-1) + "\n", 1, strings.Repeat("y", 64<<10-1) + "\n"},
	} {
		path := filepath.Join(t.TempDir(), "transcript")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		at, err := lastLines(f, tt.lines)
		if err != nil || at < 0 || at > int64(len(tt.text)) || tt.text[at:] != tt.want {
			t.Errorf("%s: the last %d lines begin at %d of %d, %v", tt.name, tt.lines, at, len(tt.text), err)
		}
	}
}
