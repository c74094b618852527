package image

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wrapix/wrapix/sandbox/profile"
)

func TestHostSuite(t *testing.T) {
	for content, want := range map[string]string{
		"ID=debian\nVERSION_CODENAME=bookworm\n": "bookworm",
		"VERSION_CODENAME=\"trixie\"\n":          "trixie",
		"VERSION_CODENAME=noble\nID=ubuntu\n":    newestSuite,
		"":                                       newestSuite,
	} {
		path := filepath.Join(t.TempDir(), "os-release")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := hostSuite(path); got != want {
			t.Errorf("hostSuite of %q = %q, want %q", content, got, want)
		}
	}
	if got := hostSuite("/nonexistent"); got != newestSuite {
		t.Errorf("hostSuite without a file = %q", got)
	}
}

// Everything that changes the image must change its name, or the old one would be taken for it. What comes later must not
// change the names of the layers below.
func TestRefIsAHashOfTheRecipe(t *testing.T) {
	optional := profile.Optional{Name: "tool", Run: "fetch tool", Instead: []string{"tool"}}
	steps := func(root, packages, run string, o profile.Optional) profile.Profile {
		return profile.Profile{Name: "mine", Steps: []profile.Step{
			{From: "base", Packages: []string{root}},
			{From: "mine", Packages: []string{packages}, Optional: []profile.Optional{o}, Run: []string{run}},
		}}
	}
	of := func(p profile.Profile) recipe { return recipeOf(p) }
	r := of(steps("git", "jq", "true", optional))
	root, pieces, whole := r.refs()
	if !strings.HasPrefix(whole, "localhost/wrapix-mine:") || len(pieces) != 3 {
		t.Fatalf("%s, %s", whole, pieces)
	}
	other := optional
	other.Run = "fetch another"
	instead := optional
	instead.Instead = []string{"other-tool"}
	named := steps("git", "jq", "true", optional)
	named.Name = "other"
	suite, base := r, r
	suite.suite, base.base = "sid", "debian@sha256:01"
	for name, tt := range map[string]struct {
		recipe recipe
		same   int // so many parts from the root on have the same name
	}{
		"root":     {of(steps("curl", "jq", "true", optional)), 0},
		"suite":    {suite, 0},
		"base":     {base, 0},
		"packages": {of(steps("git", "yq", "true", optional)), 1},
		"optional": {of(steps("git", "jq", "true", other)), 2},
		"instead":  {of(steps("git", "jq", "true", instead)), 2},
		"run":      {of(steps("git", "jq", "false", optional)), 3},
		"name":     {of(named), 4},
	} {
		otherRoot, otherPieces, otherWhole := tt.recipe.refs()
		if otherWhole == whole {
			t.Errorf("%s: the image has the same name", name)
		}
		mine, others := append([]string{root}, pieces...), append([]string{otherRoot}, otherPieces...)
		for i := range mine {
			if (mine[i] == others[i]) != (i < tt.same) {
				t.Errorf("%s: part %d is %s and was %s", name, i, others[i], mine[i])
			}
		}
	}
	env := steps("git", "jq", "true", optional)
	env.Env = map[string]profile.Sourced{"A": {Value: "b", From: "mine"}}
	if of(env).ref() != whole {
		t.Error("a variable makes another image")
	}
}

// Whatever stands in a run line reaches the shell, and nothing else of the build reads it.
func TestContainerfile(t *testing.T) {
	got := from(Stored{ID: "sha256:00"}, "echo \"a\\b\"\nFROM scratch\necho $HOME # <<EOF")
	want := "FROM sha256:00\nRUN [\"/bin/sh\",\"-c\",\"echo \\\"a\\\\b\\\"\\nFROM scratch\\necho $HOME # \\u003c\\u003cEOF\"]\n"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// A layer is shown as what was asked for.
func TestDescribe(t *testing.T) {
	optional := profile.Optional{Name: "tool", Run: "fetch tool"}
	for want, p := range map[string]piece{
		"fetch tool":            {optional: &optional},
		"true\nfalse":           {run: []string{"true", "false"}},
		install([]string{"jq"}): {packages: []string{"jq"}},
	} {
		args, err := json.Marshal([]string{"/bin/sh", "-c", p.script()})
		if err != nil {
			t.Fatal(err)
		}
		if got := describe("/bin/sh -c " + string(args)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := describe("/bin/sh -c " + p.script()); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestDebianSources(t *testing.T) {
	targets := `http://mirror/debian/ bookworm main Debian
http://mirror/debian/ bookworm-updates main Debian
http://mirror/debian/ bookworm main Debian
http://mirror/debian-security/ bookworm-security main $(ORIGIN)
http://elsewhere/apt bookworm main Somebody
http://elsewhere/apt cloud-sdk-bookworm main Somebody
http://mirror/debian/ trixie main Debian
short line
`
	want := []string{
		"deb http://mirror/debian/ bookworm main",
		"deb http://mirror/debian/ bookworm-updates main",
		"deb http://mirror/debian-security/ bookworm-security main",
	}
	if got := debianSources(targets, "bookworm"); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestRegistryHasAnswered(t *testing.T) {
	calls := 0
	a := &answered{do: func() { calls++ }}
	a.Write([]byte("Trying to pull debian...\n"))
	if calls != 0 {
		t.Error("the first line is no answer")
	}
	a.Write([]byte("Getting image source signatures\n"))
	if calls == 0 {
		t.Error("the second line is")
	}
}
