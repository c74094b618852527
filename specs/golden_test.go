package specs_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/wrapix/wrapix/specs"
)

var update = flag.Bool("update", false, "write testdata/golden anew")

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// golden is everything that Parse says about one example spec.
type golden struct {
	Check      specs.Document    `json:"check"`
	Complete   bool              `json:"complete"`
	Why        string            `json:"why"`
	Overview   string            `json:"overview"`
	Problem    string            `json:"problem"`
	OutOfScope string            `json:"out_of_scope"`
	Notes      string            `json:"notes"`
	Details    map[string]string `json:"details"` // description of each task that has one
	Sections   []specs.Section   `json:"sections"`
}

func goldenOf(name string, src []byte) golden {
	spec, ds := specs.Parse(name, src)
	g := golden{
		Check: specs.NewDocument(spec, ds), Overview: spec.Overview, Problem: spec.Problem,
		OutOfScope: spec.OutOfScope, Notes: spec.Notes, Details: map[string]string{}, Sections: spec.Sections,
	}
	g.Complete, g.Why = specs.Complete(spec, ds)
	for _, t := range spec.Tasks {
		if t.Description != "" {
			g.Details[t.ID] = t.Description
		}
	}
	return g
}

// examples returns the specs in testdata/specs at the root of the repository.
func examples(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("../testdata/specs/*.md")
	if err != nil || len(files) < 12 {
		t.Fatalf("want at least 12 example specs, have %d (%v)", len(files), err)
	}
	all := map[string][]byte{}
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if name := filepath.Base(f); name != "README.md" {
			all[name] = src
		}
	}
	return all
}

func TestExamples(t *testing.T) {
	for name, src := range examples(t) {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			enc := json.NewEncoder(&got)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			if err := enc.Encode(goldenOf(name, src)); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", "golden", strings.TrimSuffix(name, ".md")+".json")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%s differs (see it with -update and git diff); got:\n%s", file, got.Bytes())
			}
		})
	}
}

// Every code of the table is reported by an example, so that what the table
// says can be seen; the rest need specs too large to keep and are named here.
func TestExamplesShowEveryCode(t *testing.T) {
	elsewhere := map[specs.Code]bool{specs.CodeTooLarge: true, specs.CodeTooManyTasks: true}
	seen := map[specs.Code]bool{}
	for name, src := range examples(t) {
		_, ds := specs.Parse(name, src)
		for _, d := range ds {
			seen[d.Code] = true
		}
	}
	for _, c := range specs.Codes() {
		if !seen[c.Code] && !elsewhere[c.Code] {
			t.Errorf("no example reports %s", c.Code)
		}
	}
}
