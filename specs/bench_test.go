package specs_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/text"

	"github.com/wrapix/wrapix/specs"
)

// megabyte is a spec of 1 MB as people write them, only longer: prose with
// emphasis, links and code, lists, a table, tasks with checks.
func megabyte() []byte {
	var b bytes.Buffer
	b.WriteString("# A large spec\n\nIt *greets* people, see [the guide](docs/guide.md).\n\n## Problem Statement\n\n")
	prose := "Counting words with `wc -w` is **nearly** right and therefore wrong: a lone comma counts as a word,\n" +
		"and `The` and `the` are two words to every tool that counts them. See [words](docs/words.md) for more.\n\n"
	for b.Len() < 300<<10 {
		b.WriteString(prose)
	}
	b.WriteString("## Requirements\n\n### Functional\n\n")
	for i := 1; b.Len() < 500<<10; i++ {
		fmt.Fprintf(&b, "%d. The command `greet` prints a *greeting* for person number %d, whatever the locale is,\n   and exits with status 0.\n", i, i)
	}
	b.WriteString("\n## Affected Files\n\n| File | Role |\n| --- | --- |\n")
	for i := 0; b.Len() < 550<<10; i++ {
		fmt.Fprintf(&b, "| `greet/greet%d.go` | new: greets person %d |\n", i, i)
	}
	b.WriteString("\n## Success Criteria\n\n")
	for i := 0; b.Len() < 700<<10; i++ {
		fmt.Fprintf(&b, "- [ ] Person %d is greeted as the **guide** says. Check: `go test ./greet/... -run Test%d`\n", i, i)
	}
	b.WriteString("\n## Implementation Notes\n\n```go\n")
	for b.Len() < 750<<10 {
		b.WriteString("func greet(name string) string { return \"Hello, \" + name }\n")
	}
	b.WriteString("```\n\n## Tasks\n\n")
	for i := 1; b.Len() < 1<<20; i++ {
		fmt.Fprintf(&b, "- [ ] **T%d** Greet person %d (profile: base, after: T%d, covers: R%d)\n  The greeting stands in `greet.go`.\n  - Check: `go test ./greet/... -run Test%d`\n", i, i, max(i-1, 1), i, i)
	}
	return bytes.Replace(b.Bytes(), []byte("(profile: base, after: T1, covers: R1)"), []byte("(profile: base, covers: R1)"), 1)
}

func BenchmarkParse1MB(b *testing.B) {
	src := megabyte()
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		specs.Parse("large.md", src)
	}
}

// BenchmarkGoldmark1MB is the measure: goldmark's own parse of the same spec.
func BenchmarkGoldmark1MB(b *testing.B) {
	src := megabyte()
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		goldmark.New().Parser().Parse(text.NewReader(src))
	}
}
