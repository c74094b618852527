package specs_test

import (
	"bytes"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/wrapix/wrapix/specs"
)

// FuzzParse holds for any bytes: no panic, the same result again, every place
// inside the file, every text valid UTF-8, ids that exist.
func FuzzParse(f *testing.F) {
	for _, src := range examples(f) {
		f.Add(src)
	}
	for _, h := range hostile {
		f.Add(h.make(300))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		spec, ds := specs.Parse("fuzz.md", src)
		again, dsAgain := specs.Parse("fuzz.md", src)
		if !reflect.DeepEqual(spec, again) || !reflect.DeepEqual(ds, dsAgain) {
			t.Fatal("a second parse gives another result")
		}
		checkPlaces(t, src, spec, ds)
		checkTexts(t, spec, ds)
		tasks, requirements := map[string]bool{}, map[string]bool{}
		for _, task := range spec.Tasks {
			tasks[task.ID] = true
		}
		for _, r := range spec.Requirements {
			requirements[r.ID] = true
		}
		for _, task := range spec.Tasks {
			for _, id := range task.After {
				if !tasks[id] {
					t.Errorf("task %s comes after %q, which is no task", task.ID, id)
				}
			}
			for _, id := range task.Covers {
				if !requirements[id] {
					t.Errorf("task %s covers %q, which is no requirement", task.ID, id)
				}
			}
			const budget = 500
			if text := specs.RelevantText(spec, task, budget); len(text) > budget {
				t.Errorf("relevant text of %d bytes, the budget is %d", len(text), budget)
			}
		}
		if ok, why := specs.Complete(spec, ds); why == "" || ok && specs.HasErrors(ds) {
			t.Errorf("complete %v, %q", ok, why)
		}
	})
}

func checkPlaces(t *testing.T, src []byte, spec *specs.Spec, ds []specs.Diagnostic) {
	t.Helper()
	lf := bytes.ReplaceAll(bytes.ReplaceAll(src, []byte("\r\n"), []byte(" \n")), []byte("\r"), []byte("\n"))
	lines := bytes.Split(lf, []byte("\n"))
	inside := func(what string, p specs.Pos) {
		if p.Line < 1 || p.Line > len(lines) || p.Column < 1 || p.Column > len(lines[p.Line-1])+1 {
			t.Errorf("%s is at %d:%d, outside of the file", what, p.Line, p.Column)
		}
	}
	for _, r := range spec.Requirements {
		inside("requirement "+r.ID, r.Pos)
	}
	for _, c := range spec.Criteria {
		inside("criterion", c.Pos)
	}
	for _, task := range spec.Tasks {
		inside("task "+task.ID, task.Pos)
	}
	for _, f := range spec.AffectedFiles {
		inside("file "+f.Path, f.Pos)
	}
	for _, s := range spec.Sections {
		inside("section "+s.Heading, s.Pos)
	}
	for i, d := range ds {
		inside(d.String(), specs.Pos{Line: d.Line, Column: d.Column})
		if i > 0 && d.Line < ds[i-1].Line {
			t.Errorf("%s comes after %s", d, ds[i-1])
		}
	}
}

func checkTexts(t *testing.T, spec *specs.Spec, ds []specs.Diagnostic) {
	t.Helper()
	texts := []string{spec.Title, spec.Overview, spec.Problem, spec.Notes, spec.OutOfScope}
	for _, r := range spec.Requirements {
		texts = append(texts, r.ID, r.Text)
	}
	for _, c := range spec.Criteria {
		texts = append(append(texts, c.Text), c.Checks...)
	}
	for _, task := range spec.Tasks {
		texts = append(append(texts, task.ID, task.Title, task.Description, task.Profile), task.Checks...)
		if task.ID == "" {
			t.Error("a task has no id")
		}
	}
	for _, s := range spec.Sections {
		texts = append(texts, s.Heading, s.Text)
	}
	for _, d := range ds {
		texts = append(texts, d.Text)
		if d.Text == "" || d.Severity == "" {
			t.Errorf("diagnostic %+v says nothing", d)
		}
	}
	for _, text := range texts {
		if !utf8.ValidString(text) || bytes.ContainsAny([]byte(text), "\x00\r") {
			t.Errorf("text %q is not clean", text)
		}
	}
}
