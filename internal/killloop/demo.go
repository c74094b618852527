package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// agentRuns is how often the demo's agent runs when nothing goes wrong: six tasks, of which one asks, one is done
// wrongly and one is only claimed at first.
const agentRuns = 9

// gated is the agent: it notes that it runs, waits until as many runs are allowed, and becomes the demo's own agent.
// What it notes is evidence from outside of ralph: no attempt may run twice.
const gated = `[agent]
kind = "command"
command = ["sh", "-c", """
echo "$RALPH_TASK/$RALPH_ATTEMPT" >>.runs
n=$(wc -l <.runs)
while [ "$(cat .allowed)" -lt "$n" ]; do sleep 0.05; done
exec ./agent.sh
"""]

[sandbox]
network = "none"
`

// demo is the demo's project in a folder of its own.
type demo struct {
	dir, project, bin string
	workflow          string
}

func newDemo(ctx context.Context, dir string) (*demo, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	d := &demo{dir: dir, project: filepath.Join(dir, "wordkit"), bin: filepath.Join(root, "bin", "ralph")}
	if out, err := exec.CommandContext(ctx, filepath.Join(root, "scripts", "demo-project"), d.project).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make the demo's project: %w\n%s", err, out)
	}
	for name, content := range map[string]string{"wrapix.toml": gated, ".git/info/exclude": ".runs\n.allowed*\n"} {
		if err := os.WriteFile(filepath.Join(d.project, name), []byte(content), 0o600); err != nil {
			return nil, err
		}
	}
	out, err := d.ralph(ctx, "start", "--json", "specs/demo.md")
	if err != nil {
		return nil, err
	}
	var started struct{ Workflow string }
	if err := json.Unmarshal(out, &started); err != nil {
		return nil, fmt.Errorf("ralph start --json: %w", err)
	}
	d.workflow = started.Workflow
	return d, nil
}

// command makes a command of ralph's. It gets a process group of its own: a Ctrl-C is for us.
func (d *demo) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, d.bin, args...)
	cmd.Dir = d.project
	cmd.Env = append(os.Environ(), "RALPH_STATE_DIR="+filepath.Join(d.dir, "state"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// ralph runs a command to its end and returns its standard output.
func (d *demo) ralph(ctx context.Context, args ...string) ([]byte, error) {
	cmd := d.command(ctx, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("ralph %s: %w\n%s", strings.Join(args, " "), err, &stderr)
	}
	return out, nil
}

// release lets so many runs of the agent go on.
func (d *demo) release(runs int) error {
	path := filepath.Join(d.project, ".allowed")
	if err := os.WriteFile(path+".new", []byte(strconv.Itoa(runs)+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
