package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/trust"
)

//go:embed agent.sh
var agent string

const tasks = 30

// configuration lets attempts fail as often as faults make them: no limit is to end the round before its time.
const configuration = `[agent]
kind = "command"
command = ["./agent.sh"]

[sandbox]
network = "none"

[loop]
max_attempts = 1000

[notify]
enabled = false

[secrets]
TOKEN = { env = "TORTURE_TOKEN" }
`

// token is what the agent is given, and prints. Nothing that is kept may have it.
const token = "s3cret/of-the+torture"

// project is the project of one round, with its state beside it or on the small disk.
type project struct {
	dir, state, ralph string
	workflow          string
}

// lines is how much the agent prints for a task: the transcript of every seventh is longer than any buffer.
func lines(task int) int {
	if task%7 == 0 {
		return 20_000
	}
	return 40
}

// specText has tasks with and without a check, in chains and on their own.
func specText() string {
	var b strings.Builder
	b.WriteString("# Torture\n\nThirty tasks.\n\n## Tasks\n\n")
	for i := 1; i <= tasks; i++ {
		after := ""
		if i%3 == 0 {
			after = fmt.Sprintf(" (after: T%d)", i-2)
		}
		fmt.Fprintf(&b, "- [ ] **T%d** Number %d%s\n", i, i, after)
		if i%5 > 0 {
			fmt.Fprintf(&b, "  - Check: `test \"$(cat work/T%d)\" = T%d`\n", i, i)
		}
	}
	return b.String()
}

// newProject makes the project and starts its workflow.
func newProject(ctx context.Context, ralph, dir, state string) (*project, error) {
	p := &project{dir: dir, state: state, ralph: ralph}
	for name, text := range map[string]string{"wrapix.toml": configuration, "agent.sh": agent, "spec.md": specText()} {
		if err := write(filepath.Join(dir, name), text); err != nil {
			return nil, err
		}
	}
	for i := 1; i <= tasks; i++ {
		if err := write(filepath.Join(dir, ".lines", "T"+strconv.Itoa(i)), strconv.Itoa(lines(i))); err != nil {
			return nil, err
		}
	}
	if out, err := exec.CommandContext(ctx, "git", "init", "--quiet", dir).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("git init: %w\n%s", err, out)
	}
	if err := p.approve(); err != nil {
		return nil, err
	}
	out, err := p.run(ctx, "start", "--json", "spec.md")
	if err != nil {
		return nil, err
	}
	var started struct{ Workflow string }
	if err := json.Unmarshal(out, &started); err != nil {
		return nil, fmt.Errorf("ralph start --json: %w", err)
	}
	p.workflow = started.Workflow
	return p, nil
}

// approve records what `wrapix trust --yes` does.
func (p *project) approve() error {
	root, err := config.FindProject(p.dir)
	if err != nil {
		return err
	}
	c, err := config.Load(filepath.Join(root, config.FileName))
	if err == nil {
		err = os.MkdirAll(p.state, 0o700)
	}
	if err != nil {
		return err
	}
	return trust.Approve(p.state, root, trust.List(c), time.Now())
}

func write(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o755)
}

// command makes a command of ralph's. It gets a process group of its own: a Ctrl-C is for us.
func (p *project) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.ralph, args...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "RALPH_STATE_DIR="+p.state, "TORTURE_TOKEN="+token)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// run runs a command to its end and returns its standard output.
func (p *project) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := p.command(ctx, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("ralph %s: %w\n%s", strings.Join(args, " "), err, &stderr)
	}
	return out, nil
}

// read runs a command that prints JSON.
func (p *project) read(ctx context.Context, into any, args ...string) error {
	out, err := p.run(ctx, append(args, "--json", "-w", p.workflow)...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(out, into); err != nil {
		return fmt.Errorf("ralph %s: %w", strings.Join(args, " "), err)
	}
	return nil
}
