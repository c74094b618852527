package report

import (
	"bufio"
	"context"
	"crypto/sha256"
	_ "embed" // the page's template and style
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
)

//go:embed page.html
var pageText string

//go:embed style.css
var style string

// policy lets the page show its own style, and do nothing else: no script, no image, no request, no form, no frame.
var policy = func() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
}()

// HTMLMark is how a page of a workflow begins, by which it is known again.
func HTMLMark(workflow string) string {
	return "<!DOCTYPE html>\n<html lang=\"en\" data-ralph-report=\"" + template.HTMLEscapeString(workflow) + "\">"
}

// HTML writes the page. It is written as it is made: details are read when their turn comes.
func (r *Report) HTML(ctx context.Context, out io.Writer) error {
	reading := r.reading()
	page, err := template.New("page").Funcs(template.FuncMap{
		"visible": visible, "line": oneLine, "took": took, "usd": usd, "tokens": tokensWords, "clock": clock, "tone": tone,
		"details": func(a *attempt) (details, error) { return reading.details(ctx, a) },
		"badge":   badge,
		"count":   count,
	}).Parse(pageText)
	if err != nil {
		return fmt.Errorf("read the template of the report: %w", err)
	}
	words, tone := r.state()
	timeline, _ := r.happenings()
	zone, _ := r.o.Now.Local().Zone()
	b := bufio.NewWriterSize(out, 64<<10)
	fmt.Fprintln(b, HTMLMark(string(r.w.ID)))
	err = page.Execute(b, map[string]any{
		"Policy": policy, "Style": template.CSS(style), "Title": r.title(), "State": words, "Tone": tone, "Tally": r.tally(),
		"Facts": r.facts(), "Origin": r.origin(), "Waits": r.waits(), "ForYou": r.forYou(), "Tasks": r.shown(), "Timeline": timeline, "LeftOut": r.leftOut(),
		"Spec": strings.TrimSpace(visible(clip(r.specText(), r.o.Bounds.Spec))), "Made": clock(r.o.Now) + " " + zone,
	})
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	fmt.Fprintln(b)
	return b.Flush()
}

func (r *Report) specText() string {
	if r.w.Source == nil {
		return ""
	}
	return r.w.Source.Text
}

// worded is what has an end in words.
type worded interface{ Words() (words, tone string) }

// badge is a state as the page shows it.
func badge(w worded) fact {
	words, tone := w.Words()
	return fact{Name: tone, Value: words}
}
