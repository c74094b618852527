package report

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	gtext "github.com/yuin/goldmark/text"
	"go.uber.org/goleak"

	"github.com/wrapix/wrapix/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestMarkdownStaysText reads the report with a Markdown parser: whatever an agent says, no element comes of it.
func TestMarkdownStaysText(t *testing.T) {
	words := escapes + strings.Join([]string{
		"", "# heading", "</details>", "~~~", "```", "````", "   ```", "[x](http://evil.example)", "<http://evil.example>", "http://evil.example www.evil.example a@evil.example",
		"![x](http://evil.example/x.png)", "[ref]", "[ref]: http://evil.example", "| a | b |", "|---|---|", "- item", "1. item", "> quote", "---", "===", "\\", "`", "``", "\t# tab", "\x00\r# cr",
		"\u2028# separator", "\u0085# next line",
	}, "\n")
	elements := func(words string) map[string]int {
		s, o := night(t, words)
		source := []byte(text(t, s.report(o).Markdown))
		counts := map[string]int{}
		parser := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser()
		_ = ast.Walk(parser.Parse(gtext.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
			if entering && n.Kind() != ast.KindText {
				counts[n.Kind().String()]++
			}
			return ast.WalkContinue, nil
		})
		return counts
	}
	want, got := elements("plain\nwords"), elements(words)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the elements are\n%v, with plain words\n%v", got, want)
	}
	for _, kind := range []string{"Link", "AutoLink", "Image", "RawHTML", "HTMLBlock", "Table"} {
		if got[kind] > 0 {
			t.Errorf("%d elements are %s", got[kind], kind)
		}
	}
	if want["Heading"] < 8 || want["FencedCodeBlock"] < 10 {
		t.Errorf("the report has only %v", want)
	}
}

// TestSays wants what a person looks for, in both forms.
func TestSays(t *testing.T) {
	s, o := night(t, "")
	r := s.report(o)
	for name, page := range map[string]string{"HTML": text(t, r.HTML), "Markdown": text(t, r.Markdown)} {
		for _, want := range []string{
			"2 of 4 tasks done: 1 verified, 1 on the agent’s word only, 2 not done.", "It waits for you", "Which colour shall it be?",
			"ralph answer T3 TEXT", "1.03 USD", "208 100", "T1/1", "T1/2", "checks failed", "exit code 1", "--- FAIL: TestGreet",
			"go test ./greet/...", "greet/greet.go", "RALPH_COMPLETE", "could not run", "Podman does not answer", "exited with code 3",
			"interrupted", "limits.changed", "specs/night.md", "2026-03-01",
		} {
			if !strings.Contains(page, want) {
				t.Errorf("the %s does not say %q", name, want)
			}
		}
	}
}

// TestAnswered tells a question with what was said to it, and when.
func TestAnswered(t *testing.T) {
	s, o := night(t, "")
	s.now = s.now.Add(time.Hour)
	s.do(engine.Reply{Task: "T3", Text: "Blue."})
	page := text(t, s.report(o).Markdown)
	for _, want := range []string{"Which colour shall it be?", "Answered " + clock(s.now.Add(-3*time.Second)), "Blue."} {
		if !strings.Contains(page, want) {
			t.Errorf("the report does not say %q", want)
		}
	}
	if strings.Contains(page, "It waits") {
		t.Error("it waits for an answer that was given")
	}
}

// TestUpTo leaves out events that came after the workflow was looked at.
func TestUpTo(t *testing.T) {
	s, o := night(t, "")
	before := s.w
	s.run("T4", engine.Outcome{Signal: engine.SignalComplete, Message: "came later"})
	s.w = before
	if strings.Contains(text(t, s.report(o).HTML), "came later") {
		t.Error("the report tells what came later")
	}
}

// TestBounds makes a report of a workflow that went on for weeks: the page stays a page, and says what it lacks.
func TestBounds(t *testing.T) {
	const tasks, attempts = 1000, 10
	var plan []engine.PlannedTask
	for i := range tasks {
		plan = append(plan, planned(fmt.Sprintf("T%d", i+1), fmt.Sprintf("Task %d", i+1), "make test"))
	}
	s := begin(t, "Weeks", strings.Repeat("long spec ", 100_000), plan...)
	s.do(engine.SetLimits{Limits: engine.Limits{}})
	noise := strings.Repeat("noise ", 1300)
	for i := range tasks {
		id := plan[i].ID
		for range attempts - 1 {
			s.run(id, engine.Outcome{Failed: "the agent exited with code 1: " + noise, ExitCode: 1, Message: noise, Evidence: noise, CostUSD: 0.01})
		}
		s.run(id, engine.Outcome{Signal: engine.SignalComplete, Message: noise, CostUSD: 0.01})
		s.run(id, engine.Outcome{Checks: []engine.CheckResult{{Command: "make test", Passed: true, Output: noise}}})
	}
	files := leftovers{transcript: strings.Repeat("transcript ", 10_000)}
	for i := range 500 {
		files.changes = append(files.changes, Change{fmt.Sprintf("file-%d", i), "changed"})
		files.diff += fmt.Sprintf("diff --git a/file-%d b/file-%d\n@@ -1 +1 @@\n", i, i) + strings.Repeat("+line\n", 50)
	}
	r := s.report(Options{Files: files})
	s.events = nil
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for name, write := range map[string]func() (int64, string){
		"HTML":     func() (int64, string) { c := &counter{}; _ = r.HTML(t.Context(), c); return c.n, c.end },
		"Markdown": func() (int64, string) { c := &counter{}; _ = r.Markdown(t.Context(), c); return c.n, c.end },
	} {
		n, end := write()
		t.Logf("%s: %d KB", name, n>>10)
		if n < 1<<20 || n > 12<<20 {
			t.Errorf("the %s has %d bytes", name, n)
		}
		if !strings.Contains(end, "9700 older attempts") {
			t.Errorf("the %s does not say what it lacks: %s", name, end)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
		t.Errorf("writing kept %d bytes", grown)
	}
}

// counter counts what is written to it and keeps its end.
type counter struct {
	n   int64
	end string
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	c.end += string(p)
	c.end = c.end[max(0, len(c.end)-4096):]
	return len(p), nil
}

// TestDiffCutter names what it leaves out.
func TestDiffCutter(t *testing.T) {
	c := &diffCutter{perFile: 300, left: 700}
	for _, part := range []string{"diff --git a/one b/one\nindex 1..2\n@@ -1 +1 @@\n+" + strings.Repeat("x", 5), "\n+y\n+z\n+w\n+v\n+u\n", "diff --git a/two b/two\n+long ", strings.Repeat("l", 5000), "\n+more"} {
		if _, err := io.WriteString(c, part); err != nil {
			t.Fatal(err)
		}
	}
	c.end()
	if len(c.files) != 2 || c.files[0].Name != "a/one b/one" || len(c.files[0].Text) != 6 || c.files[0].Left != 1 {
		t.Errorf("the first file is %+v", c.files[0])
	}
	if two := c.files[1]; len(two.Text) != 0 || two.Left != 2 {
		t.Errorf("the second file is %+v", two)
	}
}
