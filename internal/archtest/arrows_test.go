package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/wrapix/wrapix/"

// root is the module's folder: tests run in that of their package.
var root = filepath.Join("..", "..")

// TestArrows reads the imports of every package, tests left out, and holds them against the table under "Packages and
// their arrows": an import that has no arrow is an error, and so is an arrow that nobody uses. A module that stands in
// the table is for the packages that name it; the others are for all.
func TestArrows(t *testing.T) {
	rows, imports := arrowTable(t), importGraph(t, false)
	kept := map[string]bool{}
	for _, row := range rows {
		maps.Copy(kept, row)
	}
	for _, pkg := range slices.Sorted(maps.Keys(imports)) {
		row, ok := rows[pkg]
		if !ok {
			t.Errorf("package %s has no row in ARCHITECTURE.md", pkg)
			continue
		}
		for _, imp := range slices.Sorted(maps.Keys(imports[pkg])) {
			if !row[imp] && (kept[imp] || !isModule(imp)) {
				t.Errorf("%s imports %s, which is no arrow of ARCHITECTURE.md (%s)", pkg, imp, imports[pkg][imp])
			}
		}
		for _, imp := range slices.Sorted(maps.Keys(row)) {
			if imports[pkg][imp] == "" {
				t.Errorf("ARCHITECTURE.md has an arrow from %s to %s, which does not exist", pkg, imp)
			}
		}
	}
	for _, pkg := range slices.Sorted(maps.Keys(rows)) {
		if imports[pkg] == nil {
			t.Errorf("ARCHITECTURE.md has a row for %s, which does not exist", pkg)
		}
	}
}

// TestDependenciesHaveReasons wants a row in the table of dependencies for every module that our code imports, tests
// included.
func TestDependenciesHaveReasons(t *testing.T) {
	stated := map[string]bool{}
	for _, cells := range table(t, "## Dependencies") {
		stated[strings.Trim(cells[0], "`")] = true
	}
	used := map[string]string{}
	for _, imports := range importGraph(t, true) {
		for imp, file := range imports {
			if isModule(imp) {
				used[imp] = file
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if !stated[name] {
			t.Errorf("ARCHITECTURE.md gives no reason for %s (%s)", name, used[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(stated)) {
		if used[name] == "" {
			t.Errorf("ARCHITECTURE.md gives a reason for %s, which nothing imports", name)
		}
	}
}

// isModule tells a module from a folder of ours by the dot of its host's name.
func isModule(name string) bool {
	host, _, _ := strings.Cut(name, "/")
	return strings.Contains(host, ".")
}

// arrowTable returns for each package what it may import.
func arrowTable(t *testing.T) map[string]map[string]bool {
	rows := map[string]map[string]bool{}
	for _, cells := range table(t, "## Packages and their arrows") {
		allowed := map[string]bool{}
		for _, cell := range cells[1:3] {
			for _, name := range strings.Split(cell, ",") {
				if name = strings.Trim(strings.TrimSpace(name), "`"); name != "" {
					allowed[name] = true
				}
			}
		}
		rows[strings.Trim(cells[0], "`")] = allowed
	}
	return rows
}

// table returns the cells of the first table after the heading in ARCHITECTURE.md, without its two head lines.
func table(t *testing.T, heading string) [][]string {
	t.Helper()
	_, after, ok := strings.Cut(read(t, "ARCHITECTURE.md"), "\n"+heading+"\n")
	if !ok {
		t.Fatalf("ARCHITECTURE.md has no heading %q", heading)
	}
	var rows [][]string
	for line := range strings.Lines(after) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			if len(rows) > 0 || strings.HasPrefix(line, "#") {
				break
			}
			continue
		}
		var cells []string
		for _, cell := range strings.Split(strings.Trim(line, "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		rows = append(rows, cells)
	}
	if len(rows) < 3 {
		t.Fatalf("ARCHITECTURE.md has no table after %q", heading)
	}
	return rows[2:]
}

// importGraph returns, for each package of ours, what it imports outside of the standard library: packages of ours by
// their folder, others by their module, each with one file that does so.
func importGraph(t *testing.T, tests bool) map[string]map[string]string {
	modules := requiredModules(t)
	graph := map[string]map[string]string{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() && name != root && (base == "testdata" || base == "bin" || base == "dist" || strings.HasPrefix(base, ".")) {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(base, ".go") || strings.HasSuffix(base, "_test.go") && !tests {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		pkg := path.Dir(filepath.ToSlash(rel))
		if graph[pkg] == nil {
			graph[pkg] = map[string]string{}
		}
		for _, spec := range f.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if imp = target(imp, modules); imp != "" {
				graph[pkg][imp] = rel
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return graph
}

// target names what an import path belongs to: nothing for the standard library.
func target(imp string, modules []string) string {
	if own, ok := strings.CutPrefix(imp, module); ok {
		return own
	}
	if !isModule(imp) {
		return ""
	}
	for _, m := range modules {
		if imp == m || strings.HasPrefix(imp, m+"/") {
			return m
		}
	}
	return imp
}

// requiredModules lists the modules of go.mod, longest names first.
func requiredModules(t *testing.T) []string {
	gomod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	var modules []string
	for line := range strings.Lines(string(gomod)) {
		if fields := strings.Fields(strings.TrimPrefix(line, "require ")); len(fields) >= 2 && strings.HasPrefix(fields[1], "v") {
			modules = append(modules, fields[0])
		}
	}
	slices.SortFunc(modules, func(a, b string) int { return len(b) - len(a) })
	return modules
}
