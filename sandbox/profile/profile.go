// Package profile says what sandboxes have installed. A profile is a named set of packages, variables and build steps;
// each but the first extends another, and what it adds is merged into what that one has.
//
// The rule of the merge: packages and run lines are appended in the order of the chain, from the one that extends nothing,
// and one that is there already is not repeated; a variable that is set again has the later value, and a mount at a
// place that is taken replaces the one that has it. Every value of the result says which profile it comes from.
//
//	set, err := profile.NewSet(own)
//	p, err := set.Resolve("rust")
//
// What becomes of a profile, an image, is for package image.
package profile

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Base is the profile that all others extend, themselves or through others.
const Base = "base"

// ErrUnknown says that there is no profile of a name.
var ErrUnknown = errors.New("there is no such profile")

// Definition is one profile as it was written: built in, or as [profiles.NAME] of wrapix.toml.
type Definition struct {
	Name string
	// Extends names another profile. Empty is Base.
	Extends  string
	About    string   // one line for people; of the built-in ones
	Packages []string // of Debian
	Env      map[string]string
	// Run are command lines for /bin/sh, as root in the image, after the packages are installed.
	Run     []string
	Mounts  []Mount
	Volumes []Volume // of the built-in ones
	// Optional are steps whose source may be out of reach.
	Optional []Optional
}

// Optional is a step that an image can do without: its source is not Debian's archive, and may be out of reach.
type Optional struct {
	Name string
	// Source is where it comes from, for people.
	Source string
	// Run is a command line as in Definition. Where it fails, Instead are packages to install in its place.
	Run     string
	Instead []string
}

// Sourced is one value of a merged profile, and which profile it comes from.
type Sourced struct {
	Value string `json:"value"`
	From  string `json:"from"`
}

// Profile is the result of a merge.
type Profile struct {
	Name  string
	Chain []string // the profiles that it is made of, Base first
	Steps []Step   // what an image of it is made in, in this order
	Env   map[string]Sourced
	// Mounts are in the order in which they were added, each at a place of its own.
	Mounts  []SourcedMount
	Volumes []SourcedVolume
}

// Step is what one profile of the chain adds to an image.
type Step struct {
	From     string
	Packages []string
	Optional []Optional
	Run      []string
	Program  *Program // of an agent
}

// empty says whether the step adds nothing.
func (s Step) empty() bool { return len(s.Packages)+len(s.Optional)+len(s.Run) == 0 }

// Packages lists the packages of all steps.
func (p Profile) Packages() []Sourced {
	return p.values(func(s Step) []string { return s.Packages })
}

// Run lists the command lines of all steps.
func (p Profile) Run() []Sourced {
	return p.values(func(s Step) []string { return s.Run })
}

func (p Profile) values(of func(Step) []string) []Sourced {
	list := []Sourced{}
	for _, s := range p.Steps {
		for _, v := range of(s) {
			list = append(list, Sourced{v, s.From})
		}
	}
	return list
}

// EnvWith returns the variables of the profile with others, which win.
func (p Profile) EnvWith(others map[string]string) map[string]string {
	env := make(map[string]string, len(p.Env)+len(others))
	for name, v := range p.Env {
		env[name] = v.Value
	}
	maps.Copy(env, others)
	return env
}

// HostMounts are the mounts without where they come from.
func (p Profile) HostMounts() []Mount {
	var list []Mount
	for _, m := range p.Mounts {
		list = append(list, m.Mount)
	}
	return list
}

// AddPackages returns the profile with further packages, which come from the given place.
func (p Profile) AddPackages(from string, packages []string) Profile {
	merged := p.merge(Definition{Name: from, Packages: packages})
	merged.Chain = p.Chain
	return merged
}

// AddMounts returns the profile with further mounts, which come from the given place.
func (p Profile) AddMounts(from string, more []Mount) Profile {
	p.Mounts = mounted(p.Mounts, from, more)
	return p
}

// Set is all profiles of a project.
type Set struct {
	names       []string
	definitions map[string]Definition
	own         []Definition
}

// Own are the profiles that are not built in, as they were written.
func (s *Set) Own() []Definition { return slices.Clone(s.own) }

// name is what can be part of the name of an image.
var name = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// CheckName says what is wrong with the name of a profile.
func CheckName(s string) error {
	if !name.MatchString(s) || len(s) > 40 {
		return errors.New("the name of a profile has small letters, digits and single '-' between them, at most 40 in all")
	}
	return nil
}

// pkg is what Debian's package manager takes: a name, and also an architecture or an exact version. It takes a "-" at the
// end for an order to remove the package.
var pkg = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]*[a-z0-9+.](:[a-z0-9-]*[a-z0-9])?(=[A-Za-z0-9.+~:-]*[A-Za-z0-9.+~])?$`)

// CheckPackage says what is wrong with the name of a package.
func CheckPackage(s string) error {
	if !pkg.MatchString(s) {
		return fmt.Errorf("%q is no name of a Debian package", s)
	}
	return nil
}

// DefinitionError says which of a person's own profiles cannot be.
type DefinitionError struct {
	Name string
	Err  error
}

// Error tells what is wrong, and names the profile where that does not.
func (e *DefinitionError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e *DefinitionError) Unwrap() error { return e.Err }

// NewSet returns the built-in profiles with a person's own beside them. Its error is a *DefinitionError.
func NewSet(own []Definition) (*Set, error) {
	s := &Set{definitions: map[string]Definition{}, own: own}
	for _, d := range append(builtin(), own...) {
		if _, taken := s.definitions[d.Name]; taken {
			return nil, &DefinitionError{d.Name, fmt.Errorf("there is a profile %s already; give this one another name, and extends = %q", d.Name, d.Name)}
		}
		s.definitions[d.Name] = d
		s.names = append(s.names, d.Name)
	}
	for _, d := range own {
		if _, err := s.Resolve(d.Name); err != nil {
			return nil, &DefinitionError{d.Name, err}
		}
	}
	return s, nil
}

// Builtin is the set without any of a person's own.
func Builtin() *Set {
	s, err := NewSet(nil)
	if err != nil {
		panic("profile: " + err.Error()) // of this package alone
	}
	return s
}

// Names lists the profiles, the built-in ones first.
func (s *Set) Names() []string { return slices.Clone(s.names) }

// About returns the line about a profile for people.
func (s *Set) About(name string) string {
	d := s.definitions[name]
	if d.About == "" && d.Name != "" {
		return "of wrapix.toml, extends " + d.extends()
	}
	return d.About
}

func (d Definition) extends() string {
	switch {
	case d.Name == Base:
		return ""
	case d.Extends == "":
		return Base
	}
	return d.Extends
}

// Resolve merges a profile with all that it extends. The error of a name that is not there is ErrUnknown; profiles that
// extend each other are an error that names them all.
func (s *Set) Resolve(name string) (Profile, error) {
	chain, err := s.chain(name)
	if err != nil {
		return Profile{}, err
	}
	p := Profile{Name: name, Env: map[string]Sourced{}}
	for _, d := range slices.Backward(chain) {
		p = p.merge(d)
	}
	return p, nil
}

// Join returns a profile with all that another has as well. Of a variable that both have, the first one's value holds.
func (s *Set) Join(p Profile, name string) (Profile, error) {
	chain, err := s.chain(name)
	if err != nil {
		return p, err
	}
	env, chained := p.Env, p.Chain
	for _, d := range slices.Backward(chain) {
		if !slices.Contains(chained, d.Name) {
			p = p.merge(d)
		}
	}
	maps.Copy(p.Env, env) // a clone, of the merge
	if joined := p.Name + "-" + name; p.Name != Base && !slices.Contains(chained, name) && CheckName(joined) == nil {
		p.Name = joined
	} else if p.Name == Base {
		p.Name = name
	}
	return p, nil
}

// chain is a profile and all that it extends, Base last.
func (s *Set) chain(name string) ([]Definition, error) {
	var chain []Definition
	for at, path := name, []string{}; at != ""; {
		d, known := s.definitions[at]
		if !known && len(path) > 0 {
			return nil, fmt.Errorf("profile %s extends %q: %w; there are %s", path[len(path)-1], at, ErrUnknown, strings.Join(s.names, ", "))
		}
		if !known {
			return nil, fmt.Errorf("profile %q: %w; there are %s", at, ErrUnknown, strings.Join(s.names, ", "))
		}
		path = append(path, at)
		if slices.Contains(path[:len(path)-1], at) {
			circle := path[slices.Index(path, at):]
			return nil, fmt.Errorf("profiles extend each other in a circle: %s", strings.Join(circle, " -> "))
		}
		chain = append(chain, d)
		at = d.extends()
	}
	return chain, nil
}

// merge adds what one definition has.
func (p Profile) merge(d Definition) Profile {
	step := Step{From: d.Name, Optional: d.Optional}
	have, ran := p.Packages(), p.Run()
	step.Packages = added(have, d.Packages)
	step.Run = added(ran, d.Run)
	p.Chain = append(slices.Clone(p.Chain), d.Name)
	p.Steps = slices.Clone(p.Steps)
	if !step.empty() {
		p.Steps = append(p.Steps, step)
	}
	p.Env = maps.Clone(p.Env)
	for name, value := range d.Env {
		p.Env[name] = Sourced{value, d.Name}
	}
	p.Volumes = slices.Clone(p.Volumes)
	for _, v := range d.Volumes {
		p.Volumes = append(p.Volumes, SourcedVolume{v, d.Name})
	}
	return p.AddMounts(d.Name, d.Mounts)
}

// added are the values that are not there yet, each once.
func added(have []Sourced, values []string) []string {
	var list []string
	for _, v := range values {
		if !slices.Contains(list, v) && !slices.ContainsFunc(have, func(s Sourced) bool { return s.Value == v }) {
			list = append(list, v)
		}
	}
	return list
}
