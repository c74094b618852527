package podman

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/containers/podman/v5/pkg/bindings"
	"github.com/containers/podman/v5/pkg/bindings/images"
	"github.com/containers/podman/v5/pkg/errorhandling"

	"github.com/wrapix/wrapix/sandbox/image"
)

var _ image.Engine = (*Engine)(nil)

// Image returns an image by reference or id, or image.ErrNotFound.
func (e *Engine) Image(ctx context.Context, ref string) (image.Stored, error) {
	found, err := images.GetImage(e.with(ctx), ref, nil)
	if code, _ := bindings.CheckResponseCode(err); code == http.StatusNotFound {
		return image.Stored{}, fmt.Errorf("%s: %w", ref, image.ErrNotFound)
	}
	if err != nil {
		return image.Stored{}, fmt.Errorf("look up the image %s: %w", ref, err)
	}
	stored := image.Stored{
		ID: found.ID, Digest: found.Digest.String(), Refs: found.RepoTags,
		Labels: found.Labels, Size: found.Size,
	}
	if found.Created != nil {
		stored.Created = *found.Created
	}
	return stored, nil
}

// Images returns the images with the label.
func (e *Engine) Images(ctx context.Context, label string) ([]image.Stored, error) {
	opts := new(images.ListOptions).WithFilters(map[string][]string{"label": {label}})
	found, err := images.List(e.with(ctx), opts)
	if err != nil {
		return nil, fmt.Errorf("list images: %w", err)
	}
	stored := make([]image.Stored, 0, len(found))
	for _, f := range found {
		stored = append(stored, image.Stored{
			ID: f.ID, Digest: f.Digest, Refs: f.RepoTags, Labels: f.Labels, Size: f.Size,
			Created: time.Unix(f.Created, 0).UTC(), Containers: f.Containers,
		})
	}
	return stored, nil
}

// PullImage fetches an image from a registry.
func (e *Engine) PullImage(ctx context.Context, ref string, progress io.Writer) (string, error) {
	opts := new(images.PullOptions).WithProgressWriter(progress)
	ids, err := images.Pull(e.with(ctx), ref, opts)
	if err != nil {
		return "", fmt.Errorf("pull %s: %w", ref, e.withErrno(ctx, err))
	}
	if len(ids) != 1 {
		return "", fmt.Errorf("pull %s: %d images came", ref, len(ids))
	}
	return ids[0], nil
}

// ImportImage makes an image of one layer from a file tree in tar form, as tests make theirs: it has the time of its making.
func (e *Engine) ImportImage(ctx context.Context, tree io.Reader, ref string, changes []string) error {
	opts := new(images.ImportOptions).WithReference(ref).WithChanges(changes)
	if _, err := images.Import(e.with(ctx), tree, opts); err != nil {
		return fmt.Errorf("import %s: %w", ref, e.withErrno(ctx, err))
	}
	return nil
}

// LoadImage takes images in the form of an archive of docker's.
func (e *Engine) LoadImage(ctx context.Context, archive io.Reader) error {
	if _, err := images.Load(e.with(ctx), archive); err != nil {
		return fmt.Errorf("load an image: %w", e.withErrno(ctx, err))
	}
	return nil
}

// ExportImage writes an image as an OCI archive.
func (e *Engine) ExportImage(ctx context.Context, ref string, to io.Writer) error {
	if err := images.Export(e.with(ctx), []string{ref}, to, new(images.ExportOptions).WithFormat("oci-archive")); err != nil {
		return fmt.Errorf("export the image %s: %w", ref, e.withErrno(ctx, err))
	}
	return nil
}

// nothing is the size of a layer without content, as it is stored.
const nothing = 1024

// Layers returns what the image is made of, the lowest layer first, without what has no content.
func (e *Engine) Layers(ctx context.Context, id string) ([]image.Layer, error) {
	found, err := images.History(e.with(ctx), id, nil)
	if err != nil {
		return nil, fmt.Errorf("read the layers of the image %s: %w", id, err)
	}
	// A layer belongs to the last of the instructions that made it, which may only be a label.
	layers, commands := []image.Layer{}, []string{}
	for _, l := range slices.Backward(found) {
		if !strings.Contains(l.CreatedBy, "#(nop)") {
			commands = append(commands, l.CreatedBy)
		}
		if len(commands) == 0 && l.Size > nothing {
			commands = []string{l.CreatedBy}
		}
		if l.Size > 0 && len(commands) > 0 {
			layers = append(layers, image.Layer{Size: l.Size, What: strings.Join(commands, "; ")})
			commands = nil
		}
	}
	return layers, nil
}

// RemoveImage removes an image that no container uses.
func (e *Engine) RemoveImage(ctx context.Context, id string) error {
	_, errs := images.Remove(e.with(ctx), []string{id}, new(images.RemoveOptions).WithIgnore(true))
	if err := errorhandling.JoinErrors(errs); err != nil {
		return fmt.Errorf("remove the image %s: %w", id, err)
	}
	return nil
}
