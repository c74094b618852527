package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/given"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/profile"
	"github.com/wrapix/wrapix/trust"
)

// givenFlags say what the sandbox gets of the host, beside what the configuration says. Whoever types them means them, so
// they need no approval.
type givenFlags struct{ mounts, env, allow []string }

func (f *givenFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.mounts, "mount", nil, "show a folder or file of the host: SOURCE:DEST, or SOURCE:DEST:rw to write there too")
	flags.StringArrayVar(&f.env, "env", nil, "set a variable: NAME=VALUE, or NAME for the host's value")
	flags.StringArrayVar(&f.allow, "allow-mount", nil, "mount this path although it is never mounted, such as ~/.aws; what gives the host away stays refused")
}

// spec adds to the sandbox what it is given, of its secrets the names only.
func (f *givenFlags) spec(ctx context.Context, dir string, conf config.Config, spec sandbox.Spec) (sandbox.Spec, error) {
	spec.Env = given.Env(conf.Sandbox, conf.Sandbox.EnvFromHost)
	set, err := f.variables()
	if err != nil {
		return spec, err
	}
	for name, value := range set {
		spec.Env[name] = value
	}
	asked, err := f.allMounts(conf.Sandbox.Mounts)
	if err != nil {
		return spec, err
	}
	host := given.Host{Project: dir}
	if len(asked) > 0 {
		if host.State, err = config.StateDir(dir); err != nil {
			return spec, err
		}
	}
	for _, path := range f.allow {
		if path, err = fromHere(path); err != nil {
			return spec, err
		}
		host.Allow = append(host.Allow, path)
	}
	if err := host.CheckWorkspace(); err != nil {
		return spec, &codeError{exitUsage, err}
	}
	found, err := host.Mounts(asked)
	if err != nil {
		return spec, &codeError{exitUsage, err}
	}
	spec.Mounts = append(spec.Mounts, found...)
	for _, secret := range conf.Secrets {
		if _, said := set[secret.Name]; !said {
			spec.Commands[0].Secrets = append(spec.Commands[0].Secrets, secret.Name)
		}
	}
	spec.Files = append(spec.Files, host.GitIdentity(ctx)...)
	return spec, nil
}

// secrets finds what the secrets are.
func (f *givenFlags) secrets(ctx context.Context, dir string, conf config.Config) ([]sandbox.Secret, error) {
	found, err := given.Host{Project: dir}.Secrets(ctx, conf.Secrets)
	if err != nil {
		return nil, &codeError{exitUsage, err}
	}
	return found, nil
}

// variables are those of --env.
func (f *givenFlags) variables() (map[string]string, error) {
	set := map[string]string{}
	for _, text := range f.env {
		name, value, given := strings.Cut(text, "=")
		if err := config.CheckVariable(name); err != nil {
			return nil, &usageError{what: fmt.Sprintf("--env %s: %v", name, err), try: "wrapix --env NAME=VALUE, or --env NAME"}
		}
		if !given {
			if value, given = os.LookupEnv(name); !given {
				continue // as everywhere: what is not set is not passed on
			}
		}
		set[name] = value
	}
	return set, nil
}

// allMounts are those of the configuration and of --mount, which takes the place of one with the same destination.
func (f *givenFlags) allMounts(configured []config.Mount) ([]config.Mount, error) {
	all := slices.Clone(configured)
	for _, text := range f.mounts {
		m, err := parseMount(text)
		if err != nil {
			return nil, &usageError{what: fmt.Sprintf("--mount %s: %v", text, err), try: "wrapix --mount SOURCE:DEST[:ro|rw]"}
		}
		if m.Source, err = fromHere(m.Source); err != nil {
			return nil, err
		}
		all = slices.DeleteFunc(all, func(o config.Mount) bool { return o.SamePlace(m) })
		all = append(all, m)
	}
	return all, nil
}

// parseMount reads SOURCE:DEST[:ro|rw]. Both can have colons in them, as far as DEST is not one that begins anew with
// ":/" or ":~/".
func parseMount(text string) (config.Mount, error) {
	mode := ""
	for _, m := range []string{"ro", "rw"} {
		if rest, ok := strings.CutSuffix(text, ":"+m); ok {
			text, mode = rest, m
			break
		}
	}
	at := max(strings.LastIndex(text, ":/"), strings.LastIndex(text, ":~/"))
	if at < 0 {
		return config.Mount{}, errors.New("want SOURCE:DEST, where DEST begins with / or ~/")
	}
	return profile.NewMount(text[:at], text[at+1:], mode)
}

// fromHere makes a path of the command line absolute: it is relative to where it was typed.
func fromHere(path string) (string, error) {
	if strings.HasPrefix(path, "~") {
		return path, nil
	}
	if filepath.IsAbs(path) {
		return path, nil
	}
	here, err := os.Getwd()
	return here + "/" + path, err // not joined: what stands before a ".." may be a link
}

// approved makes sure that a person has approved what the configuration brings of the host into the sandbox, or opens to
// it, as far as the command line says nothing else. On a terminal it asks. What it looks at is the configuration as it was
// read, whatever becomes of the file meanwhile.
func (o *runOptions) approved(ctx context.Context, dir string, conf config.Config) error {
	return approved(ctx, o.streams, dir, conf, o.effective(conf), o.reaching()...)
}

// effective is the configuration without what the command line takes the place of.
func (o *runOptions) effective(conf config.Config) config.Config {
	conf.Sandbox = o.network.without(conf.Sandbox)
	if o.changed("profile") { // its image takes the place of the configured one
		conf.Sandbox.Image = ""
	}
	return conf
}

// reaching is how the settings begin that reach this sandbox; others are ralph's.
func (o *runOptions) reaching() []string {
	reaches := []string{"sandbox.", "secrets.", "profiles."}
	if len(o.command) == 0 {
		reaches = append(reaches, "agent.")
	}
	return reaches
}

// approved looks at the settings of effective whose keys begin so, and asks for those of conf.
func approved(ctx context.Context, s streams, dir string, conf, effective config.Config, reaches ...string) error {
	d, state, nowhere, err := compared(dir, conf, effective)
	if err != nil {
		return err
	}
	if nowhere != nil {
		// For the folder that has all else in it, as a home has, nothing can ever be approved.
		if len(d.Of(reaches...).Added) == 0 {
			return nil
		}
		return &usageError{what: "look up what was approved: " + nowhere.Error(), try: "wrapix trust " + dir}
	}
	if d.Of(reaches...).Trusted() {
		return nil
	}
	if !isTerminal(s.in) || !isTerminal(s.err) || !inForeground(s.in) {
		return &usageError{what: d.Of(reaches...).Summary(), try: "wrapix trust " + dir}
	}
	// What is recorded is the whole list, also what the command line sets aside for once.
	whole, err := trust.Check(state, dir, trust.List(conf))
	if err != nil && !errors.Is(err, trust.ErrDamaged) {
		return err
	}
	asking := &trustOptions{streams: streams{in: s.in, out: s.err, err: s.err}}
	if err := asking.approve(ctx, dir, conf, whole); err != nil && ctx.Err() == nil {
		return &codeError{exitUsage, err}
	} else if err != nil {
		return err
	}
	return nil
}

// compared says what was not approved of effective, which is conf without what the command line takes the place of; nowhere
// is why nothing can be on record for the folder.
func compared(dir string, conf, effective config.Config) (d trust.Difference, state string, nowhere, err error) {
	list := trust.List(effective) // an empty one may be wider than what is on the record: its network is open
	if state, nowhere = config.StateDir(dir); nowhere == nil {
		nowhere = config.CheckStateDir(state, dir)
	}
	if nowhere != nil {
		return trust.Unrecorded(dir, list), "", nowhere, nil
	}
	if d, err = trust.Check(state, dir, list); errors.Is(err, trust.ErrDamaged) {
		err = nil
	}
	return withoutSetAside(d, trust.List(conf)), state, nil, err
}

// withoutSetAside takes off what is gone that which is still written, and only set aside for once.
func withoutSetAside(d trust.Difference, written []trust.Setting) trust.Difference {
	d.Removed = slices.DeleteFunc(slices.Clone(d.Removed), func(s trust.Setting) bool {
		return slices.ContainsFunc(written, func(o trust.Setting) bool { return o.Key == s.Key && o.Value == s.Value })
	})
	return d
}

// mountable refuses what no approval would bring into a sandbox. What is only not there may come.
func mountable(project string, conf config.Config) error {
	state, err := config.StateDir(project)
	if err != nil {
		return err
	}
	asked := slices.Clone(conf.Sandbox.Mounts)
	for _, p := range conf.Profiles.Own() {
		asked = append(asked, p.Mounts...)
	}
	for _, m := range asked {
		_, err := given.Host{Project: project, State: state}.Mounts([]config.Mount{m})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return &usageError{what: "it cannot be approved: " + err.Error(), try: "take it out of " + config.FileName}
		}
	}
	return nil
}
