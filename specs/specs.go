// Package specs turns a Markdown spec into a Spec: title, overview,
// requirements, affected files, success criteria and tasks, each with the line
// and column where the author wrote it.
//
// Parse accepts any bytes. It never fails and never panics: what it cannot use
// becomes a Diagnostic with a stable code, and the rest of the spec is still
// there. Its time and memory grow linearly with the input, whatever the input
// is: nesting, size and the number of tasks have limits, and only the inline
// forms that a spec needs are looked at.
//
// The package knows nothing of workflows, profiles or sandboxes. Whether a
// profile that a task names exists is for the engine to find.
//
//	spec, diagnostics := specs.Parse("specs/greet.md", src)
//	for _, d := range diagnostics {
//		fmt.Println(d) // specs/greet.md:12:3: error: ...
//	}
//	ok, why := specs.Complete(spec, diagnostics)
package specs

import (
	"crypto/sha256"
	"encoding/hex"
)

// Pos is a place in a spec. Both numbers start at 1; Column counts bytes, as
// compilers do. The zero value means that there is no place.
type Pos struct {
	Line   int
	Column int
}

// Spec is what a Markdown spec says. Texts are Markdown as the author wrote
// it, with valid UTF-8, "\n" line ends and no surrounding blank lines.
type Spec struct {
	Title         string
	Overview      string // text below the title, then the overview section
	Problem       string
	OutOfScope    string
	Notes         string // implementation notes
	Requirements  []Requirement
	AffectedFiles []AffectedFile
	Criteria      []Criterion
	Tasks         []Task
	Sections      []Section // all sections in order, known and unknown
	TitlePos      Pos
}

// RequirementKind says which of the two lists a requirement stands in.
type RequirementKind string

// The kinds of requirements.
const (
	Functional    RequirementKind = "functional"
	NonFunctional RequirementKind = "non_functional"
)

// Requirement is one thing that the work must satisfy. ID is the author's
// where one is written, else the next free R1, R2, … or N1, N2, ….
type Requirement struct {
	ID   string
	Kind RequirementKind
	Text string
	Pos  Pos
}

// AffectedFile is a file that the author expects the work to touch.
type AffectedFile struct {
	Path string
	Role string
	Pos  Pos
}

// Criterion is one success criterion. Each of Checks is one shell command
// line. Done is the author's check mark and proves nothing.
type Criterion struct {
	Text   string
	Done   bool
	Checks []string
	Pos    Pos
}

// Task is one step of the plan. After holds ids of tasks, Covers ids of
// requirements, in the author's order and without repetition. Each of Checks
// is one shell command line; an empty Checks means that nothing verifies the
// task. Done is the author's check mark and proves nothing.
type Task struct {
	ID          string
	Title       string
	Description string
	Profile     string
	After       []string
	Covers      []string
	Checks      []string
	Done        bool
	Pos         Pos
}

// Section is one heading with the text up to the next heading.
type Section struct {
	Heading string
	Level   int
	Text    string
	Pos     Pos
}

// ContentHash names the content of a spec: the SHA-256 of its bytes in hex.
func ContentHash(src []byte) string {
	sum := sha256.Sum256(src)
	return hex.EncodeToString(sum[:])
}
