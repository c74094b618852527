package steps

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wrapix/wrapix/engine"
)

func TestNewGit(t *testing.T) {
	p := newProject(t, `
if [ "$RALPH_TASK" = T2 ]; then mkdir .git; echo x > .git/config; fi
echo RALPH_COMPLETE
`)
	var told []string
	p.options.NewGit = func(text string) { told = append(told, text) }
	p.steps = New(p.options)
	p.Steps = p.steps
	dot := filepath.Join(p.options.Project, ".git")
	w := p.begin(t, "# G\n\nText.\n\n## Tasks\n\n- [ ] **T1** One\n- [ ] **T2** Two (after: T1)\n- [ ] **T3** Three (after: T2)\n")
	p.loop(t, w, engine.Done)
	if len(told) != 1 || !strings.HasPrefix(told[0], "T2/1 made "+dot+", and none was there before.") {
		t.Errorf("told: %q", told)
	}
	if text := NewGit(p.options.State, p.options.Project); text != told[0] {
		t.Errorf("later: %q", text)
	}
	// One in its place is the person's.
	if err := os.Rename(dot, dot+"-of-the-agent"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if text := NewGit(p.options.State, p.options.Project); text != "" {
			t.Errorf("when it is gone, or another: %q", text)
		}
		if err := os.MkdirAll(dot, 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

// While the attempt goes on, and after it was cut off, it is told too.
func TestNewGitBeforeTheEnd(t *testing.T) {
	p := newProject(t, "")
	if err := p.steps.watchGit(); err != nil {
		t.Fatal(err)
	}
	if text := NewGit(p.options.State, p.options.Project); text != "" {
		t.Errorf("there is none: %q", text)
	}
	if err := os.Mkdir(filepath.Join(p.options.Project, ".git"), 0o700); err != nil {
		t.Fatal(err)
	}
	if text := NewGit(p.options.State, p.options.Project); !strings.HasPrefix(text, "an attempt that goes on or was cut off made ") {
		t.Errorf("told: %q", text)
	}
}

// What the person had before, or made between two attempts, is nothing to tell of.
func TestGitOfThePerson(t *testing.T) {
	for name, before := range map[string]bool{"before": true, "between": false} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t, "echo RALPH_COMPLETE\n")
			dot := filepath.Join(p.options.Project, ".git")
			mkdir := func() {
				if err := os.MkdirAll(dot, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if before {
				mkdir()
			}
			p.options.NewGit = func(text string) { t.Error(text) }
			s := New(p.options)
			for range 2 {
				if err := s.watchGit(); err != nil {
					t.Fatal(err)
				}
				s.lookForGit(engine.AttemptID{Task: "T1", Number: 1})
				mkdir()
			}
		})
	}
}
