package specs_test

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/wrapix/wrapix/specs"
)

func TestDiagnosticReadsLikeACompilers(t *testing.T) {
	_, ds := specs.Parse("specs/a.md", []byte("# A\n\n## Tasks\n\n- **T1** x (after: T7). Check: `true`\n"))
	if len(ds) != 1 {
		t.Fatalf("%d diagnostics, want 1: %v", len(ds), ds)
	}
	want := `specs/a.md:5:20: error: task "T1" comes after "T7", which is no task`
	if got := ds[0].String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestDocumentHasNoNull(t *testing.T) {
	for name, src := range map[string]string{
		"empty": "",
		"items": "# A\n\n## Success Criteria\n\n- x\n\n## Tasks\n\n- x\n",
	} {
		b, err := json.Marshal(specs.NewDocument(specs.Parse("a.md", []byte(src))))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "null") {
			t.Errorf("%s: %s", name, b)
		}
	}
}

func TestCodesAreOneTable(t *testing.T) {
	seen := map[specs.Code]bool{}
	for _, c := range specs.Codes() {
		if seen[c.Code] || !strings.HasPrefix(string(c.Code), "spec-") || c.Meaning == "" {
			t.Errorf("code %+v is there twice, or incomplete", c)
		}
		seen[c.Code] = true
		switch c.Severity {
		case specs.Error, specs.Warning, specs.Info:
		default:
			t.Errorf("%s has severity %q", c.Code, c.Severity)
		}
	}
	// A constant that the table does not have would be reported without severity.
	src, err := os.ReadFile("diagnostic.go")
	if err != nil {
		t.Fatal(err)
	}
	if declared := strings.Count(string(src), "Code = \"spec-"); declared != len(seen) {
		t.Errorf("%d codes are declared, the table has %d", declared, len(seen))
	}
}

func TestComplete(t *testing.T) {
	for _, c := range []struct {
		src      string
		complete bool
		why      string
	}{
		{"", false, `line 1: the spec has no title: start it with a line such as "# What it does"`},
		{"## Requirements\n\n- x\n", false, `line 1: the spec has no title: start it with a line such as "# What it does"`},
		{"# A\n", false, "the spec has no requirements, no success criteria and no tasks"},
		{"# A\n\n## Requirements\n\n- x\n- y\n", true, "the spec has a title, 2 requirements"},
		{"# A\n\n## Success Criteria\n\n- x\n", true, "the spec has a title, 1 success criterion"},
		{"# A\n\n## Tasks\n\n- x (after: y)\n", false, `line 5: task "T1" comes after "y", which is no task`},
		{"# A\n\n## Tasks\n\n- x (after: y z)\n", false, `line 5: task "T1" comes after "y", which is no task (and 1 more error)`},
	} {
		if complete, why := specs.Complete(specs.Parse("a.md", []byte(c.src))); complete != c.complete || why != c.why {
			t.Errorf("%q: %v, %q; want %v, %q", c.src, complete, why, c.complete, c.why)
		}
	}
}

func TestHeadings(t *testing.T) {
	// Each heading above one list item, and what the item becomes.
	for heading, want := range map[string]string{
		"Requirements": "R1", "REQUIREMENTS": "R1", "2. Requirements": "R1", "2.1. Requirements:": "R1", "**Requirements**": "R1",
		"IV Requirements": "", "Requirements for later": "",
		"Functional": "R1", "Functional requirements": "R1",
		"Non-Functional": "N1", "Non functional requirements": "N1", "Nonfunctional": "N1", "Non‑Functional": "N1",
		"Success Criteria": "criterion", "Acceptance criteria": "criterion", "Definition of Done": "criterion",
		"Tasks": "T1", "tasks": "T1", "Task List": "T1", "7) Tasks #": "T1", "📋 Tasks": "T1", "Plan": "",
		"Affected Files": "file", "Files": "file",
	} {
		spec, _ := specs.Parse("a.md", []byte("# A\n\n## "+heading+"\n\n- `x`\n"))
		got := ""
		switch {
		case len(spec.Requirements) > 0:
			got = spec.Requirements[0].ID
		case len(spec.Criteria) > 0:
			got = "criterion"
		case len(spec.Tasks) > 0:
			got = spec.Tasks[0].ID
		case len(spec.AffectedFiles) > 0:
			got = "file"
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", heading, got, want)
		}
	}
}

func TestTaskIDs(t *testing.T) {
	for text, want := range map[string][2]string{ // id, title
		"**T7** Do it":             {"T7", "Do it"},
		"**T7:** Do it":            {"T7", "Do it"},
		"**T7**: Do it":            {"T7", "Do it"},
		"**T7** - Do it":           {"T7", "Do it"},
		"__T7__ — Do it":           {"T7", "Do it"},
		"`T7` Do it":               {"T7", "Do it"},
		"[T7] Do it":               {"T7", "Do it"},
		"[T7](x.md) Do it":         {"T1", "[T7](x.md) Do it"},
		"T7 Do it":                 {"T7", "Do it"},
		"T7: Do it":                {"T7", "Do it"},
		"T7. Do it":                {"T7", "Do it"},
		"T7a) Do it":               {"T7a", "Do it"},
		"Task 7: Do it":            {"T7", "Do it"},
		"**Task 7** Do it":         {"T7", "Do it"},
		"Task 7 of the list":       {"T1", "Task 7 of the list"},
		"**AUTH-12** Do it":        {"AUTH-12", "Do it"},
		"AUTH-12: Do it":           {"AUTH-12", "Do it"},
		"**parser** Do it":         {"parser", "Do it"},
		"**add-parser**: Do it":    {"add-parser", "Do it"},
		"**Parser** first":         {"T1", "**Parser** first"},
		"**SHA256** sums":          {"T1", "**SHA256** sums"},
		"**Two words** in bold":    {"T1", "**Two words** in bold"},
		"`greet` prints":           {"T1", "`greet` prints"},
		"UTF-8: write it":          {"UTF-8", "write it"},
		"Support UTF-8":            {"T1", "Support UTF-8"},
		"HTTP2 support":            {"T1", "HTTP2 support"},
		"**open":                   {"T1", "**open"},
		"**T7.2** Do it":           {"T7.2", "Do it"},
		"[ ] **T7** Do it":         {"T7", "Do it"},
		"[x] T7 Do it":             {"T7", "Do it"},
		"[x](y) is a link":         {"T1", "[x](y) is a link"},
		"3D printing (see: there)": {"T1", "3D printing (see: there)"},
	} {
		spec, _ := specs.Parse("a.md", []byte("# A\n\n## Tasks\n\n- "+text+"\n"))
		if len(spec.Tasks) != 1 {
			t.Errorf("%q: %d tasks", text, len(spec.Tasks))
			continue
		}
		if got := [2]string{spec.Tasks[0].ID, spec.Tasks[0].Title}; got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestAttributes(t *testing.T) {
	for text, want := range map[string]specs.Task{
		"(after: T1, T2)":                   {After: []string{"T1", "T2"}},
		"(after: T1 and T2)":                {After: []string{"T1", "T2"}},
		"(After: t1; covers: `R1`)":         {After: []string{"T1"}, Covers: []string{"R1"}},
		"(after T1, T2)":                    {After: []string{"T1", "T2"}},
		"(after: T1 T1 T1)":                 {After: []string{"T1"}},
		"(after:T1,covers:R1,profile:go)":   {After: []string{"T1"}, Covers: []string{"R1"}, Profile: "go"},
		"(profile: base) (after: T1)":       {Profile: "base", After: []string{"T1"}},
		"(profile: base)\n  - After: T1":    {Profile: "base", After: []string{"T1"}},
		"(after the party)":                 {Title: "X (after the party)"},
		"`(after: T1)`":                     {Title: "X `(after: T1)`"},
		"(see: T1)":                         {Title: "X (see: T1)"},
		"(after: T1":                        {Title: "X (after: T1"},
		"((after: T1))":                     {Title: "X ()", After: []string{"T1"}},
		"\n  - Covers: everything there is": {Description: "- Covers: everything there is"},
	} {
		spec, _ := specs.Parse("a.md", []byte("# A\n\n## Requirements\n\n- R1 x\n\n## Tasks\n\n- T1 a\n- T2 b\n- T3 X "+text+"\n"))
		if len(spec.Tasks) != 3 {
			t.Errorf("%q: %d tasks", text, len(spec.Tasks))
			continue
		}
		want.ID = "T3"
		if want.Title == "" {
			want.Title = "X"
		}
		got := spec.Tasks[2]
		got.Pos = specs.Pos{}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q:\n got %+v\nwant %+v", text, got, want)
		}
	}
}

func TestDescriptionHasNoChecks(t *testing.T) {
	for body, want := range map[string]string{
		"  - Check: `a`\n":                                 "",
		"  - Check: `a`\n    - Check: `b`\n":               "",
		"  - Check: `a`\n    - why\n  - text\n":            "- text",
		"  - one\n\n  - Check: `a`\n\n  - two\n":           "- one\n\n- two",
		"  - one. Check: `a`\n":                            "- one. Check: `a`",
		"\n  Check: `a`\n\n  A paragraph.\n":               "A paragraph.",
		"  - Checks:\n    ```\n    a\n    ```\n  - text\n": "- text",
	} {
		spec, _ := specs.Parse("a.md", []byte("# A\n\n## Tasks\n\n- T1 x\n"+body))
		if got := spec.Tasks[0]; got.Description != want || len(got.Checks) == 0 {
			t.Errorf("%q: description %q, want %q; checks %q", body, got.Description, want, got.Checks)
		}
	}
}

func TestContentHash(t *testing.T) {
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if got := specs.ContentHash(nil); got != empty {
		t.Errorf("got %s", got)
	}
}
