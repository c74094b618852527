package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/devcontainer"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/sandbox/profile"
	"github.com/wrapix/wrapix/trust"
)

// fromDevcontainer adds what the folder's devcontainer.json says to the configuration. What of it reaches the host a person
// has approved, or is asked for.
func (o *runOptions) fromDevcontainer(ctx context.Context, dir string, conf config.Config, w wanted) (config.Config, wanted, error) {
	file, written, err := o.readDevcontainer(dir, conf)
	if err != nil {
		return conf, w, err
	}
	d, err := comparedDevcontainer(dir, file.Settings(), written)
	if err != nil {
		return conf, w, err
	}
	if !d.Trusted() {
		if !isTerminal(o.streams.in) || !isTerminal(o.streams.err) || !inForeground(o.streams.in) {
			return conf, w, &usageError{what: d.Summary(), try: "wrapix trust --from-devcontainer " + dir}
		}
		// What is recorded is the whole list, also what is set aside for once.
		if d, err = comparedDevcontainer(dir, written, written); err != nil {
			return conf, w, err
		}
		asking := &trustOptions{streams: streams{in: o.streams.in, out: o.streams.err, err: o.streams.err}}
		if err := asking.approveDevcontainer(ctx, dir, d); err != nil && ctx.Err() == nil {
			return conf, w, &codeError{exitUsage, err}
		} else if err != nil {
			return conf, w, err
		}
	}
	return o.with(file, conf, w)
}

// approvedOfDevcontainer adds what of the file was approved, and returns what was not.
func (o *runOptions) approvedOfDevcontainer(dir string, conf config.Config, w wanted) (config.Config, wanted, trust.Difference, error) {
	file, written, err := o.readDevcontainer(dir, conf)
	if err != nil {
		return conf, w, trust.Difference{}, err
	}
	d, err := comparedDevcontainer(dir, file.Settings(), written)
	if err != nil {
		return conf, w, d, err
	}
	conf, w, err = o.with(file.Approved(d), conf, w)
	return conf, w, d, err
}

// readDevcontainer reads the file without what the command line and wrapix.toml say otherwise, and tells what has no effect.
// Written are all settings of the file.
func (o *runOptions) readDevcontainer(dir string, conf config.Config) (file devcontainer.File, written []trust.Setting, err error) {
	if file, err = devcontainer.Read(dir); err != nil {
		return file, nil, asUsage(err)
	}
	written = file.Settings()
	if o.changed("ports") {
		file.Ports = nil
	}
	named := file.Image.Name != ""
	switch {
	case o.changed("profile"):
		file.Image, file.Profiles = devcontainer.Named{}, nil
	case conf.Sandbox.Image != "":
		o.setAside(&file, "wrapix.toml names the image", append(slices.Clone(file.Profiles), file.Image)...)
		file.Image, file.Profiles = devcontainer.Named{}, nil
	case named && conf.Sandbox.Profile != profile.Base:
		o.setAside(&file, "wrapix.toml names the profile "+conf.Sandbox.Profile, file.Image)
		file.Image = devcontainer.Named{}
	}
	o.tellIgnored(file.Ignored)
	return file, written, nil
}

// with adds the file to the configuration and to the image that is wanted.
func (o *runOptions) with(file devcontainer.File, conf config.Config, w wanted) (config.Config, wanted, error) {
	if file.Image.Name != "" {
		w.image = file.Image.Name
		for _, n := range file.Profiles {
			o.tellIgnored([]devcontainer.Ignored{file.Ignore(n, "the image is taken as it is")})
		}
		return file.Under(conf), w, nil
	}
	for _, n := range file.Profiles {
		var err error
		if w.profile, err = conf.Profiles.Join(w.profile, n.Name); err != nil {
			return conf, w, &usageError{what: err.Error(), try: "wrapix profile list"}
		}
	}
	return file.Under(conf), w, nil
}

// setAside adds to what has no effect.
func (o *runOptions) setAside(file *devcontainer.File, reason string, names ...devcontainer.Named) {
	for _, n := range names {
		if n.Name != "" {
			file.Ignored = append(file.Ignored, file.Ignore(n, reason))
		}
	}
	slices.SortStableFunc(file.Ignored, func(a, b devcontainer.Ignored) int { return a.Line - b.Line })
}

func (o *runOptions) tellIgnored(list []devcontainer.Ignored) {
	for _, i := range list {
		fmt.Fprintln(o.streams.err, "wrapix: not honoured: "+terminal.Line(i.String()))
	}
}

// asUsage is the error of a file that cannot be read.
func asUsage(err error) error {
	var problems *config.Problems
	if errors.As(err, &problems) {
		return err
	}
	try := ""
	if errors.Is(err, fs.ErrNotExist) {
		try = "the same without --from-devcontainer"
	}
	return &usageError{what: "use devcontainer.json: " + err.Error(), try: try}
}

// devcontainerState is the folder, in a project's state folder, of the record of what was approved of devcontainer.json.
const devcontainerState = "devcontainer"

// comparedDevcontainer says what of the settings was not approved; written are all of the file.
func comparedDevcontainer(dir string, list, written []trust.Setting) (d trust.Difference, err error) {
	state, nowhere := config.StateDir(dir)
	if nowhere == nil {
		nowhere = config.CheckStateDir(state, dir)
	}
	if nowhere != nil { // nothing can be on record for the folder
		d = trust.Unrecorded(dir, list)
	} else if d, err = trust.Check(filepath.Join(state, devcontainerState), dir, list); errors.Is(err, trust.ErrDamaged) {
		err = nil
	}
	d.File = "devcontainer.json"
	return withoutSetAside(d, written), err
}

// approveDevcontainer shows what would be approved, has a person agree, and records it.
func (o *trustOptions) approveDevcontainer(ctx context.Context, dir string, d trust.Difference) error {
	if o.already(d) {
		return nil
	}
	if err := o.agree(ctx, d); err != nil {
		return err
	}
	state, err := config.OpenStateDir(dir)
	if err != nil {
		return err
	}
	state = filepath.Join(state, devcontainerState)
	if err := os.Mkdir(state, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("record the approval: %w", err)
	}
	return o.record(state, d)
}

// runDevcontainer is run for devcontainer.json.
func (o *trustOptions) runDevcontainer(ctx context.Context, dir string) error {
	dir, err := realPath(dir)
	if err != nil {
		return &usageError{what: "use the folder " + dir + ": " + reason(err)}
	}
	state, err := config.StateDir(dir)
	if err == nil {
		err = config.CheckStateDir(state, dir)
	}
	if err != nil {
		return err
	}
	if o.revoke {
		return o.forget(dir, filepath.Join(state, devcontainerState))
	}
	file, err := devcontainer.Read(dir)
	if err != nil {
		return asUsage(err)
	}
	d, err := comparedDevcontainer(dir, file.Settings(), file.Settings())
	if err != nil {
		return err
	}
	if o.show {
		return o.list(d)
	}
	return o.approveDevcontainer(ctx, dir, d)
}
