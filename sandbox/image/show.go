package image

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/wrapix/wrapix/sandbox/profile"
)

// Shown is what can be said of one image.
type Shown struct {
	Ref     string    `json:"ref"`
	Digest  string    `json:"digest"`
	Profile string    `json:"profile"`
	Source  Source    `json:"source"`
	Size    int64     `json:"size_bytes"`
	Created time.Time `json:"created"`
	LeftOut []LeftOut `json:"left_out"`
	Layers  []Layer   `json:"layers"` // the lowest first
}

// Layer is one layer of an image.
type Layer struct {
	Size int64  `json:"size_bytes"`
	What string `json:"what"` // the command that made it
}

// Show describes an image of ours. The error of one that is not there is ErrNotFound.
func Show(ctx context.Context, eng Engine, ref string) (Shown, error) {
	stored, err := eng.Image(ctx, ref)
	if err != nil {
		return Shown{}, fmt.Errorf("show the image %s: %w", ref, err)
	}
	layers, err := eng.Layers(ctx, stored.ID)
	if err != nil {
		return Shown{}, fmt.Errorf("show the image %s: %w", ref, err)
	}
	for i := range layers {
		layers[i].What = describe(layers[i].What)
	}
	s := Shown{
		Ref: ref, Digest: stored.Digest, Profile: stored.Labels[LabelProfile], Source: Source(stored.Labels[LabelSource]),
		Size: stored.Size, Created: stored.Created, LeftOut: leftOut(stored.Labels), Layers: layers,
	}
	if s.Source == "" {
		s.Source = SourceUser
	}
	if s.LeftOut == nil {
		s.LeftOut = []LeftOut{}
	}
	return s, nil
}

// Prune removes every image of ours that no container uses and that is none of the profiles and Containerfiles given, with the layers that
// only such images had, and what killed builds left. It returns the names of what it removed. What the engine refuses to
// remove stays: another image is made of it, or a container came just now. It waits for a build, whose layers nothing but
// that build knows yet.
func Prune(ctx context.Context, eng Engine, keep []profile.Profile, files []string, opts Options) (removed []string, err error) {
	if opts.Progress == nil {
		opts.Progress = io.Discard
	}
	unlock, err := lock(ctx, opts)
	if err != nil {
		return nil, err
	}
	defer unlock()
	mark, err := opts.mark()
	if err != nil {
		return nil, err
	}
	err = eng.RemoveBuilds(ctx, func(image, of string) bool {
		return of == mark || strings.HasPrefix(image, rootName) || strings.HasPrefix(image, layerName)
	})
	if err != nil {
		return nil, err
	}
	kept := map[string]bool{}
	for _, p := range keep {
		root, pieces, whole := recipeOf(p).refs()
		for _, ref := range append(pieces, root, whole) {
			kept[ref] = true
		}
	}
	for _, text := range files {
		kept[FileRef(text)] = true
	}
	stored, err := eng.Images(ctx, LabelOurs+"=1")
	if err != nil {
		return nil, fmt.Errorf("list images: %w", err)
	}
	// What is made of another is not smaller than that, so the largest go first.
	slices.SortStableFunc(stored, func(a, b Stored) int { return cmp.Compare(b.Size, a.Size) })
	for _, s := range stored {
		if s.Containers > 0 || slices.ContainsFunc(s.Refs, func(ref string) bool { return kept[ref] || !ours(ref) }) {
			continue
		}
		names := s.Refs
		if len(names) == 0 {
			names = []string{s.ID}
		}
		for _, name := range names {
			if eng.RemoveImage(ctx, name) == nil {
				removed = append(removed, name)
			}
		}
		if ctx.Err() != nil {
			return removed, ctx.Err()
		}
	}
	return removed, nil
}

// describe makes the command that made a layer short.
func describe(createdBy string) string {
	what := strings.TrimPrefix(createdBy, "/bin/sh -c ")
	var args []string
	if json.Unmarshal([]byte(what), &args) == nil && len(args) == 3 { // as from writes it
		what = args[2]
	}
	what = strings.TrimPrefix(what, clock)
	what, _, _ = strings.Cut(what, " && "+tidy)
	what, _, _ = strings.Cut(what, "\n"+tidy)
	return strings.TrimPrefix(what, "set -e\n")
}
