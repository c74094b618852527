package specs

import (
	"cmp"
	"fmt"
	"slices"
)

// Severity says how bad a diagnostic is. An error keeps a workflow from
// starting; a warning and an info do not.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Info    Severity = "info"
)

// Code names the kind of a diagnostic. Codes are stable: scripts rely on them.
type Code string

// The codes. Their meaning stands in the table that Codes returns.
const (
	CodeMissingTitle         Code = "spec-missing-title"
	CodeNothingToDo          Code = "spec-nothing-to-do"
	CodeEmptySection         Code = "spec-empty-section"
	CodeNoItems              Code = "spec-no-items"
	CodeEmptyTasks           Code = "spec-empty-tasks"
	CodeEmptyItem            Code = "spec-empty-item"
	CodeDuplicateTask        Code = "spec-duplicate-task"
	CodeReservedTask         Code = "spec-reserved-task-id"
	CodeInvalidTask          Code = "spec-invalid-task-id"
	CodeUnknownAfter         Code = "spec-unknown-after"
	CodeCycle                Code = "spec-dependency-cycle"
	CodeUnknownCovers        Code = "spec-unknown-covers"
	CodeUncovered            Code = "spec-uncovered-requirement"
	CodeDuplicateRequirement Code = "spec-duplicate-requirement"
	CodeUnknownKey           Code = "spec-unknown-key"
	CodeInvalidValue         Code = "spec-invalid-value"
	CodeTaskUnchecked        Code = "spec-task-without-check"
	CodeCriterionUnchecked   Code = "spec-criterion-without-check"
	CodeEmptyCheck           Code = "spec-check-without-command"
	CodeInvalidUTF8          Code = "spec-invalid-utf8"
	CodeNUL                  Code = "spec-nul"
	CodeTooDeep              Code = "spec-too-deep"
	CodeTooLarge             Code = "spec-too-large"
	CodeTooManyTasks         Code = "spec-too-many-tasks"
)

// CodeMeaning is one row of the table of codes.
type CodeMeaning struct {
	Code     Code
	Severity Severity
	Meaning  string
}

// Codes returns every code that Parse can report, with its
// severity and meaning, in the order in which documentation shows them.
func Codes() []CodeMeaning {
	return []CodeMeaning{
		{CodeMissingTitle, Error, "the spec has no title (a first heading of level 1)"},
		{CodeNothingToDo, Warning, "the spec has no requirement, no criterion and no task"},
		{CodeEmptySection, Warning, "a section that ralph knows has no content"},
		{CodeNoItems, Warning, "a section that should hold a list or a table holds only other text, which is not read as items"},
		{CodeEmptyTasks, Warning, "the tasks section has no task, so an agent has to propose them"},
		{CodeEmptyItem, Warning, "a list item has no text and is ignored"},
		{CodeDuplicateTask, Error, "two tasks have the same id (upper and lower case do not differ)"},
		{CodeReservedTask, Error, "a task has an id that ralph keeps for itself: plan, ready or criteria"},
		{CodeInvalidTask, Error, "a task id has characters that cannot be part of a file name, or is too long"},
		{CodeUnknownAfter, Error, "a task comes after a task that does not exist"},
		{CodeCycle, Error, "tasks wait for each other in a circle"},
		{CodeUnknownCovers, Error, "a task covers a requirement that does not exist"},
		{CodeUncovered, Warning, "tasks say what they cover, and none covers this requirement"},
		{CodeDuplicateRequirement, Error, "two requirements have the same id"},
		{CodeUnknownKey, Error, "the parentheses of a task have a key other than profile, after and covers"},
		{CodeInvalidValue, Error, "a key in the parentheses of a task has no value, or more than one where one is meant"},
		{CodeTaskUnchecked, Warning, "a task has no check, so nothing will verify that it is done"},
		{CodeCriterionUnchecked, Info, "a success criterion has no check, so a person has to judge it"},
		{CodeEmptyCheck, Warning, "a check has no command in backticks, no code block and no link to a file of the project"},
		{CodeInvalidUTF8, Error, "the spec is not valid UTF-8"},
		{CodeNUL, Error, "the spec has a NUL byte"},
		{CodeTooDeep, Error, "lists and quotes are nested too deeply; what is deeper is read as text"},
		{CodeTooLarge, Error, "the spec is too large and is not read"},
		{CodeTooManyTasks, Error, "the spec has too many tasks; the rest is not read"},
	}
}

// Diagnostic is one finding about a spec.
type Diagnostic struct {
	File     string
	Line     int
	Column   int
	Severity Severity
	Code     Code
	Text     string
}

// String gives the line that people and editors read:
// "file:line:column: severity: text".
func (d Diagnostic) String() string {
	return fmt.Sprintf("%s:%d:%d: %s: %s", d.File, d.Line, d.Column, d.Severity, d.Text)
}

// HasErrors says whether one of the diagnostics is an error.
func HasErrors(ds []Diagnostic) bool {
	return slices.ContainsFunc(ds, func(d Diagnostic) bool { return d.Severity == Error })
}

// maxPerCode bounds how often one code is reported. The last report says how
// many more there were, so a hostile spec cannot flood a terminal.
const maxPerCode = 100

// reporter collects diagnostics of one spec.
type reporter struct {
	file       string
	severities map[Code]Severity
	counts     map[Code]int
	found      []Diagnostic
}

func newReporter(file string) *reporter {
	r := &reporter{file: file, severities: map[Code]Severity{}, counts: map[Code]int{}}
	for _, c := range Codes() {
		r.severities[c.Code] = c.Severity
	}
	return r
}

func (r *reporter) add(at Pos, code Code, format string, args ...any) {
	r.counts[code]++
	if r.counts[code] > maxPerCode {
		return
	}
	r.found = append(r.found, Diagnostic{
		File: r.file, Line: max(at.Line, 1), Column: max(at.Column, 1),
		Severity: r.severities[code], Code: code, Text: fmt.Sprintf(format, args...),
	})
}

// result returns the diagnostics in the order of their places.
func (r *reporter) result() []Diagnostic {
	slices.SortStableFunc(r.found, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Code, b.Code))
	})
	last := map[Code]int{}
	for i, d := range r.found {
		last[d.Code] = i
	}
	for code, i := range last {
		if more := r.counts[code] - maxPerCode; more > 0 {
			r.found[i].Text += fmt.Sprintf(" (and %d more of this kind)", more)
		}
	}
	return r.found
}
