package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/wrapix/wrapix/internal/filesystem"
	"github.com/wrapix/wrapix/sandbox/profile"
)

// programsName is the file in which a person's choice of versions is kept, beside the deploy keys: no sandbox sees it.
const programsName = "programs.json"

// chosen is the version of a client that a person chose, with what its archive must be.
type chosen struct {
	Version   string `json:"version"`
	Integrity string `json:"integrity"`
}

// version is what npm takes for one; it stands in paths, too.
var version = regexp.MustCompile(`^[0-9]+(\.[0-9A-Za-z]+)*([+-][0-9A-Za-z.-]+)?$`)

// integrity is how npm writes a SHA-512.
var integrity = regexp.MustCompile(`^sha512-[A-Za-z0-9+/]{86}==$`)

// IsVersion says whether a text is one exact version of a package.
func IsVersion(text string) bool { return version.MatchString(text) }

// ErrNoProgram says that there is no client of a name, or none for this machine.
var ErrNoProgram = errors.New("there is no such agent for this machine")

// Program returns the client of an agent, in the version that a person chose, else in that which this version of wrapix
// comes with.
func Program(name string) (profile.Program, error) {
	p, known := profile.ProgramOf(name)
	if !known {
		return p, fmt.Errorf("%s: %w", name, ErrNoProgram)
	}
	all, file, err := programs()
	if err != nil {
		return p, err
	}
	if c, is := all[name]; is {
		if !version.MatchString(c.Version) || !integrity.MatchString(c.Integrity) {
			return p, fmt.Errorf("%s: version and integrity of %s are none: remove it, or: wrapix image upgrade %s", file, name, name)
		}
		p.Version, p.Integrity = c.Version, c.Integrity
	}
	return p, nil
}

// ChooseProgram records the version of a client for all projects of the user.
func ChooseProgram(p profile.Program) error {
	if !version.MatchString(p.Version) || !integrity.MatchString(p.Integrity) {
		return fmt.Errorf("%q with %q is no version of %s", p.Version, p.Integrity, p.Name)
	}
	all, file, err := programs()
	if err != nil {
		return err
	}
	all[p.Name] = chosen{p.Version, p.Integrity}
	if own, _ := profile.ProgramOf(p.Name); own == p {
		delete(all, p.Name) // it goes with the next version of wrapix again
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("record %s: %w", p, err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("record %s: %w", p, err)
	}
	if err := filesystem.Replace(file, append(text, '\n')); err != nil {
		return fmt.Errorf("record %s: %w", p, err)
	}
	return nil
}

// programs reads the choices. No file is none.
func programs() (all map[string]chosen, file string, err error) {
	states, err := StatesDir()
	if err != nil {
		return nil, "", err
	}
	file = filepath.Join(filepath.Dir(states), "wrapix", programsName)
	all = map[string]chosen{}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return all, file, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		return nil, file, fmt.Errorf("read the chosen versions of agents in %s: %w", file, err)
	}
	return all, file, nil
}
