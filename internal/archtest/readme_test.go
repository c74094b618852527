package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestReadmeExitCodes wants every exit code of a command in the README's table of that command, and no other.
func TestReadmeExitCodes(t *testing.T) {
	readme := read(t, "README.md")
	for command, passedOn := range map[string][]string{"ralph": nil, "wrapix": {"126", "127"}} {
		_, after, ok := strings.Cut(readme, "| code | `"+command+"` |\n| --- | --- |\n")
		if !ok {
			t.Fatalf("README.md has no table of the exit codes of %s", command)
		}
		rows, _, _ := strings.Cut(after, "\n\n")
		told := map[string]bool{}
		for line := range strings.Lines(rows) {
			told[strings.TrimSpace(strings.Split(line, "|")[1])] = true
		}
		codes := append(exitCodes(t, filepath.Join("cmd", command, "exit.go")), passedOn...)
		for _, code := range codes {
			if !told[code] {
				t.Errorf("README.md does not tell exit code %s of %s", code, command)
			}
			delete(told, code)
		}
		for code := range told {
			t.Errorf("README.md tells exit code %s of %s, which does not exist", code, command)
		}
	}
}

// exitCodes returns the values of the constants whose names begin with "exit".
func exitCodes(t *testing.T, file string) []string {
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if ok && strings.HasPrefix(spec.Names[0].Name, "exit") && len(spec.Values) == 1 {
			if value, ok := spec.Values[0].(*ast.BasicLit); ok && value.Kind == token.INT {
				codes = append(codes, value.Value)
			}
		}
		return true
	})
	if len(codes) < 3 {
		t.Fatalf("%s has only the exit codes %v", file, codes)
	}
	return codes
}

// TestReadmeKeys wants every key of wrapix.toml in the README's table, and no other.
func TestReadmeKeys(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "config", "keys.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	// Those that take any name have none in the code.
	known := map[string]bool{"sandbox.env": true, "checks.NAME": true, "secrets.NAME": true, "profiles.NAME": true}
	ast.Inspect(f, func(n ast.Node) bool {
		entry, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		if key, ok := entry.Key.(*ast.BasicLit); ok {
			if _, isCall := entry.Value.(*ast.CallExpr); isCall {
				name, err := strconv.Unquote(key.Value)
				if err != nil {
					t.Fatal(err)
				}
				known[name] = true
			}
		}
		return true
	})
	_, section, ok := strings.Cut(read(t, "README.md"), "\n## Configuration\n")
	if !ok {
		t.Fatal("README.md has no section about the configuration")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	told := map[string]bool{}
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		table := ""
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
			key := name[1]
			if before, _, dotted := strings.Cut(key, "."); dotted {
				table = before + "."
			} else {
				key = table + key
			}
			told[key] = true
		}
	}
	for key := range known {
		if !told[key] {
			t.Errorf("README.md does not tell the key %s", key)
		}
	}
	for key := range told {
		if !known[key] {
			t.Errorf("README.md tells the key %s, which does not exist", key)
		}
	}
}

// TestLinks wants the files that the documents at the root link to.
func TestLinks(t *testing.T) {
	for _, name := range []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"} {
		for _, link := range regexp.MustCompile(`\]\(([^)#]+)`).FindAllStringSubmatch(read(t, name), -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, link[1])); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestPaths wants the files that ARCHITECTURE.md and CONTRIBUTING.md name in their text.
func TestPaths(t *testing.T) {
	path := regexp.MustCompile(`\b((?:cmd|config|engine|internal|notify|sandbox|scripts|specs|steps|store)/[a-z0-9_/]+(?:\.go)?)`)
	for _, name := range []string{"ARCHITECTURE.md", "CONTRIBUTING.md"} {
		for _, found := range path.FindAllStringSubmatch(read(t, name), -1) {
			if _, err := os.Stat(filepath.Join(root, found[1])); err != nil {
				t.Errorf("%s names %s: %v", name, found[1], err)
			}
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestCommands wants every command that a document tells people to type, and in the README every command that there is.
func TestCommands(t *testing.T) {
	typed := regexp.MustCompile(`(?m)^(ralph|wrapix) (key (?:create|list|rotate|remove)\b|[a-z-]+(?: (?:build|export|list|show|upgrade)\b)?)`)
	for _, command := range []string{"ralph", "wrapix"} {
		known := commandNames(t, filepath.Join(root, "cmd", command))
		for _, name := range []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"} {
			told := map[string]bool{}
			for _, found := range typed.FindAllStringSubmatch(code(read(t, name)), -1) {
				for _, word := range strings.Fields(found[2]) {
					if found[1] != command || strings.HasPrefix(word, "-") {
						continue
					}
					if told[word] = true; !known[word] {
						t.Errorf("%s tells to type %q, which does not exist", name, found[0])
					}
				}
			}
			for word := range known {
				if name == "README.md" && !told[word] {
					t.Errorf("README.md does not say what %s %s is for", command, word)
				}
			}
		}
	}
}

// code returns the code of a Markdown text: its fenced blocks, and its spans, each on a line of its own.
func code(markdown string) string {
	var b strings.Builder
	for i, part := range strings.Split(markdown, "\n```") {
		if i%2 == 1 {
			b.WriteString(part + "\n")
			continue
		}
		for _, span := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(part, -1) {
			b.WriteString(span[1] + "\n")
		}
	}
	return b.String()
}

// commandNames returns the first words of the Use lines of the commands in a folder that are not hidden.
func commandNames(t *testing.T, dir string) map[string]bool {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			literal, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			use, hidden := "", false
			for _, e := range literal.Elts {
				field, ok := e.(*ast.KeyValueExpr)
				if !ok {
					continue
				}
				key, _ := field.Key.(*ast.Ident)
				value, _ := field.Value.(*ast.BasicLit)
				switch {
				case key == nil:
				case key.Name == "Hidden":
					hidden = true
				case key.Name == "Use" && value != nil:
					use, _ = strconv.Unquote(value.Value)
				}
			}
			if use, _, _ = strings.Cut(use, " "); use != "" && use != filepath.Base(dir) && !hidden {
				names[use] = true
			}
			return true
		})
	}
	if len(names) < 4 {
		t.Fatalf("found only the commands %v in %s", names, dir)
	}
	return names
}
