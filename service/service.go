// Package service has a command of a user's run after every reboot: with systemd as a user unit, on macOS as a launchd
// agent, elsewhere as a line of the user's crontab.
//
// It promises:
//   - what it writes is what [Service.Text] says, and nothing else is changed: other lines of a crontab stay as they
//     are, byte for byte;
//   - it replaces and removes only what bears its mark, which is a comment in the file or line;
//   - installing again changes nothing, or brings what an older version wrote up to date;
//   - the command itself is not started now.
//
// What the command does is not known here.
//
//	s, err := service.New(service.Systemd, service.Options{Program: "/usr/local/bin/ralph", Arguments: []string{"resume", "--all"}})
//	if err != nil {
//		return err
//	}
//	change, err := s.Install(ctx)
package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Kind is what starts the command.
type Kind string

// The kinds.
const (
	Systemd Kind = "systemd"
	Launchd Kind = "launchd"
	Cron    Kind = "cron"
)

// mark is how we know what is ours: the first words of the unit's and the agent's comment, and the end of the line of
// the crontab.
const mark = "ralph service install"

// Errors that callers decide on.
var (
	// ErrForeign says that something is in the place that this package did not write.
	ErrForeign = errors.New("it was not written by " + mark)
	// ErrNothing says that the host has nothing that starts a command after a reboot.
	ErrNothing = errors.New("neither systemd nor launchd nor cron is here")
)

// Options say what is to run, and for whom.
type Options struct {
	Program   string // absolute
	Arguments []string
	// Environment are the variables that the command needs and would not have after a reboot.
	Environment []Variable
	Home        string // of the user
	// ConfigHome is $XDG_CONFIG_HOME; empty is below Home.
	ConfigHome string
	// Log is the file for what the command prints, where nothing else keeps that.
	Log string
}

// Variable is a variable of the environment.
type Variable struct{ Name, Value string }

// Change says what installing or removing did.
type Change struct {
	// Was and Is are the text before and after; empty where there was none, or is none any more.
	Was, Is string
	// Notes say what is to be known besides: one line each.
	Notes []string
}

// Status is how it stands.
type Status struct {
	Installed bool
	Current   bool // the text is the one that installing would write
	Enabled   bool // it runs after the next reboot
	// Lingering says whether the user's services begin with the machine and not with a login; nil where there is no
	// such thing.
	Lingering *bool
	// State is what the one who starts it says of the command now, as far as it can be asked.
	State string
}

// Service is one way to have the command run after a reboot.
type Service interface {
	Kind() Kind
	// Place is the file in which the text stands.
	Place() string
	// Text is what stands there, exactly: the whole file, or a line of it.
	Text() string
	// Install puts the text in its place and switches it on. It may be called again.
	Install(ctx context.Context) (Change, error)
	// Remove switches it off and takes away what Install put there. Where there is nothing it does nothing.
	Remove(ctx context.Context) (Change, error)
	// Status changes nothing.
	Status(ctx context.Context) (Status, error)
}

// Detect says what starts commands on this host: systemd where it runs, as sd_booted(3) tells.
func Detect() (Kind, error) {
	if runtime.GOOS == "darwin" {
		return Launchd, nil
	}
	if _, err := os.Stat("/run/systemd/system"); err == nil {
		return Systemd, nil
	}
	if _, err := exec.LookPath("crontab"); err == nil {
		return Cron, nil
	}
	return "", ErrNothing
}

// New returns the service of a kind. The options are refused where their text cannot be written.
func New(kind Kind, o Options) (Service, error) {
	if !filepath.IsAbs(o.Program) || !filepath.IsAbs(o.Home) {
		return nil, fmt.Errorf("the program %q and the home %q have to be absolute", o.Program, o.Home)
	}
	texts := append([]string{o.Program, o.Home, o.Log}, o.Arguments...)
	for _, v := range o.Environment {
		texts = append(texts, v.Name, v.Value)
	}
	for _, text := range texts {
		if err := writable(text); err != nil {
			return nil, err
		}
	}
	switch kind {
	case Systemd:
		return &unit{o}, nil
	case Launchd:
		return &agent{o}, nil
	case Cron:
		return &line{o}, nil
	}
	return nil, fmt.Errorf("%q is none of systemd, launchd and cron", kind)
}

// run runs a program of the host and returns what it printed. A failure tells what the program said.
func run(ctx context.Context, stdin string, name string, args ...string) (string, error) {
	return runIn(ctx, nil, stdin, name, args...)
}

// runIn is run with further variables.
func runIn(ctx context.Context, env []string, stdin string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Env = append(append(os.Environ(), "LC_ALL=C"), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if said, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n"); err != nil && said != "" {
		err = errors.New(said)
	}
	if err != nil {
		err = fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return stdout.String(), err
}
