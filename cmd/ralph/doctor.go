package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/doctor"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/steps"
)

func newDoctor(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Say what is missing or wrong, and the command that mends it",
		Long: `Look at the host, the project, its configuration and its store, and say what is
missing or wrong with the command that mends it. Exit code 1 says that
something keeps ralph from working.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context()) },
	}
}

// doctorDocument is `ralph doctor --json`.
type doctorDocument struct {
	Schema   int               `json:"schema"`
	Findings []findingDocument `json:"findings"`
}

type findingDocument struct {
	Severity string `json:"severity"`
	Code     string `json:"code"`
	Text     string `json:"text"`
	Fix      string `json:"fix"`
}

const (
	fine    = sandbox.SeverityOK
	warning = sandbox.SeverityWarning
	failure = sandbox.SeverityError
)

func (a *app) doctor(ctx context.Context) error {
	p, err := a.project()
	opts := doctor.Options{}
	own := doctor.Check{Name: "the project", Look: func(context.Context) []sandbox.Finding { return []sandbox.Finding{broken("project", err)} }}
	if err == nil {
		own.Look, opts = p.check, p.hostOptions()
	}
	results := doctor.Run(ctx, append([]doctor.Check{own}, doctor.Host(opts)...))
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := a.printFindings(results); err != nil {
		return err
	}
	if doctor.Failed(results) {
		return exitWith(exitFailed)
	}
	return nil
}

// check looks at the project itself: what doctor looks at beside the host.
func (p *project) check(ctx context.Context) []sandbox.Finding {
	findings := []sandbox.Finding{{Severity: fine, Code: "project", Text: "the project is " + p.root}}
	findings = append(findings, p.checkConfig(ctx)...)
	findings = append(findings, p.checkGit()...)
	return append(findings, p.checkState(ctx)...)
}

// hostOptions says what of the host the project needs. What is wrong with the configuration check tells.
func (p *project) hostOptions() (o doctor.Options) {
	if c, err := p.config(); err == nil {
		o.Profiles, _ = c.AgentProfiles()
	}
	if state, err := p.stateDir(); err == nil {
		o.State = state
	}
	return o
}

func (a *app) printFindings(results []doctor.Result) error {
	if a.json {
		d := doctorDocument{Schema: schema, Findings: []findingDocument{}}
		for _, f := range results {
			d.Findings = append(d.Findings, findingDocument{string(f.Severity), f.Code, f.Text, f.Fix})
		}
		return a.printJSON(d)
	}
	out := a.streams.Out
	styles := map[sandbox.Severity]terminal.Style{fine: terminal.Green, warning: terminal.Yellow, failure: terminal.Red}
	for _, f := range results {
		fmt.Fprintf(out, "%s  %s\n", out.Paint(styles[f.Severity], terminal.Pad(string(f.Severity), 7)), terminal.Line(f.Text))
		if f.Fix != "" {
			fmt.Fprint(out, tryLine(out, f.Fix))
		}
	}
	return nil
}

// broken makes a finding of an error.
func broken(code string, err error) sandbox.Finding {
	text := messageOf(err)
	if details := detailsOf(err); len(details) > 0 {
		text = strings.Join(details, "; ")
	}
	return sandbox.Finding{Severity: failure, Code: code, Text: text, Fix: hintOf(err)}
}

func (p *project) checkConfig(ctx context.Context) []sandbox.Finding {
	c, err := p.config()
	if err != nil {
		return []sandbox.Finding{broken("config", err)}
	}
	findings := []sandbox.Finding{{Severity: fine, Code: "config", Text: config.FileName + " is in order"}}
	findings = append(findings, p.checkHost(ctx, c)...)
	if c.Agent.Kind != config.AgentCommand {
		return append(findings, checkAgent(c))
	}
	program := c.Agent.Command[0]
	if !strings.HasPrefix(program, "./") {
		return append(findings, sandbox.Finding{Severity: fine, Code: "agent", Text: "the agent is the program " + program + " of the sandbox's image"})
	}
	path := filepath.Join(p.root, program)
	switch fi, err := os.Stat(path); {
	case err != nil:
		return append(findings, sandbox.Finding{Severity: failure, Code: "agent", Text: "the agent's program is missing: " + path, Fix: "write it, or name another as agent.command in " + config.FileName})
	case fi.IsDir() || fi.Mode()&0o111 == 0:
		return append(findings, sandbox.Finding{Severity: failure, Code: "agent", Text: "the agent's program cannot be executed: " + path, Fix: "chmod +x " + path})
	}
	return append(findings, sandbox.Finding{Severity: fine, Code: "agent", Text: "the agent is " + path})
}

// checkGit looks for the repository that agents commit to. Git itself runs in the sandbox, so the host need not have it.
func (p *project) checkGit() []sandbox.Finding {
	if state, err := p.stateDir(); err == nil {
		if text := steps.NewGit(state, p.root); text != "" {
			return []sandbox.Finding{{Severity: warning, Code: "git", Text: text, Fix: "wrapix " + p.root + " -- git log -p"}}
		}
	}
	if sandbox.HasGit(p.root) {
		return []sandbox.Finding{{Severity: fine, Code: "git", Text: "the project is a git repository"}}
	}
	fix := "git -C " + p.root + " init"
	if _, err := exec.LookPath("git"); err != nil {
		fix = "sudo apt-get install git && " + fix
	}
	return []sandbox.Finding{{Severity: warning, Code: "git", Text: "the project is no git repository: agents cannot commit, and you cannot see what they changed", Fix: fix}}
}

func (p *project) checkState(ctx context.Context) []sandbox.Finding {
	dir, err := config.OpenStateDir(p.root)
	if err != nil {
		return []sandbox.Finding{broken("state", err)}
	}
	probe, err := os.CreateTemp(dir, ".doctor-")
	if err == nil {
		err = errors.Join(probe.Close(), os.Remove(probe.Name()))
	}
	if err != nil {
		return []sandbox.Finding{{Severity: failure, Code: "state", Text: "the state folder cannot be written: " + err.Error(), Fix: "chmod u+rwx " + dir}}
	}
	findings := []sandbox.Finding{{Severity: fine, Code: "state", Text: "the state folder is " + dir}}
	return append(findings, p.checkStore(ctx, dir)...)
}
