// Package image turns a profile into the image that sandboxes start from, and keeps it: the tag is a hash of all that
// goes in, so that the second call is a lookup.
//
//	img, err := image.Ensure(ctx, engine, p, image.Options{Progress: os.Stderr})
//	// img.Ref is "localhost/wrapix-base:0f3a…"
//
// An image is made in layers, each with a name of its own, and ordered as profiles extend each other: what two profiles
// have in common is made once, and what changes at the end is made alone. The variables of a profile are not in the
// image but given to each sandbox, so a change of one makes nothing anew. Times are those of the pinned base, and logs and
// caches are left out: two builds of the same inputs on one machine have the same digest.
//
// Where a container registry answers, the base is Debian's own image, pulled by digest, and the packages are installed
// by the engine's build. Where none does, the whole image is bootstrapped from the package archive that the host itself
// is installed from. Label "wrapix.source" says which of the two it was; the tag is the same for both, so that a
// registry that comes and goes makes nobody wait.
//
// The package decides; making and keeping images is left to an [Engine].
package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/profile"
)

// ErrNotFound is what an Engine returns for an image that the host does not have.
var ErrNotFound = errors.New("no such image")

// Labels of every image that this package makes.
const (
	LabelOurs    = "wrapix" // "1"
	LabelProfile = "wrapix.profile"
	LabelSource  = "wrapix.source"
	// LabelLeftOut says in JSON which optional parts an image lacks, as a list of LeftOut.
	LabelLeftOut = "wrapix.left-out"
)

// Source is where an image comes from.
type Source string

const (
	// SourceRegistry images have a base that was pulled by digest.
	SourceRegistry Source = "registry"
	// SourceBootstrap images were made from the host's own package sources.
	SourceBootstrap Source = "bootstrap"
	// SourceContainerfile images were built of a project's own Containerfile.
	SourceContainerfile Source = "containerfile"
	// SourceUser images were named by the user and are taken as they are.
	SourceUser Source = "user"
)

// Image is one that sandboxes can start from.
type Image struct {
	Ref    string
	Digest string
	Source Source
	// LeftOut are optional parts that it lacks. Making it anew tries them again.
	LeftOut []LeftOut
}

// Stored is what an Engine knows about one image.
type Stored struct {
	ID, Digest string
	Refs       []string // names with tags
	Labels     map[string]string
	Size       int64
	Created    time.Time
	Containers int // that were made from it; only Images fills it in
}

// Build is an order to make an image from a Containerfile.
type Build struct {
	Containerfile string
	// Context is the folder of the files that it adds; empty where it adds none. Then the context has nothing but the
	// Containerfile.
	Context string
	Ref     string
	Labels  map[string]string
	Created time.Time // also of all files in its layers
	Pull    bool      // fetch images that it names and that the host does not have
	Mark    string    // what RemoveBuilds knows it by
}

// Engine makes and keeps images. Progress is for people, a line at a time.
type Engine interface {
	// Image returns an image by reference or id, or ErrNotFound.
	Image(ctx context.Context, ref string) (Stored, error)
	// Images returns all images with the label, given as "key=value".
	Images(ctx context.Context, label string) ([]Stored, error)
	// PullImage fetches an image from a registry and returns its id.
	PullImage(ctx context.Context, ref string, progress io.Writer) (id string, err error)
	// BuildImage makes an image. Its steps run as the engine's build steps do, with the host's network.
	BuildImage(ctx context.Context, build Build, progress io.Writer) error
	// RemoveBuilds removes what is left of builds on top of such an image, or with such a mark, "" where it has none. None
	// of them may be under way.
	RemoveBuilds(ctx context.Context, of func(image, mark string) bool) error
	// LoadImage takes images in the form of an archive of docker's, with their names.
	LoadImage(ctx context.Context, archive io.Reader) error
	// ExportImage writes an image, by its name, as an OCI archive.
	ExportImage(ctx context.Context, ref string, to io.Writer) error
	// Layers returns the layers of an image, the lowest first.
	Layers(ctx context.Context, id string) ([]Layer, error)
	// RemoveImage removes an image that no container uses. It does nothing if there is no such image.
	RemoveImage(ctx context.Context, id string) error
}

// Options of Ensure and Use. Zero values work.
type Options struct {
	// Progress gets lines for a person; nil drops them.
	Progress io.Writer
	// Force makes the image anew although the host has it.
	Force bool
	// CacheDir holds the lock that lets one process build while others wait; empty means `wrapix` in the user's cache
	// folder.
	CacheDir string
	// Base replaces the pinned base image, for tests with a registry of their own.
	Base string
}

// Ref returns the reference that the image of a profile has, whether the host has it or not.
func Ref(p profile.Profile) string { return recipeOf(p).ref() }

// Find returns the image of a profile as the host has it, or ErrNotFound.
func Find(ctx context.Context, eng Engine, p profile.Profile) (Image, error) {
	return find(ctx, eng, Ref(p))
}

// Ensure returns the image of a profile, and makes it where the host does not have it. Of several callers, in whatever
// process, one builds and the others wait and take what it made. A build that ends early leaves nothing behind.
func Ensure(ctx context.Context, eng Engine, p profile.Profile, opts Options) (Image, error) {
	r := recipeOf(p)
	if opts.Base != "" {
		r.base = opts.Base
	}
	return ensure(ctx, eng, r.ref(), opts, func(opts Options) error { return r.make(ctx, eng, opts) })
}

// ensure returns the image of that name, and has it made where it is missing, by one process at a time.
func ensure(ctx context.Context, eng Engine, ref string, opts Options, make func(Options) error) (Image, error) {
	if opts.Progress == nil {
		opts.Progress = io.Discard
	}
	if !opts.Force {
		if img, err := find(ctx, eng, ref); err == nil || !errors.Is(err, ErrNotFound) {
			return img, err
		}
	}
	unlock, err := lock(ctx, opts)
	if err != nil {
		return Image{}, err
	}
	defer unlock()

	old, err := eng.Image(ctx, ref)
	switch {
	case err == nil && !opts.Force:
		return find(ctx, eng, ref) // made while we waited
	case err != nil && !errors.Is(err, ErrNotFound):
		return Image{}, err
	}
	if err := make(opts); err != nil {
		return Image{}, err
	}
	img, err := find(ctx, eng, ref)
	if err == nil && old.ID != "" && old.Digest != img.Digest { // made anew of the same it is the same image
		// Replaced, so nothing new starts from it; what still runs on it keeps it, and that is no reason to fail.
		_ = eng.RemoveImage(ctx, old.ID)
	}
	return img, err
}

// Use returns an image that the user named, and pulls it where the host does not have it, or with Force.
func Use(ctx context.Context, eng Engine, ref string, opts Options) (Image, error) {
	if opts.Progress == nil {
		opts.Progress = io.Discard
	}
	stored, err := eng.Image(ctx, ref)
	if errors.Is(err, ErrNotFound) || err == nil && opts.Force {
		fmt.Fprintf(opts.Progress, "image: pulling %s\n", ref)
		if _, err := eng.PullImage(ctx, ref, opts.Progress); err != nil {
			return Image{}, &sandbox.Error{
				Op:   "get the image " + ref,
				Err:  err,
				Hint: "podman images, and name one of those as image in the section [sandbox] of wrapix.toml",
			}
		}
		stored, err = eng.Image(ctx, ref)
	}
	if err != nil {
		return Image{}, fmt.Errorf("get the image %s: %w", ref, err)
	}
	return Image{Ref: ref, Digest: stored.Digest, Source: SourceUser}, nil
}

func find(ctx context.Context, eng Engine, ref string) (Image, error) {
	stored, err := eng.Image(ctx, ref)
	if err != nil {
		return Image{}, fmt.Errorf("find the image %s: %w", ref, err)
	}
	return Image{Ref: ref, Digest: stored.Digest, Source: Source(stored.Labels[LabelSource]), LeftOut: leftOut(stored.Labels)}, nil
}

// cacheDir returns the folder for the lock, and makes it.
func cacheDir(opts Options) (string, error) {
	dir := opts.CacheDir
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find the cache folder: %w", err)
		}
		dir = filepath.Join(base, "wrapix")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the cache folder: %w", err)
	}
	return dir, nil
}
