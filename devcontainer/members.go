package devcontainer

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tailscale/hujson"

	"github.com/wrapix/wrapix/config"
)

// reasons say why a member has no effect; members that are in none of our lists have otherReason.
var reasons = map[string]string{
	"initializeCommand": "it would run on this host", "onCreateCommand": "no command of it runs", "updateContentCommand": "no command of it runs",
	"postCreateCommand": "no command of it runs; a line of run in a profile of wrapix.toml does, while the image is made",
	"postStartCommand":  "no command of it runs", "postAttachCommand": "no command of it runs",
	"mounts":         "a mount is named as [[sandbox.mounts]] in wrapix.toml",
	"workspaceMount": "the workspace is always /workspace", "workspaceFolder": "the workspace is always /workspace",
	"remoteUser": "the user in a sandbox has your own ids", "containerUser": "the user in a sandbox has your own ids",
	"runArgs": "how the container is run is not for a project to say", "privileged": "how the container is run is not for a project to say",
	"capAdd": "how the container is run is not for a project to say", "securityOpt": "how the container is run is not for a project to say",
	"build": "nothing is built of it; its image, or a profile, is what a sandbox has", "dockerFile": "nothing is built of it; its image, or a profile, is what a sandbox has",
	"dockerComposeFile": "a sandbox is one container", "service": "a sandbox is one container", "runServices": "a sandbox is one container",
	"appPort":        "a port is named in forwardPorts",
	"customizations": "it is for an editor", "extensions": "it is for an editor", "settings": "it is for an editor",
	"secrets":          "a secret is named in [secrets] of wrapix.toml",
	"hostRequirements": "nothing is asked of this host; limits are in [sandbox] of wrapix.toml",
}

const otherReason = "it has no effect in a sandbox"

// silent are members that mean nothing to any tool that starts a container.
var silent = []string{"name", "$schema"}

func (r *reader) member(key string, m hujson.ObjectMember) {
	switch key {
	case "image":
		r.image(m)
	case "containerEnv", "remoteEnv":
		r.each(m, key, r.variable)
	case "forwardPorts":
		r.ports(m)
	case "features":
		r.each(m, key, r.feature)
	default:
		if slices.Contains(silent, key) {
			return
		}
		reason, known := reasons[key]
		if !known {
			reason = otherReason
		}
		r.ignore(m.Name, key, reason)
	}
}

// each goes through the members of an object.
func (r *reader) each(m hujson.ObjectMember, key string, do func(key, name string, m hujson.ObjectMember)) {
	object, ok := m.Value.Value.(*hujson.Object)
	if !ok {
		r.ignore(m.Name, key, "it is no object")
		return
	}
	for _, inner := range object.Members {
		name := nameOf(inner)
		do(key+"."+name, name, inner)
	}
}

func (r *reader) image(m hujson.ObjectMember) {
	ref, ok := textOf(m.Value)
	switch {
	case !ok || ref == "" || strings.Contains("./-", ref[:1]) || strings.ContainsFunc(ref, func(c rune) bool { return c <= ' ' || c > '~' }):
		r.ignore(m.Name, "image", "it is no reference of an image")
	case strings.Contains(ref, "${"):
		r.ignore(m.Name, "image", variableReason)
	default:
		r.file.Image = Named{ref, "image", r.line(m.Name.StartOffset)}
	}
}

const variableReason = "it has a variable in it, and nothing of this host is filled in"

func (r *reader) variable(key, name string, m hujson.ObjectMember) {
	value, ok := textOf(m.Value)
	err := config.CheckVariable(name)
	switch {
	case !ok:
		r.ignore(m.Name, key, "its value is no string")
	case err != nil:
		r.ignore(m.Name, key, err.Error())
	case strings.ContainsRune(value, 0):
		r.ignore(m.Name, key, "its value has a NUL character")
	case strings.Contains(value, "${"):
		r.ignore(m.Name, key, variableReason+"; a variable of this host is named as sandbox.env_from_host in wrapix.toml")
	default:
		r.file.Env[name] = value
	}
}

// The ports that a program without privileges can listen on.
const firstPort, lastPort = 1024, 65535

func (r *reader) ports(m hujson.ObjectMember) {
	array, ok := m.Value.Value.(*hujson.Array)
	if !ok {
		r.ignore(m.Name, "forwardPorts", "it is no list")
		return
	}
	for _, e := range array.Elements {
		l, ok := e.Value.(hujson.Literal)
		key := "forwardPorts " + strings.TrimSpace(string(l))
		n := math.NaN()
		if ok && l.Kind() == '0' {
			n = l.Float()
		}
		switch {
		case math.Trunc(n) != n: // also of what is no number
			r.ignore(e, key, "only a port of the sandbox itself can be forwarded, as a number")
		case n < firstPort || n > lastPort:
			r.ignore(e, key, fmt.Sprintf("only ports from %d to %d can be listened on without privileges", firstPort, lastPort))
		case !slices.Contains(r.file.Ports, int(n)):
			r.file.Ports = append(r.file.Ports, int(n))
		}
	}
}

// features are those that a profile stands for.
var features = map[string]string{"rust": "rust", "python": "python", "node": "node", "go": "go"}

// registry is where the features of that name are that everybody means.
const registry = "ghcr.io/devcontainers/features/"

func (r *reader) feature(key, name string, m hujson.ObjectMember) {
	short, _, _ := strings.Cut(strings.TrimPrefix(name, registry), ":")
	profile, known := features[short]
	if !known {
		r.ignore(m.Name, key, "no profile stands for it; packages are named in wrapix.toml")
		return
	}
	if !slices.ContainsFunc(r.file.Profiles, func(n Named) bool { return n.Name == profile }) {
		r.file.Profiles = append(r.file.Profiles, Named{profile, key, r.line(m.Name.StartOffset)})
	}
	switch options := m.Value.Value.(type) {
	case *hujson.Object:
		for _, o := range options.Members {
			r.ignore(o.Name, key+"."+nameOf(o), "the profile "+profile+" has no options")
		}
	default: // an older form, in which it is the version of the tool
		if version, ok := textOf(m.Value); ok && version != "latest" {
			r.ignore(m.Value, key, "the profile "+profile+" installs the version of Debian")
		}
	}
}
