package specs_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wrapix/wrapix/specs"
)

// A random spec, written in one of the styles that people use, reads back as
// what it was made of.
func TestWrittenSpecReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawSpec(t)
		src := write(t, want)
		got, ds := specs.Parse("model.md", []byte(src))
		for _, d := range ds {
			if d.Severity == specs.Error {
				t.Fatalf("%s\n%s", d, src)
			}
		}
		for i := range got.Tasks {
			got.Tasks[i].Pos = specs.Pos{}
		}
		for i := range got.Requirements {
			got.Requirements[i].Pos = specs.Pos{}
		}
		if got.Title != want.Title || got.Problem != want.Problem || got.Notes != want.Notes {
			t.Fatalf("texts: got %q, %q, %q\n%s", got.Title, got.Problem, got.Notes, src)
		}
		if !reflect.DeepEqual(got.Requirements, want.Requirements) {
			t.Fatalf("requirements:\n got %+v\nwant %+v\n%s", got.Requirements, want.Requirements, src)
		}
		if !reflect.DeepEqual(got.Tasks, want.Tasks) {
			t.Fatalf("tasks:\n got %+v\nwant %+v\n%s", got.Tasks, want.Tasks, src)
		}
	})
}

var phrase = rapid.StringMatching(`[A-Z][a-z]{2,8}( [a-z]{2,8}){1,5}`)

func drawSpec(t *rapid.T) *specs.Spec {
	s := &specs.Spec{Title: phrase.Draw(t, "title"), Problem: phrase.Draw(t, "problem") + ".", Notes: phrase.Draw(t, "notes") + "."}
	for i := range rapid.IntRange(1, 5).Draw(t, "requirements") {
		s.Requirements = append(s.Requirements, specs.Requirement{
			ID: fmt.Sprintf("R%d", i+1), Kind: specs.Functional, Text: phrase.Draw(t, "requirement") + ".",
		})
	}
	for i := range rapid.IntRange(1, 8).Draw(t, "tasks") {
		task := specs.Task{ID: fmt.Sprintf("T%d", i+1), Title: phrase.Draw(t, "task"), Done: rapid.Bool().Draw(t, "done")}
		for _, before := range s.Tasks {
			if rapid.IntRange(0, 3).Draw(t, "after") == 0 {
				task.After = append(task.After, before.ID)
			}
		}
		for _, r := range s.Requirements {
			if rapid.IntRange(0, 2).Draw(t, "covers") == 0 {
				task.Covers = append(task.Covers, r.ID)
			}
		}
		if rapid.Bool().Draw(t, "profile") {
			task.Profile = rapid.SampledFrom([]string{"base", "rust", "go-1.26"}).Draw(t, "name")
		}
		for range rapid.IntRange(0, 3).Draw(t, "checks") {
			task.Checks = append(task.Checks, "make "+rapid.StringMatching(`[a-z]{1,6}( -[a-z])?`).Draw(t, "check"))
		}
		if rapid.Bool().Draw(t, "described") {
			task.Description = "- " + phrase.Draw(t, "description") + "."
		}
		s.Tasks = append(s.Tasks, task)
	}
	return s
}

// write puts a spec into Markdown with line ends, markers, numbering, order of
// attributes and kinds of checks drawn at random.
func write(t *rapid.T, s *specs.Spec) string {
	pick := func(label string, of ...string) string { return rapid.SampledFrom(of).Draw(t, label) }
	var b strings.Builder
	heading := func(names ...string) {
		fmt.Fprintf(&b, "\n## %s%s%s\n\n", pick("number", "", "3. ", "2.1 "), pick("heading", names...), pick("end", "", ":", " ##"))
	}
	fmt.Fprintf(&b, "%s# %s\n", pick("front", "", "---\na: b\n---\n", "<!-- c -->\n\n"), s.Title)
	heading("Problem Statement", "PROBLEM", "motivation")
	b.WriteString(s.Problem + "\n")
	heading("Requirements", "Functional Requirements", "requirements")
	marker := pick("marker", "-", "*", "1.", "1)")
	for _, r := range s.Requirements {
		id := pick("id", "**"+r.ID+"** ", r.ID+": ", "["+r.ID+"] ", "`"+r.ID+"` ", r.ID+" - ")
		b.WriteString(marker + " " + id + r.Text + "\n")
	}
	heading("Tasks", "Task list", "implementation TASKS")
	indent := strings.Repeat(" ", len(marker)+1)
	gap := pick("gap", "", "\n", "\n\n\n")
	for _, task := range s.Tasks {
		box := map[bool]string{true: pick("ticked", "[x] ", "[X] "), false: pick("open", "[ ] ", "[ ]  ")}[task.Done]
		id := pick("id", "**"+task.ID+"** ", "**"+task.ID+":** ", task.ID+" ", task.ID+". ", "**Task "+task.ID[1:]+":** ")
		b.WriteString(marker + " " + box + id + task.Title + attributesOf(t, task))
		rest := task.Checks
		if len(rest) > 0 && pick("inline", "yes", "no") == "yes" {
			form := pick("form", " Check: `%s`", "\n"+indent+"Check: `%s`", " (check: `%s`)")
			fmt.Fprintf(&b, form, rest[0])
			rest = rest[1:]
		}
		b.WriteString("\n" + gap)
		if task.Description != "" {
			b.WriteString(indent + task.Description + "\n")
		}
		for _, check := range rest {
			b.WriteString(indent + "- " + pick("word", "Check: ", "**Check:** ", "check: ") + "`" + check + "`\n")
		}
	}
	heading("Implementation Notes", "notes")
	b.WriteString(s.Notes + "\n")
	text := b.String()
	if pick("lines", "lf", "crlf") == "crlf" {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	return text
}

// attributesOf writes the parentheses of a task, its keys in any order.
func attributesOf(t *rapid.T, task specs.Task) string {
	var keys []string
	add := func(key string, values []string) {
		if len(values) > 0 {
			sep := rapid.SampledFrom([]string{" ", ", ", " and ", ","}).Draw(t, "separator")
			keys = append(keys, key+": "+strings.Join(values, sep))
		}
	}
	add("after", task.After)
	add("Covers", task.Covers)
	if task.Profile != "" {
		add("profile", []string{task.Profile})
	}
	if len(keys) == 0 {
		return ""
	}
	return " (" + strings.Join(rapid.Permutation(keys).Draw(t, "order"), ", ") + ")"
}
