package terminal

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// screen understands what Live writes, and breaks lines anew when it becomes narrower, as terminals do.
type screen struct {
	t             *testing.T
	width, height int
	lines         []string
	x, y          int
	writes        int
}

func (s *screen) size() (int, int) { return s.width, s.height }

func (s *screen) Write(p []byte) (int, error) {
	s.writes++
	text := []rune(string(p))
	for i := 0; i < len(text); i++ {
		switch r := text[i]; r {
		case '\r':
			s.x = 0
		case '\n':
			s.y++
		case 0x1b:
			end := i + 2
			for text[end] < 0x40 {
				end++
			}
			s.control(string(text[i+2:end]), text[end])
			i = end
		default:
			s.put(r)
		}
		s.grow()
	}
	return len(p), nil
}

func (s *screen) grow() {
	for len(s.lines) <= s.y {
		s.lines = append(s.lines, "")
	}
}

func (s *screen) put(r rune) {
	if s.x+Width(string(r)) > s.width {
		s.x, s.y = 0, s.y+1
	}
	s.grow()
	line := []rune(s.lines[s.y])
	for len(line) <= s.x {
		line = append(line, ' ')
	}
	line[s.x] = r
	s.lines[s.y] = string(line)
	s.x++
}

func (s *screen) control(params string, final rune) {
	s.grow()
	n, _ := strconv.Atoi(params)
	switch final {
	case 'A':
		s.y = max(0, s.y-n)
	case 'K':
		s.lines[s.y] = string([]rune(s.lines[s.y])[:min(s.x, len([]rune(s.lines[s.y])))])
	case 'J':
		s.lines = s.lines[:s.y+1]
		s.lines[s.y] = string([]rune(s.lines[s.y])[:min(s.x, len([]rune(s.lines[s.y])))])
	case 'm', 'h', 'l':
	default:
		s.t.Errorf("unexpected control sequence %q %c", params, final)
	}
}

// narrow breaks each line into pieces of the new width. The cursor stays with its (empty) line.
func (s *screen) narrow(width int) {
	var lines []string
	for i, line := range s.lines {
		if i == s.y {
			s.y = len(lines)
		}
		rest := []rune(line)
		for len(rest) > width {
			lines = append(lines, string(rest[:width]))
			rest = rest[width:]
		}
		lines = append(lines, string(rest))
	}
	s.width, s.lines = width, lines
}

func (s *screen) String() string { return strings.TrimRight(strings.Join(s.lines, "\n"), "\n") }

func rows(lines ...string) []Row {
	var all []Row
	for _, line := range lines {
		all = append(all, Text(line))
	}
	return all
}

func show(t *testing.T, s *screen, want string) {
	t.Helper()
	if got := s.String(); got != want {
		t.Errorf("screen:\n%s\nwant:\n%s", got, want)
	}
}

func TestLiveRedrawsInPlace(t *testing.T) {
	s := &screen{t: t, width: 20, height: 10, lines: []string{"$ ralph loop"}, y: 1}
	l := NewLive(NewScreen(s, s.size))
	draw := func(lines ...string) {
		t.Helper()
		if err := l.Draw(rows(lines...)); err != nil {
			t.Fatal(err)
		}
	}
	draw("T1 running", "T2 pending")
	show(t, s, "$ ralph loop\nT1 running\nT2 pending")
	draw("T1 done", "T2 running", "output")
	show(t, s, "$ ralph loop\nT1 done\nT2 running\noutput")
	draw("T1 done")
	show(t, s, "$ ralph loop\nT1 done")

	writes := s.writes
	draw("T1 done")
	if s.writes != writes {
		t.Error("the same block was written again")
	}
	if err := l.Draw(rows("T1 done", "T2 waits"), Text("T2 asks"), Text("a row that stays is not cut")); err != nil {
		t.Fatal(err)
	}
	show(t, s, "$ ralph loop\nT2 asks\na row that stays is \nnot cut\nT1 done\nT2 waits")
	l.End()
	draw("end")
	show(t, s, "$ ralph loop\nT2 asks\na row that stays is \nnot cut\nT1 done\nT2 waits\nend")
}

func TestLiveFitsTheTerminal(t *testing.T) {
	s := &screen{t: t, width: 12, height: 4, lines: []string{""}}
	l := NewLive(NewScreen(s, s.size))
	if err := l.Draw(rows("1", "2", "3", "a longer row than fits", "日本語日本語日本語")); err != nil {
		t.Fatal(err)
	}
	show(t, s, "3\na longer r…\n日本語日本…")
	for width := range 4 { // no width makes it panic
		s.width = width + 1
		if err := NewLive(NewScreen(&strings.Builder{}, s.size)).Draw(rows("abc", "日本")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLiveAfterResize(t *testing.T) {
	s := &screen{t: t, width: 40, height: 20, lines: []string{"$"}, y: 1}
	l := NewLive(NewScreen(s, s.size))
	draw := func(n int) {
		t.Helper()
		if err := l.Draw(rows(strings.Repeat("x", 35), fmt.Sprintf("row %d", n), strings.Repeat("y", 30))); err != nil {
			t.Fatal(err)
		}
	}
	draw(1)
	s.narrow(16)
	draw(2)
	show(t, s, "$\nxxxxxxxxxxxxxx…\nrow 2\nyyyyyyyyyyyyyy…")
	s.width = 40
	draw(3)
	show(t, s, "$\n"+strings.Repeat("x", 35)+"\nrow 3\n"+strings.Repeat("y", 30))
}

func TestPaint(t *testing.T) {
	plain := NewOutput(&strings.Builder{})
	if got := plain.Paint(Red, "x"); got != "x" {
		t.Errorf("plain: %q", got)
	}
	colour := NewOutput(&strings.Builder{})
	colour.Color = true
	if got := colour.Paint(Red, "x"); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("colour: %q", got)
	}
	if w, h := plain.Size(); w != 80 || h != 24 {
		t.Errorf("size of a pipe: %d, %d", w, h)
	}
}

func TestPad(t *testing.T) {
	for in, want := range map[string]string{"ab": "ab  ", "abcde": "abc…", "日本語": "日… ", "": "    "} {
		if got := Pad(in, 4); got != want {
			t.Errorf("Pad(%q) = %q, want %q", in, got, want)
		}
	}
}
