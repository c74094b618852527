package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/service"
)

type serviceOptions struct {
	*app
	with  string
	print bool
}

func newService(a *app) *cobra.Command {
	o := &serviceOptions{app: a}
	cmd := &cobra.Command{
		Use:   "service",
		Short: "Have open workflows taken up after a reboot",
		Long: `Have "ralph resume --all" run after every reboot: by a systemd user unit, on macOS
by a launchd agent, and where there is no systemd by an @reboot line of your
crontab. It is yours alone, needs no root, and only what it wrote itself is
changed or removed.

With systemd, units of a user begin with that user's first login and end with
the last logout, unless the user lingers: "loginctl enable-linger" lets them
begin with the machine. Where that is not allowed, an administrator can do it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&o.with, "with", "", "systemd, launchd or cron, in the place of what this host has (`KIND`)")
	install := o.command("install", "Set it up, or bring it up to date", o.install)
	install.Flags().BoolVar(&o.print, "print", false, "print the exact file or line, and do nothing")
	cmd.AddCommand(install, o.command("remove", "Stop it and take it away", o.remove), o.command("status", "Say whether it is set up, and what its last run said", o.status))
	return cmd
}

func (o *serviceOptions) command(use, short string, run func(context.Context, service.Service) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := o.service()
			if err != nil {
				return err
			}
			return run(cmd.Context(), s)
		},
	}
}

// service is the one of this host, or the one that a person named.
func (o *serviceOptions) service() (service.Service, error) {
	kind := service.Kind(o.with)
	if kind == "" {
		var err error
		if kind, err = service.Detect(); err != nil {
			return nil, usagef("sudo apt-get install cron", "find what starts programs after a reboot: %w", err)
		}
	}
	program, err := ownPath()
	if err != nil {
		return nil, err
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, fmt.Errorf("find the home folder: %w", err)
	}
	states, err := config.StatesDir()
	if err != nil {
		return nil, err
	}
	s, err := service.New(kind, service.Options{
		Program: program, Arguments: []string{"resume", "--all"}, Environment: serviceEnvironment(kind),
		Home: home, ConfigHome: os.Getenv("XDG_CONFIG_HOME"), Log: filepath.Join(states, "resume.log"),
	})
	if err != nil {
		return nil, usagef("", "%w", err)
	}
	return s, nil
}

// ownPath is where this program is found by its name, where that is this program: an update may replace the file that a
// link leads to.
func ownPath() (string, error) {
	own, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	if named, err := exec.LookPath(os.Args[0]); err == nil {
		if named, err = filepath.Abs(named); err == nil && sameFile(named, own) {
			return named, nil
		}
	}
	return own, nil
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// serviceEnvironment has the variables that say where ralph, Podman and their files are, as they are now: whatever
// starts programs after a reboot does not know them. It has no secrets, because others may read the file.
func serviceEnvironment(kind service.Kind) []service.Variable {
	names := []string{
		config.StateVariable, "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME",
		"CONTAINERS_CONF", "CONTAINERS_REGISTRIES_CONF", "CONTAINERS_STORAGE_CONF", "PODMAN_IGNORE_CGROUPSV1_WARNING",
	}
	if kind == service.Cron { // the others set it themselves
		names = append(names, "XDG_RUNTIME_DIR")
	}
	variables := []service.Variable{{Name: "PATH", Value: absolutePath(os.Getenv("PATH"))}}
	for _, name := range names {
		value := os.Getenv(name)
		if name == config.StateVariable && value != "" {
			if abs, err := filepath.Abs(value); err == nil {
				value = abs
			}
		}
		if value != "" {
			variables = append(variables, service.Variable{Name: name, Value: value})
		}
	}
	return variables
}

// absolutePath leaves out what depends on the present folder, and what is there twice.
func absolutePath(path string) string {
	var kept []string
	have := map[string]bool{}
	for _, dir := range filepath.SplitList(path) {
		if filepath.IsAbs(dir) && !have[dir] {
			have[dir] = true
			kept = append(kept, dir)
		}
	}
	return strings.Join(kept, string(filepath.ListSeparator))
}

// serviceDocument is `ralph service install --json` and `ralph service remove --json`.
type serviceDocument struct {
	Schema  int      `json:"schema"`
	Kind    string   `json:"kind"`
	Place   string   `json:"place"`
	Text    string   `json:"text"` // what stands there now
	Changed bool     `json:"changed"`
	Notes   []string `json:"notes"`
}

func (o *serviceOptions) install(ctx context.Context, s service.Service) error {
	if o.print {
		if o.json {
			return o.printJSON(serviceDocument{schema, string(s.Kind()), s.Place(), s.Text(), false, []string{}})
		}
		_, err := fmt.Fprint(o.streams.Out, strings.TrimSuffix(s.Text(), "\n")+"\n")
		return err
	}
	c, err := s.Install(ctx)
	if err != nil {
		return serviceError("install", s, err)
	}
	if o.json {
		return o.printJSON(serviceDocument{schema, string(s.Kind()), s.Place(), c.Is, c.Was != c.Is, append([]string{}, c.Notes...)})
	}
	out := o.streams.Out
	switch {
	case c.Was == c.Is:
		o.line("%s is as it should be already", s.Place())
	case c.Was != "":
		o.line("%s is brought up to date:", s.Place())
		printLines(out, changes(c.Was, c.Is))
	default:
		o.line("%s has now:", s.Place())
		printLines(out, strings.Split(strings.TrimSuffix(c.Is, "\n"), "\n"))
	}
	for _, note := range c.Notes {
		o.line("%s", note)
	}
	status, err := s.Status(ctx)
	if err == nil {
		o.lingering(status)
	}
	return nil
}

func (o *serviceOptions) remove(ctx context.Context, s service.Service) error {
	c, err := s.Remove(ctx)
	if err != nil {
		return serviceError("remove", s, err)
	}
	if o.json {
		return o.printJSON(serviceDocument{schema, string(s.Kind()), s.Place(), c.Is, c.Was != "", append([]string{}, c.Notes...)})
	}
	if c.Was == "" {
		o.line("nothing was installed in %s", s.Place())
		return nil
	}
	o.line("removed from %s", s.Place())
	return nil
}

func serviceError(op string, s service.Service, err error) error {
	err = fmt.Errorf("service %s: %w", op, err)
	switch {
	case errors.Is(err, service.ErrForeign):
		return usagef("mv "+service.ShellWord(s.Place())+" "+service.ShellWord(s.Place()+".old"), "%w", err)
	case errors.Is(err, exec.ErrNotFound):
		return usagef("ralph service "+op+" --with KIND, where KIND is what this host has: systemd, launchd or cron", "%w", err)
	}
	return err
}

// lingering says what keeps the user's services from beginning with the machine.
func (o *serviceOptions) lingering(s service.Status) {
	if s.Lingering != nil && !*s.Lingering {
		o.line("it begins when you log in and is stopped when you log out; to have it begin with the machine, linger")
		fmt.Fprint(o.progressOut(), tryLine(o.progressOut(), "loginctl enable-linger   (or, where that is refused: sudo loginctl enable-linger $USER)"))
	}
}

// changes are the lines that one text has and the other has not.
func changes(was, is string) []string {
	var lines []string
	only := func(mark, in, other string) {
		has := map[string]bool{}
		for _, line := range strings.Split(other, "\n") {
			has[line] = true
		}
		for _, line := range strings.Split(in, "\n") {
			if !has[line] {
				lines = append(lines, mark+line)
			}
		}
	}
	only("-", was, is)
	only("+", is, was)
	return lines
}

func printLines(out *terminal.Output, lines []string) {
	for _, line := range lines {
		fmt.Fprintln(out, "  "+terminal.Line(line))
	}
}

// serviceStatusDocument is `ralph service status --json`.
type serviceStatusDocument struct {
	Schema    int              `json:"schema"`
	Kind      string           `json:"kind"`
	Place     string           `json:"place"`
	Installed bool             `json:"installed"`
	Current   bool             `json:"current"`
	Enabled   bool             `json:"enabled"`
	Lingering *bool            `json:"lingering"`
	State     string           `json:"state"`
	LastRun   *resumedDocument `json:"last_run"`
}

func (o *serviceOptions) status(ctx context.Context, s service.Service) error {
	status, err := s.Status(ctx)
	if err != nil {
		return serviceError("status", s, err)
	}
	last, err := lastRun()
	if err != nil {
		return err
	}
	if o.json {
		return o.printJSON(serviceStatusDocument{
			schema, string(s.Kind()), s.Place(), status.Installed, status.Current, status.Enabled, status.Lingering, status.State, last,
		})
	}
	out := o.streams.Out
	if status.Installed {
		o.line("installed: %s, %s", s.Kind(), s.Place())
		if !status.Current {
			o.line("it is not what this ralph would install now")
			fmt.Fprint(out, tryLine(out, "ralph service install"))
		}
		if !status.Enabled {
			o.line("it is not enabled: it does not run after a reboot")
			fmt.Fprint(out, tryLine(out, "ralph service install"))
		}
		if status.State != "" {
			o.line("now: %s", status.State)
		}
		o.lingering(status)
	} else {
		o.line("not installed: open workflows stay as they are after a reboot")
		fmt.Fprint(out, tryLine(out, "ralph service install"))
	}
	o.tellLast(last)
	return nil
}

// lastRun is what the last `ralph resume --all` did, or nil.
func lastRun() (*resumedDocument, error) {
	dir, err := config.StatesDir()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, lastRunName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	d := &resumedDocument{}
	if err == nil {
		err = json.Unmarshal(text, d)
	}
	if err != nil {
		return nil, fmt.Errorf("read what the last run said: %w", err)
	}
	return d, nil
}

func (o *serviceOptions) tellLast(d *resumedDocument) {
	if d == nil {
		o.line("it has not run to its end yet")
		return
	}
	o.line("the last run ended %s with exit code %d", d.Ended.Local().Format(time.DateTime), d.ExitCode)
	for _, p := range d.Projects {
		name := p.Project
		if name == "" {
			name = p.StateDir
		}
		if p.Held != "" {
			o.line("  %s: left alone: %s", name, p.Held)
		}
		for _, problem := range p.Problems {
			o.line("  %s: %s", name, problem.Message)
		}
		for _, w := range p.Workflows {
			text := strings.ReplaceAll(w.State, "_", " ")
			if w.Waiting != nil {
				text += ": " + w.Waiting.Message
			}
			o.line("  %s: %s: %s", name, w.ID, text)
		}
	}
}
