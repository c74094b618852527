package specs

import (
	"strings"
	"unicode"
)

// sectionKind is what a section means to ralph.
type sectionKind int

const (
	unknownSection sectionKind = iota
	titleSection               // the first heading of level 1, with the text below it
	overviewSection
	problemSection
	requirementsSection
	functionalSection
	nonFunctionalSection
	filesSection
	criteriaSection
	outOfScopeSection
	notesSection
	tasksSection
)

// headings maps headings, as headingKey writes them, to what they mean. The
// first of each group is the name in the documentation; the others are what
// people write for it.
var headings = map[string]sectionKind{
	"overview":     overviewSection,
	"summary":      overviewSection,
	"introduction": overviewSection,
	"description":  overviewSection,

	"problem statement": problemSection,
	"problem":           problemSection,
	"motivation":        problemSection,
	"background":        problemSection,

	"requirements": requirementsSection,
	"requirement":  requirementsSection,

	"functional":              functionalSection,
	"functional requirements": functionalSection,

	"non functional":              nonFunctionalSection,
	"non functional requirements": nonFunctionalSection,
	"nonfunctional":               nonFunctionalSection,
	"nonfunctional requirements":  nonFunctionalSection,

	"affected files": filesSection,
	"files affected": filesSection,
	"files":          filesSection,
	"file changes":   filesSection,
	"changed files":  filesSection,

	"success criteria":    criteriaSection,
	"acceptance criteria": criteriaSection,
	"criteria":            criteriaSection,
	"definition of done":  criteriaSection,
	"done when":           criteriaSection,

	"out of scope": outOfScopeSection,
	"not in scope": outOfScopeSection,
	"non goals":    outOfScopeSection,

	"implementation notes":   notesSection,
	"implementation details": notesSection,
	"technical notes":        notesSection,
	"notes":                  notesSection,

	"tasks":                tasksSection,
	"task list":            tasksSection,
	"task breakdown":       tasksSection,
	"implementation tasks": tasksSection,
}

// maxHeadingKey is longer than every key of headings with its numbering.
const maxHeadingKey = 80

// kindOf says what a heading means, without regard to case, numbering ("2.1",
// "3)"), emphasis, hyphens, symbols and a colon at the end.
func kindOf(heading string) sectionKind {
	if len(heading) > maxHeadingKey {
		return unknownSection
	}
	return headings[headingKey(heading)]
}

func headingKey(heading string) string {
	words := strings.FieldsFunc(strings.ToLower(heading), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '&' && r != '/'
	})
	for len(words) > 0 && strings.Trim(words[0], "0123456789") == "" {
		words = words[1:]
	}
	return strings.Join(words, " ")
}

// kindUnder says what a section is, given its heading and the kind of the
// section around it. Sub-headings group a section's content; only the parts of
// the requirements have a meaning of their own inside it.
func kindUnder(outer sectionKind, heading string) sectionKind {
	own := kindOf(heading)
	switch {
	case outer == unknownSection:
		return own
	case outer.holdsRequirements() && (own == functionalSection || own == nonFunctionalSection || own == criteriaSection):
		return own
	}
	return outer
}

func (k sectionKind) holdsRequirements() bool {
	return k == requirementsSection || k == functionalSection || k == nonFunctionalSection
}
