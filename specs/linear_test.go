package specs_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wrapix/wrapix/specs"
)

// parseTime is the shortest of some parses, so that other work on the machine
// counts little.
func parseTime(src []byte, runs int) time.Duration {
	best := time.Hour
	for range runs {
		start := time.Now()
		specs.Parse("hostile.md", src)
		best = min(best, time.Since(start))
	}
	return best
}

// Four times the input may take four times as long. Quadratic time would be
// sixteen times; the limit between them leaves room for a busy machine, and a
// case that is over it gets more runs before it counts.
func TestTimeIsLinear(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector takes time of its own")
	}
	const (
		small = 48 << 10
		slack = 9
		noise = 20 * time.Millisecond
	)
	for _, h := range hostile {
		t.Run(h.name, func(t *testing.T) {
			one, four := h.make(small), h.make(4*small)
			var a, b time.Duration
			for runs := 2; runs <= 8; runs *= 2 {
				a, b = parseTime(one, runs), parseTime(four, runs)
				if b <= slack*a+noise {
					return
				}
			}
			t.Errorf("%d bytes take %v, %d bytes %v", len(one), a, len(four), b)
		})
	}
}

// What the issue names: they come back, with the diagnostic that fits.
func TestHostileInputComesBack(t *testing.T) {
	const start = "# Hostile\n\n## Tasks\n\n"
	for _, c := range []struct {
		name string
		src  []byte
		want specs.Code // "" where the spec is fine
	}{
		{"10 MB of prose", []byte("# A\n\n" + strings.Repeat("Ten megabytes of prose with `code` and *emphasis*.\n", 200_000) + "\n## Requirements\n\n- R1 x\n"), ""},
		{"17 MB", bytes.Repeat([]byte("x"), 17<<20), specs.CodeTooLarge},
		{"16 MB of lines", bytes.Repeat([]byte("- x\n"), 4<<20), specs.CodeTooLarge},
		{"100,000 list items", []byte(start + strings.Repeat("- x\n", 100_000)), specs.CodeTooManyTasks},
		{"100,000 requirements", []byte("# A\n\n## Requirements\n\n" + strings.Repeat("- x\n", 100_000)), ""},
		{"10,000 levels of lists", []byte(start + strings.Repeat("- ", 10_000) + "x\n"), specs.CodeTooDeep},
		{"1,000 levels of lists on their lines", []byte(start + staircase(1_000)), specs.CodeTooDeep},
		{"10,000 levels of quotes", []byte(start + strings.Repeat(">", 10_000) + "x\n"), specs.CodeTooDeep},
		{"NUL", []byte(start + "- x\x00y\n"), specs.CodeNUL},
		{"invalid UTF-8", []byte(start + "- x\xc3\x28\n"), specs.CodeInvalidUTF8},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, ds := specs.Parse("hostile.md", c.src)
			found := c.want == ""
			for _, d := range ds {
				found = found || d.Code == c.want
				if c.want == "" && d.Severity == specs.Error {
					t.Errorf("unexpected: %s", d)
				}
			}
			if !found {
				t.Errorf("no %s among %d diagnostics", c.want, len(ds))
			}
		})
	}
}

func staircase(levels int) string {
	var b strings.Builder
	for i := range levels {
		fmt.Fprintf(&b, "%s- x\n", strings.Repeat("  ", i))
	}
	return b.String()
}

// One kind of finding cannot flood a terminal, and says how many there were.
func TestDiagnosticsAreBounded(t *testing.T) {
	_, ds := specs.Parse("many.md", []byte("# A\n\n## Tasks\n\n"+strings.Repeat("- x\n", 500)))
	if len(ds) != 100 {
		t.Fatalf("%d diagnostics, want 100", len(ds))
	}
	if last := ds[99].Text; !strings.Contains(last, "and 400 more") {
		t.Errorf("the last one does not tell of the others: %s", last)
	}
}
