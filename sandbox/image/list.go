package image

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Listed is one image of ours, as `wrapix image list --json` shows it.
type Listed struct {
	Ref     string    `json:"ref"`
	Digest  string    `json:"digest"`
	Profile string    `json:"profile"`
	Size    int64     `json:"size_bytes"`
	Created time.Time `json:"created"`
	InUse   bool      `json:"in_use"` // a container was made from it
}

// ours tells by its name that Ensure made an image. The labels alone do not: what a person builds on ours inherits them.
func ours(ref string) bool { return strings.HasPrefix(ref, "localhost/wrapix-") }

// List returns every image that Ensure made and that is still there, by reference.
func List(ctx context.Context, eng Engine) ([]Listed, error) {
	stored, err := eng.Images(ctx, LabelOurs+"=1")
	if err != nil {
		return nil, fmt.Errorf("list images: %w", err)
	}
	listed := []Listed{}
	for _, s := range stored {
		for _, ref := range s.Refs {
			if !ours(ref) {
				continue
			}
			listed = append(listed, Listed{
				Ref: ref, Digest: s.Digest, Profile: s.Labels[LabelProfile],
				Size: s.Size, Created: s.Created, InUse: s.Containers > 0,
			})
		}
	}
	slices.SortFunc(listed, func(a, b Listed) int { return strings.Compare(a.Ref, b.Ref) })
	return listed, nil
}
