package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStates lists state folders, and says of each that cannot be worked with why.
func TestStates(t *testing.T) {
	base := t.TempDir()
	t.Setenv("XDG_STATE_HOME", filepath.Join(base, "xdg"))
	t.Setenv(StateVariable, "")
	if states, err := States(); err != nil || len(states) != 0 {
		t.Errorf("none: %v, %v", states, err)
	}
	project := func(name string) string {
		root := filepath.Join(base, name)
		must(t, os.MkdirAll(filepath.Join(root, ".git"), 0o700))
		return root
	}
	state := func(root string) string {
		dir, err := OpenStateDir(root)
		must(t, err)
		return dir
	}
	a, b, gone, inner := project("a"), project("b"), project("gone"), project("a/inner")
	stateA, stateB, stateGone, stateInner := state(a), state(b), state(gone), state(inner)
	must(t, os.RemoveAll(gone))
	must(t, os.RemoveAll(filepath.Join(inner, ".git")))
	all := filepath.Dir(stateA)
	must(t, os.CopyFS(filepath.Join(all, "copy"), os.DirFS(stateA)))
	must(t, os.Mkdir(filepath.Join(all, "empty"), 0o700))
	must(t, os.WriteFile(filepath.Join(all, "resume.json"), nil, 0o600))
	named := filepath.Join(base, "named")
	t.Setenv(StateVariable, named)
	if dir := state(b); dir != named { // b has two
		t.Fatal(dir)
	}

	states, err := States()
	must(t, err)
	problems := map[string]string{}
	for _, s := range states {
		problems[s.Dir] = ""
		if s.Problem != nil {
			problems[s.Dir] = s.Problem.Error()
		}
		if (s.Variable != "") != (s.Dir == named) {
			t.Errorf("%+v", s)
		}
	}
	for dir, want := range map[string]string{
		named: "", stateA: "", stateB: "its project has another one: " + named, stateGone: "the folder is gone",
		stateInner: "no project here any more", filepath.Join(all, "copy"): "it is not that of its project, which is " + stateA,
		filepath.Join(all, "empty"): "it does not say which project it belongs to",
	} {
		got, listed := problems[dir]
		if !listed || (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, not %q", dir, got, want)
		}
		delete(problems, dir)
	}
	if len(problems) > 0 {
		t.Errorf("listed too: %v", problems)
	}
	for _, s := range states {
		if s.Dir == stateGone && !errors.Is(s.Problem, ErrNoProject) {
			t.Error(s.Problem)
		}
	}

	if os.Geteuid() != 0 { // whom nothing is closed to
		must(t, os.Chmod(a, 0))
		must(t, os.Chmod(stateGone, 0))
		states, err := States()
		must(t, os.Chmod(a, 0o700))
		must(t, os.Chmod(stateGone, 0o700))
		must(t, err)
		for _, s := range states {
			if (s.Dir == stateA || s.Dir == stateGone) && !errors.Is(s.Problem, fs.ErrPermission) {
				t.Errorf("%s: %v", s.Dir, s.Problem)
			}
		}
	}

	// One that is named and is also where it would be without is listed once.
	t.Setenv(StateVariable, stateA)
	states, err = States()
	must(t, err)
	times := 0
	for _, s := range states {
		if s.Dir == stateA {
			times++
		}
	}
	if times != 1 {
		t.Errorf("listed %d times", times)
	}
}
