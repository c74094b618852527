package service

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// AgentLabel is the launchd agent.
const AgentLabel = "dev.wrapix.ralph-resume"

// agent is an agent of launchd, which starts it when the user logs in.
type agent struct{ Options }

func (a *agent) Kind() Kind { return Launchd }

// Place is where launchd looks for agents of the user.
func (a *agent) Place() string {
	return filepath.Join(a.Home, "Library", "LaunchAgents", AgentLabel+".plist")
}

func (a *agent) Text() string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- Written by "` + mark + `"; what is changed here is lost when it is run again. -->
<plist version="1.0">
<dict>
	<key>Label</key>
	` + xmlString(AgentLabel) + `
	<key>ProgramArguments</key>
	<array>
`)
	for _, word := range append([]string{a.Program}, a.Arguments...) {
		b.WriteString("\t\t" + xmlString(word) + "\n")
	}
	b.WriteString("\t</array>\n")
	if len(a.Environment) > 0 {
		b.WriteString("\t<key>EnvironmentVariables</key>\n\t<dict>\n")
		for _, v := range a.Environment {
			b.WriteString("\t\t<key>" + xmlText(v.Name) + "</key>\n\t\t" + xmlString(v.Value) + "\n")
		}
		b.WriteString("\t</dict>\n")
	}
	if a.Log != "" {
		b.WriteString("\t<key>StandardOutPath</key>\n\t" + xmlString(a.Log) + "\n\t<key>StandardErrorPath</key>\n\t" + xmlString(a.Log) + "\n")
	}
	// Agents that began in order are told to stop with SIGTERM, and killed after ExitTimeOut.
	b.WriteString(`	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>Crashed</key>
		<true/>
	</dict>
	<key>ThrottleInterval</key>
	<integer>30</integer>
	<key>ExitTimeOut</key>
	<integer>90</integer>
	<key>ProcessType</key>
	<string>Background</string>
</dict>
</plist>
`)
	return b.String()
}

func xmlString(text string) string { return "<string>" + xmlText(text) + "</string>" }

func xmlText(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // to a builder nothing fails
	return b.String()
}

// Install writes the agent. It is not loaded now, because loading starts it; launchd does that at the next login.
func (a *agent) Install(context.Context) (Change, error) {
	was, err := readOurs(a.Place())
	if err != nil {
		return Change{}, err
	}
	c := Change{Was: was, Is: a.Text(), Notes: []string{"launchd starts it when you log in, not before"}}
	if c.Was != c.Is {
		err = write(a.Place(), c.Is)
	}
	return c, err
}

func (a *agent) Remove(ctx context.Context) (Change, error) {
	was, err := readOurs(a.Place())
	if err != nil || was == "" {
		return Change{}, err
	}
	c := Change{Was: was}
	if a.loaded(ctx) {
		if _, err := run(ctx, "", "launchctl", "bootout", a.target()); err != nil {
			return c, err
		}
	}
	if err := os.Remove(a.Place()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	return c, nil
}

func (a *agent) Status(ctx context.Context) (Status, error) {
	was, err := readOurs(a.Place())
	s := Status{Installed: was != "" && err == nil, Current: was == a.Text()}
	s.Enabled = s.Installed
	if s.Installed && a.loaded(ctx) {
		s.State = "loaded"
	}
	return s, err
}

// loaded says whether launchd knows the agent already.
func (a *agent) loaded(ctx context.Context) bool {
	_, err := run(ctx, "", "launchctl", "print", a.target())
	return err == nil
}

func (a *agent) target() string { return fmt.Sprintf("gui/%d/%s", os.Getuid(), AgentLabel) }
