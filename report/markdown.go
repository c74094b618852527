package report

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
)

// MarkdownMark is how a Markdown report of a workflow begins, by which it is known again.
func MarkdownMark(workflow string) string {
	return "# Report of workflow " + span(workflow)
}

// span sets text as code within a line, in which CommonMark reads no markup: its fence is longer than any in the text.
func span(text string) string {
	text = oneLine(text)
	if text == "" {
		return "–"
	}
	fence := strings.Repeat("`", longestRun(text)+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return fence + text + fence
}

// block sets text as a block of code that nothing in it ends. Each line is indented, to stay within a list.
func block(kind, text, indent string) string {
	text = strings.Trim(visible(text), "\n")
	fence := strings.Repeat("`", max(3, longestRun(text)+1))
	var b strings.Builder
	b.WriteString(indent + fence + kind + "\n")
	for line := range strings.SplitSeq(text, "\n") {
		b.WriteString(indent + line + "\n")
	}
	b.WriteString(indent + fence + "\n")
	return b.String()
}

// longestRun is the length of the longest run of backticks.
func longestRun(text string) (longest int) {
	run := 0
	for i := range len(text) {
		if text[i] != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// Markdown writes the report as CommonMark. All text that comes from elsewhere is code.
func (r *Report) Markdown(ctx context.Context, out io.Writer) error {
	b := bufio.NewWriterSize(out, 64<<10)
	p := func(format string, args ...any) { fmt.Fprintf(b, format, args...) }
	words, _ := r.state()
	p("%s\n\n%s: **%s**. %s\n", MarkdownMark(string(r.w.ID)), span(r.w.Label), words, r.tally().Sentence())
	if waits := r.waits(); len(waits) > 0 {
		p("\n## It waits%s\n\n", map[bool]string{true: " for you"}[r.forYou()])
		for _, w := range waits {
			until := ""
			if w.Until != "" {
				until = ", until " + w.Until
			}
			p("- %s %s since %s%s\n\n%s", span(w.Who), w.What, w.Since, until, block("", w.Message, "  "))
			for _, way := range w.Ways {
				p("  - %s\n", span(way))
			}
		}
	}
	p("\n## In figures\n\n")
	for _, f := range r.facts() {
		p("- %s: %s\n", f.Name, f.Value)
	}
	p("\n## Tasks\n")
	reading := r.reading()
	for _, t := range r.shown() {
		if err := r.markdownTask(ctx, b, t, reading); err != nil {
			return err
		}
	}
	timeline, _ := r.happenings()
	p("\n## What happened\n\n")
	for _, h := range timeline {
		p("- %s %s\n", clock(h.Time), span(h.Text))
	}
	p("\n## Where it comes from\n\n")
	for _, f := range r.origin() {
		p("- %s: %s\n", f.Name, span(f.Value))
	}
	if left := r.leftOut(); len(left) > 0 {
		p("\n## Left out\n\n")
		for _, l := range left {
			p("- %s\n", l)
		}
	}
	zone, _ := r.o.Now.Local().Zone()
	p("\nMade %s %s. Times are local. Costs and tokens are what the agent says.\n", clock(r.o.Now), zone)
	return b.Flush()
}

func (r *Report) markdownTask(ctx context.Context, b *bufio.Writer, t *task, reading *reading) error {
	p := func(format string, args ...any) { fmt.Fprintf(b, format, args...) }
	words, _ := t.Words()
	p("\n### %s %s\n\n**%s**, %s", span(string(t.ID)), span(t.Name()), words, count(len(t.Attempts), "attempt"))
	if cost := t.Cost(); cost > 0 {
		p(", %s", usd(cost))
	}
	p("\n")
	if text := t.Text(); text != "" {
		p("\n%s", block("", text, ""))
	}
	if len(t.Checks) > 0 {
		p("\n")
	}
	for _, c := range t.Checks {
		p("- check %s\n", span(c))
	}
	if note := t.LastWord(); note != "" {
		p("\nThe agent’s last word:\n\n%s", block("", note, ""))
	}
	for _, q := range t.Questions() {
		p("\nAsked %s:\n\n%s", clock(q.Asked), block("", q.Text, ""))
		if !q.Answered.IsZero() {
			p("\nAnswered %s:\n\n%s", clock(q.Answered), block("", q.Answer, ""))
		}
	}
	for _, a := range t.Attempts {
		if err := r.markdownAttempt(ctx, b, a, reading); err != nil {
			return err
		}
	}
	return nil
}

func (r *Report) markdownAttempt(ctx context.Context, b *bufio.Writer, a *attempt, reading *reading) error {
	p := func(format string, args ...any) { fmt.Fprintf(b, format, args...) }
	words, _ := a.Words()
	p("\n- %s: **%s**, %s", span(a.ID.String()), words, took(a.Took()))
	if cost := a.Cost(); cost > 0 {
		p(", %s", usd(cost))
	}
	if reason := a.Reason(); reason != "" {
		p(": %s", span(reason))
	}
	p("\n")
	if !a.Full {
		return nil
	}
	for _, run := range a.Runs {
		if run.Message != "" {
			p("\n  The agent says:\n\n%s", block("", run.Message, "  "))
		}
		for _, c := range run.Results {
			p("\n  Check %s: exit code %d\n", span(c.Command), c.ExitCode)
			if c.Output != "" {
				p("\n%s", block("", c.Output, "  "))
			}
		}
	}
	d, err := reading.details(ctx, a)
	if err != nil {
		return err
	}
	for i, c := range d.Changes {
		if i == 0 {
			p("\n")
		}
		p("  - %s %s\n", c.Kind, span(c.Path))
	}
	if d.MoreChanges > 0 {
		p("  - and %s\n", count(d.MoreChanges, "more file"))
	}
	for _, f := range d.Diff {
		text := strings.Join(f.Text, "\n")
		if f.Left > 0 {
			text += "\n… " + count(f.Left, "more line") + " left out"
		}
		if text != "" {
			p("\n  %s\n\n%s", span(f.Name), block("diff", text, "  "))
		}
	}
	if d.DiffNote != "" {
		p("\n  %s\n", span(d.DiffNote))
	}
	if d.Transcript != "" {
		p("\n  The end of what it printed:\n\n%s", block("", d.Transcript, "  "))
	}
	if d.TranscriptNote != "" {
		p("\n  %s\n", span(d.TranscriptNote))
	}
	return nil
}
