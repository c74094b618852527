package archtest

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/wrapix/wrapix/engine"
)

var update = flag.Bool("update", false, "write the generated parts of ARCHITECTURE.md")

// TestGenerated compares what stands between "<!-- generated: NAME -->" and "<!-- end -->" with what the code says now.
func TestGenerated(t *testing.T) {
	text := read(t, "ARCHITECTURE.md")
	for name, generate := range map[string]func(*testing.T) string{
		"task machine": taskMachine, "workflow machine": workflowMachine, "events": events,
	} {
		begin := "<!-- generated: " + name + " -->\n"
		before, rest, ok := strings.Cut(text, begin)
		old, after, closed := strings.Cut(rest, "<!-- end -->")
		if !ok || !closed {
			t.Errorf("ARCHITECTURE.md has no generated part %q", name)
			continue
		}
		want := "\n" + generate(t) + "\n"
		if old == want {
			continue
		}
		if !*update {
			t.Errorf("the %s in ARCHITECTURE.md is stale: run go generate ./internal/archtest", name)
			continue
		}
		text = before + begin + want + "<!-- end -->" + after
	}
	if *update {
		if err := os.WriteFile(filepath.Join(root, "ARCHITECTURE.md"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

type edge struct{ from, event, to string }

// edges reads the text form that `ralph graph --format text` prints.
func edges(t *testing.T, text string, err error) []edge {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var all []edge
	var from string
	for line := range strings.Lines(text) {
		event, to, ok := strings.Cut(line, "->")
		if ok {
			all = append(all, edge{from, strings.TrimSpace(event), strings.TrimSpace(to)})
		} else if !strings.HasPrefix(line, "    ") {
			from = strings.TrimSpace(strings.TrimPrefix(line, "*"))
		}
	}
	return all
}

func diagram(b *strings.Builder, edges []edge, indent string) {
	for _, e := range edges {
		fmt.Fprintf(b, "%s%s --> %s: %s\n", indent, e.from, e.to, e.event)
	}
}

func taskMachine(t *testing.T) string {
	text, err := engine.TaskGraph("", engine.GraphText)
	var b strings.Builder
	b.WriteString("```mermaid\nstateDiagram-v2\n    [*] --> pending\n")
	diagram(&b, edges(t, text, err), "    ")
	b.WriteString("    done --> [*]\n    skipped --> [*]\n```\n")
	return b.String()
}

// workflowMachine folds what is alike for all active states, and for all waits, into one arrow each: drawn one by one
// they are eighty. An arrow that not all of them have would not fold, and fails the test.
func workflowMachine(t *testing.T) string {
	text, err := engine.WorkflowGraph("", engine.GraphText)
	var plain []edge
	active, waits, ends := map[string]bool{}, map[string]bool{}, map[string]bool{}
	folded := map[edge]map[string]bool{}
	fold := func(from, event, to, one string) {
		e := edge{from, event, to}
		if folded[e] == nil {
			folded[e] = map[string]bool{}
		}
		folded[e][one] = true
	}
	all := edges(t, text, err)
	for _, e := range all {
		if strings.HasPrefix(e.event, "wait_") {
			active[e.from], waits[e.to] = true, true
		}
	}
	var order []string
	for _, e := range all {
		group := "active"
		if waits[e.from] {
			group = "waiting"
		}
		switch {
		case strings.HasPrefix(e.event, "wait_"):
			fold("active", "wait_KIND", "waiting", e.from+" "+e.to)
		case strings.HasPrefix(e.event, "resume_"):
			fold("waiting", "resume_STATE", "active", e.from+" "+e.to)
		case e.event == "cancel" || e.event == "fail":
			ends[e.to] = true
			fold(group, e.event, e.to, e.from)
		default:
			plain = append(plain, e)
		}
		if waits[e.to] && len(order) < len(waits) {
			order = append(order, e.to)
		}
	}
	size := map[string]int{"active": len(active), "waiting": len(waits)}
	var b strings.Builder
	b.WriteString("```mermaid\nstateDiagram-v2\n    [*] --> created\n")
	var inner []edge
	for _, e := range plain {
		if active[e.from] && active[e.to] {
			inner = append(inner, e)
		} else {
			diagram(&b, []edge{e}, "    ")
		}
	}
	b.WriteString("    state active {\n")
	diagram(&b, inner, "        ")
	b.WriteString("    }\n    state waiting {\n")
	for _, wait := range order {
		fmt.Fprintf(&b, "        %s\n", wait)
	}
	b.WriteString("    }\n")
	for _, e := range []edge{
		{"active", "wait_KIND", "waiting"}, {"waiting", "resume_STATE", "active"},
		{"active", "fail", "failed"}, {"waiting", "fail", "failed"},
		{"active", "cancel", "cancelled"}, {"waiting", "cancel", "cancelled"},
	} {
		want := size[e.from]
		if size[e.to] > 0 {
			want *= size[e.to]
		}
		if len(folded[e]) != want {
			t.Errorf("%d arrows fold into %v, not %d: draw them apart", len(folded[e]), e, want)
		}
		delete(folded, e)
		diagram(&b, []edge{e}, "    ")
	}
	for e := range folded {
		t.Errorf("%v is not drawn", e)
	}
	b.WriteString("    done --> [*]\n    failed --> [*]\n    cancelled --> [*]\n```\n")
	return b.String()
}

// events makes the table of event types from the constants of engine/event.go, the comments beside them, and the fields
// of the payloads in engine/payload.go.
func events(t *testing.T) string {
	fields := payloadFields(t)
	var b strings.Builder
	b.WriteString("| event | data | |\n| --- | --- | --- |\n")
	for spec := range specsOf(t, "event.go", token.CONST) {
		v := spec.(*ast.ValueSpec)
		if id, ok := v.Type.(*ast.Ident); !ok || id.Name != "EventType" {
			continue
		}
		name, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		payload, why, _ := strings.Cut(strings.TrimSpace(v.Comment.Text()), ":")
		data, ok := fields[payload]
		if !ok {
			t.Errorf("the comment beside %s names no payload", name)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, data, strings.TrimSpace(why))
	}
	return b.String()
}

// payloadFields gives each payload type the names that its fields have in JSON.
func payloadFields(t *testing.T) map[string]string {
	fields := map[string]string{}
	for spec := range specsOf(t, "payload.go", token.TYPE) {
		typ := spec.(*ast.TypeSpec)
		structure, ok := typ.Type.(*ast.StructType)
		if !ok {
			continue
		}
		var names []string
		for _, field := range structure.Fields.List {
			tag, err := strconv.Unquote(field.Tag.Value)
			if err != nil {
				t.Fatal(err)
			}
			name, _, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
			names = append(names, "`"+name+"`")
		}
		fields[typ.Name.Name] = strings.Join(names, ", ")
	}
	return fields
}

// specsOf yields the declarations of one kind in a file of the engine.
func specsOf(t *testing.T, file string, kind token.Token) iter.Seq[ast.Spec] {
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "engine", file), nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func(ast.Spec) bool) {
		for _, decl := range f.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != kind {
				continue
			}
			for _, spec := range gen.Specs {
				if !yield(spec) {
					return
				}
			}
		}
	}
}
