package hooks

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/wrapix/wrapix/trust"
)

// Check says why a program cannot be a hook of the project, or nothing. It is asked at each run, too: what stands at a
// path can change.
func Check(project, program string) error {
	err := trust.Outside(project, program)
	if err != nil {
		return err
	}
	fi, err := os.Stat(program)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("there is no such program")
	case err != nil:
		return err
	case !fi.Mode().IsRegular() || fi.Mode()&0o111 == 0:
		return errors.New("it is no program that can be executed")
	}
	return nil
}

// Mentions says whether an argument names the project. That can be meant, as in a backup of it; whoever approves it
// should see that a script there would be the agent's.
func Mentions(project string, args []string) bool {
	for _, a := range args {
		if strings.Contains(a, project) || strings.Contains(a, "RALPH_PROJECT") {
			return true
		}
	}
	return false
}
