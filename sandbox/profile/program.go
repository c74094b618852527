package profile

import (
	"runtime"
	"strings"
)

// Program is one that an image has in a layer of its own, on top of all else: the client of an agent. It comes as a package
// of npm's registry, by its exact version and the hash of its archive, and needs nothing but what Debian has.
type Program struct {
	Name    string // of the command
	Version string
	// Source is what npm is asked for, with VERSION for the version.
	Source string
	// Integrity is of the archive, as npm writes it: "sha512-" and base64.
	Integrity string
	// Path is where the program lies in the archive.
	Path string
}

// String is what a person knows it as.
func (p Program) String() string { return p.Name + " " + p.Version }

// Package is what npm is asked for.
func (p Program) Package() string { return p.At(p.Version) }

// At is what npm is asked for at another version.
func (p Program) At(version string) string { return strings.ReplaceAll(p.Source, "VERSION", version) }

// programs are the clients by name and architecture. Versions and hashes are those that the registry gave on 2026-11-23.
var programs = map[string]map[string]Program{
	"claude": {
		"amd64": {
			Name: "claude", Version: "2.1.330", Source: "@anthropic-ai/claude-code-linux-x64@VERSION", Path: "package/claude",
			Integrity: "sha512-9Gn+V7DtJ8M1nztP9CeDVl9g3RtrepI7rOFTyPRRnZe8D6zebIHKmC7OvBauucuAP0X0k85SDN/LPVZyjsGezQ==",
		},
		"arm64": {
			Name: "claude", Version: "2.1.330", Source: "@anthropic-ai/claude-code-linux-arm64@VERSION", Path: "package/claude",
			Integrity: "sha512-V4yanAY5EA5UpwwRPtjSfqDbNqAlUJeVn3NYZw2AgmRHjdpSsLtHAzbxRXfkAnbjwTXzE0uedjQxUY02ARPcsA==",
		},
	},
}

// ProgramOf returns the client of that name for this machine.
func ProgramOf(name string) (Program, bool) {
	p, known := programs[name][runtime.GOARCH]
	return p, known
}

// With returns the profile with a program on top.
func (p Profile) With(program Program) Profile {
	p.Steps = append(p.Steps[:len(p.Steps):len(p.Steps)], Step{From: "agent", Program: &program})
	return p
}
