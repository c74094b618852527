package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/sandbox/image"
	"github.com/wrapix/wrapix/sandbox/profile"
)

// wanted says which image is meant: one that is named, with the text of the Containerfile where it is the name of one, or
// else that of a profile.
type wanted struct {
	image, containerfile string
	profile              profile.Profile
}

// profiled finds out what the name of a profile, if one is given, else the configuration asks for.
func profiled(conf config.Config, given []string) (wanted, error) {
	w, name := wanted{image: conf.Sandbox.Image, containerfile: conf.Sandbox.Containerfile}, conf.Sandbox.Profile
	if len(given) > 0 {
		w, name = wanted{}, given[0]
	}
	var err error
	if w.profile, err = conf.ProfileOf(name); err != nil {
		err = &usageError{what: err.Error(), try: "wrapix profile list"}
	}
	return w, err
}

// withAgent puts the client of the project's agent on top of a profile. An image of one's own has to have it.
func (w wanted) withAgent(conf config.Config) (wanted, error) {
	var err error
	if w.image == "" && w.containerfile == "" {
		w.profile, err = conf.WithAgent(w.profile)
	}
	return w, err
}

// named is profiled, where what is given may be the name of an image as well.
func named(conf config.Config, given []string) (wanted, error) {
	if len(given) > 0 && !slices.Contains(conf.Profiles.Names(), given[0]) {
		return wanted{image: given[0]}, nil
	}
	return profiled(conf, given)
}

// ref is what the image is called, whether the host has it or not.
func (w wanted) ref() string {
	switch {
	case w.containerfile != "":
		return image.FileRef(w.containerfile)
	case w.image != "":
		return w.image
	}
	return image.Ref(w.profile)
}

// ensure returns the name of the image, which is fetched or made where the host does not have it.
func (w wanted) ensure(ctx context.Context, eng image.Engine, opts image.Options) (string, error) {
	var img image.Image
	var err error
	switch {
	case w.containerfile != "":
		img, err = image.EnsureFile(ctx, eng, w.image, w.containerfile, opts)
	case w.image != "":
		img, err = image.Use(ctx, eng, w.image, opts)
	default:
		img, err = image.Ensure(ctx, eng, w.profile, opts)
	}
	return img.Ref, err
}

// oneImage is for commands that take the name of one image at most.
func oneImage(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return &usageError{what: fmt.Sprintf("one image expected, not %q", args), try: "wrapix image list"}
	}
	return nil
}
