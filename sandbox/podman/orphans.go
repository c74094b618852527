package podman

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/wrapix/wrapix/sandbox"
)

// EndOrphans implements sandbox.Runtime. A service that is killed while it starts a container leaves the monitor and the
// container's first process, which waits to be told to begin, and Podman may not know of either. One that is killed before
// leaves secrets.
func (e *Engine) EndOrphans(ctx context.Context, prefix string) error {
	var pids []string
	orphans := map[string]string{}
	for name, monitor := range monitors(prefix) {
		if _, err := e.Inspect(ctx, name); !errors.Is(err, sandbox.ErrNotFound) {
			if err != nil {
				return err
			}
			continue
		}
		orphans[name] = monitor
		pids = append(pids, children(monitor)...)
		pids = append(pids, monitor)
	}
	if _, err := e.leftSecrets(ctx, func(owner string, _ time.Time) bool { return strings.HasPrefix(owner, prefix) }); err != nil {
		return err
	}
	if len(pids) == 0 {
		return nil
	}
	// The first process has a user id that only Podman's user namespace may send signals to.
	out, err := exec.CommandContext(ctx, "podman", append([]string{"unshare", "kill", "-KILL"}, pids...)...).CombinedOutput()
	if err == nil {
		return nil
	}
	for name, monitor := range monitors(prefix) { // what ended by itself meanwhile is no error
		if orphans[name] == monitor {
			return fmt.Errorf("end monitors that Podman does not know: %w\n%s", err, out)
		}
	}
	return nil
}

// monitors returns the processes that look after containers whose names begin so.
func monitors(prefix string) map[string]string {
	found := map[string]string{}
	processes, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range processes {
		text, err := os.ReadFile(path)
		if err != nil { // ended, or somebody else's
			continue
		}
		args := strings.Split(string(text), "\x00")
		if filepath.Base(args[0]) != "conmon" {
			continue
		}
		for i, arg := range args[:len(args)-1] {
			if arg == "-n" && strings.HasPrefix(args[i+1], prefix) {
				found[args[i+1]] = filepath.Base(filepath.Dir(path))
			}
		}
	}
	return found
}

// children are the processes that a process started and that run.
func children(pid string) []string {
	var all []string
	lists, _ := filepath.Glob(filepath.Join("/proc", pid, "task", "*", "children"))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for child := range strings.FieldsSeq(string(text)) {
			if _, err := strconv.Atoi(child); err == nil {
				all = append(all, child)
			}
		}
	}
	return all
}
