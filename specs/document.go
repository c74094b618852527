package specs

// DocumentSchema is the version of the form of Document.
const DocumentSchema = 1

// Document is what "ralph check --json" prints. Its form is a contract: lists
// are never null, and fields are only added.
type Document struct {
	Schema      int                  `json:"schema"`
	Spec        SpecDocument         `json:"spec"`
	Diagnostics []DiagnosticDocument `json:"diagnostics"`
}

// SpecDocument is the spec in a Document.
type SpecDocument struct {
	Title         string                 `json:"title"`
	Requirements  []RequirementDocument  `json:"requirements"`
	Criteria      []CriterionDocument    `json:"criteria"`
	Tasks         []TaskDocument         `json:"tasks"`
	AffectedFiles []AffectedFileDocument `json:"affected_files"`
}

// RequirementDocument is a requirement in a Document.
type RequirementDocument struct {
	ID   string          `json:"id"`
	Kind RequirementKind `json:"kind"`
	Text string          `json:"text"`
	Line int             `json:"line"`
}

// CriterionDocument is a success criterion in a Document.
type CriterionDocument struct {
	Text   string   `json:"text"`
	Done   bool     `json:"done"`
	Checks []string `json:"checks"`
	Line   int      `json:"line"`
}

// TaskDocument is a task in a Document. Profile is "" where none is named.
type TaskDocument struct {
	ID      string   `json:"id"`
	Title   string   `json:"title"`
	Profile string   `json:"profile"`
	After   []string `json:"after"`
	Covers  []string `json:"covers"`
	Checks  []string `json:"checks"`
	Line    int      `json:"line"`
}

// AffectedFileDocument is an affected file in a Document.
type AffectedFileDocument struct {
	Path string `json:"path"`
	Role string `json:"role"`
}

// DiagnosticDocument is a diagnostic in a Document.
type DiagnosticDocument struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Column   int      `json:"column"`
	Severity Severity `json:"severity"`
	Code     Code     `json:"code"`
	Text     string   `json:"text"`
}

// NewDocument puts the result of Parse into the form of "ralph check --json".
func NewDocument(spec *Spec, ds []Diagnostic) Document {
	return Document{
		Schema: DocumentSchema,
		Spec: SpecDocument{
			Title: spec.Title,
			Requirements: each(spec.Requirements, func(r Requirement) RequirementDocument {
				return RequirementDocument{r.ID, r.Kind, r.Text, r.Pos.Line}
			}),
			Criteria: each(spec.Criteria, func(c Criterion) CriterionDocument {
				return CriterionDocument{c.Text, c.Done, list(c.Checks), c.Pos.Line}
			}),
			Tasks: each(spec.Tasks, func(t Task) TaskDocument {
				return TaskDocument{t.ID, t.Title, t.Profile, list(t.After), list(t.Covers), list(t.Checks), t.Pos.Line}
			}),
			AffectedFiles: each(spec.AffectedFiles, func(f AffectedFile) AffectedFileDocument {
				return AffectedFileDocument{f.Path, f.Role}
			}),
		},
		Diagnostics: each(ds, func(d Diagnostic) DiagnosticDocument { return DiagnosticDocument(d) }),
	}
}

// each maps a list; the result is never nil, so it encodes as [].
func each[A, B any](in []A, f func(A) B) []B {
	out := make([]B, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}

func list(in []string) []string {
	if in == nil {
		return []string{}
	}
	return in
}
