package profile

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestResolve(t *testing.T) {
	set, err := NewSet([]Definition{
		{Name: "service", Extends: "rust", Packages: []string{"redis-tools", "gcc", "redis-tools"}, Env: map[string]string{"RUST_LOG": "info"}, Run: []string{"true"}},
		{Name: "nightly", Extends: "service", Packages: []string{"valgrind"}, Env: map[string]string{"RUST_LOG": "debug"}, Run: []string{"true", "date"}},
		{Name: "plain", Packages: []string{"make"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := set.Resolve("nightly")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"base", "rust", "service", "nightly"}; !reflect.DeepEqual(p.Chain, want) {
		t.Errorf("chain: %q", p.Chain)
	}
	if got := p.Env["RUST_LOG"]; got != (Sourced{"debug", "nightly"}) {
		t.Errorf("a variable that is set again: %+v", got)
	}
	if got := p.Env["OPENSSL_DIR"]; got.From != "rust" {
		t.Errorf("a variable of a profile that is extended: %+v", got)
	}
	last := p.Steps[len(p.Steps)-2:]
	want := []Step{
		{From: "service", Packages: []string{"redis-tools"}, Run: []string{"true"}}, // gcc is there, and nothing twice
		{From: "nightly", Packages: []string{"valgrind"}, Run: []string{"date"}},
	}
	if !reflect.DeepEqual(last, want) {
		t.Errorf("steps: %+v", last)
	}
	plain, err := set.Resolve("plain")
	if err != nil || !reflect.DeepEqual(plain.Chain, []string{"base", "plain"}) {
		t.Errorf("a profile that names none extends base: %q, %v", plain.Chain, err)
	}
	more := plain.AddPackages("sandbox.packages", []string{"make", "git", "xz-utils"})
	if got := more.Steps[len(more.Steps)-1]; !reflect.DeepEqual(got, Step{From: "sandbox.packages", Packages: []string{"xz-utils"}}) {
		t.Errorf("added: %+v", got)
	}
	if len(plain.Steps) != len(more.Steps)-1 || more.Name != "plain" {
		t.Errorf("what was added to is changed: %+v", plain)
	}
}

func TestProfilesThatCannotBe(t *testing.T) {
	for name, tt := range map[string]struct {
		own  []Definition
		want string
	}{
		"a circle":         {[]Definition{{Name: "a", Extends: "b"}, {Name: "b", Extends: "c"}, {Name: "c", Extends: "a"}}, "circle: a -> b -> c -> a"},
		"itself":           {[]Definition{{Name: "a", Extends: "a"}}, "circle: a -> a"},
		"beside a circle":  {[]Definition{{Name: "x", Extends: "a"}, {Name: "a", Extends: "b"}, {Name: "b", Extends: "a"}}, "circle: a -> b -> a"},
		"unknown":          {[]Definition{{Name: "a", Extends: "rusty"}}, `profile a extends "rusty": there is no such profile; there are base, rust,`},
		"a built-in's own": {[]Definition{{Name: "rust"}}, `give this one another name, and extends = "rust"`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := NewSet(tt.own); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
	if _, err := Builtin().Resolve("none"); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
}

func TestNames(t *testing.T) {
	for _, good := range []string{"a", "my-rust", "py3", "a-1"} {
		if err := CheckName(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "A", "-a", "a-", "a--b", "a_b", "a/b", "1a", "a b", strings.Repeat("a", 41)} {
		if CheckName(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	for _, good := range []string{"git", "g++", "libc6-dev", "libc6:amd64", "git=1:2.39.5-0+deb12u2"} {
		if err := CheckPackage(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "-y", "git; rm", "$(id)", "git curl", "Git", "./x.deb", "git\n", "git-", "git:amd64-", "git=1-"} {
		if CheckPackage(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// What two profiles have in common is there once, and the first one's variables hold.
func TestJoin(t *testing.T) {
	set, err := NewSet([]Definition{
		{Name: "mine", Extends: "python", Packages: []string{"gcc", "hello"}, Env: map[string]string{"PIP_CACHE_DIR": "/mine", "X": "1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	join := func(names ...string) Profile {
		t.Helper()
		p, err := set.Resolve(names[0])
		for _, name := range names[1:] {
			if err == nil {
				p, err = set.Join(p, name)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, c := range []struct {
		names []string
		name  string
		chain []string
	}{
		{[]string{"base", "rust"}, "rust", []string{"base", "rust"}},
		{[]string{"rust", "rust"}, "rust", []string{"base", "rust"}},
		{[]string{"rust", "base"}, "rust", []string{"base", "rust"}},
		{[]string{"rust", "mine", "python"}, "rust-mine", []string{"base", "rust", "python", "mine"}},
	} {
		p := join(c.names...)
		if p.Name != c.name || !slices.Equal(p.Chain, c.chain) {
			t.Errorf("%v: %s %v", c.names, p.Name, p.Chain)
		}
		seen := map[string]bool{}
		for _, pkg := range p.Packages() {
			if seen[pkg.Value] {
				t.Errorf("%v: %s is there twice", c.names, pkg.Value)
			}
			seen[pkg.Value] = true
		}
	}
	if p := join("python", "mine"); p.Env["PIP_CACHE_DIR"].Value == "/mine" || p.Env["X"].Value != "1" {
		t.Errorf("%v", p.Env)
	}
	before, _ := set.Resolve("python")
	if _, err := set.Join(before, "nothing"); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
}
