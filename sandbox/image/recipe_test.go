package image

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
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

// Everything that changes the image must change its name, or the old one would be taken for it.
func TestRefIsAHashOfTheRecipe(t *testing.T) {
	r := recipe{profile: Profile{Name: "base", Packages: []string{"git", "jq"}}, suite: "trixie", base: "debian@sha256:00"}
	if !strings.HasPrefix(r.ref(), "localhost/wrapix-base:") {
		t.Fatalf("ref = %s", r.ref())
	}
	others := []recipe{
		{profile: Profile{Name: "base", Packages: []string{"git"}}, suite: r.suite, base: r.base},
		{profile: Profile{Name: "other", Packages: r.profile.Packages}, suite: r.suite, base: r.base},
		{profile: r.profile, suite: "bookworm", base: r.base},
		{profile: r.profile, suite: r.suite, base: "debian@sha256:01"},
	}
	for _, o := range others {
		if o.ref() == r.ref() {
			t.Errorf("%+v has the name of %+v", o, r)
		}
	}
}

func TestUnknownProfile(t *testing.T) {
	if _, err := recipeOf("nonsense"); err == nil || !strings.Contains(err.Error(), `"nonsense"`) {
		t.Errorf("err = %v", err)
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
