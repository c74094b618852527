package podman

import (
	"context"
	"fmt"
	"strings"

	"github.com/containers/podman/v5/pkg/bindings/volumes"
	"github.com/containers/podman/v5/pkg/domain/entities/types"
	"github.com/containers/podman/v5/pkg/specgen"

	"github.com/wrapix/wrapix/sandbox"
)

// volumes makes those of the sandbox's volumes that have a name and are not there yet, and returns how they are mounted.
// Podman gives a volume to the user of the first container that has it, which here is always the caller.
func (e *Engine) volumes(ctx context.Context, spec sandbox.Spec) ([]*specgen.NamedVolume, error) {
	var list []*specgen.NamedVolume
	for _, v := range spec.Volumes {
		if v.Name != "" {
			// Podman would make it with the container, but without labels, and nobody would find it.
			if err := e.ensureVolume(ctx, v); err != nil {
				return nil, fmt.Errorf("make the volume %s: %w", v.Name, err)
			}
		}
		// Nothing of the image's is copied into it: what a cache holds must not depend on who came first.
		list = append(list, &specgen.NamedVolume{Name: v.Name, Dest: v.Dest, Options: []string{"rw", "nosuid", "nodev", "nocopy"}})
	}
	return list, nil
}

func (e *Engine) ensureVolume(ctx context.Context, v sandbox.Volume) error {
	there, err := volumes.Exists(e.with(ctx), v.Name, nil)
	if err != nil || there {
		return err
	}
	_, err = volumes.Create(e.with(ctx), types.VolumeCreateOptions{Name: v.Name, Label: v.Labels}, nil)
	if err != nil && strings.Contains(err.Error(), "already exists") {
		return nil // another sandbox was first
	}
	return err
}

// Volumes implements sandbox.Runtime.
func (e *Engine) Volumes(ctx context.Context, labels map[string]string) ([]sandbox.Volume, error) {
	found, err := whole(ctx, &e.link, func(ctx context.Context) ([]*types.VolumeListReport, error) {
		return volumes.List(e.with(ctx), nil)
	})
	if err != nil {
		return nil, fmt.Errorf("list volumes: %w", err)
	}
	var list []sandbox.Volume
	for _, v := range found {
		if has(v.Labels, labels) {
			list = append(list, sandbox.Volume{Name: v.Name, Labels: v.Labels})
		}
	}
	return list, nil
}

func has(labels, wanted map[string]string) bool {
	for name, value := range wanted {
		if got, ok := labels[name]; !ok || got != value {
			return false
		}
	}
	return true
}

// RemoveVolume implements sandbox.Runtime.
func (e *Engine) RemoveVolume(ctx context.Context, name string) error {
	err := volumes.Remove(e.with(ctx), name, nil)
	switch {
	case err == nil, strings.Contains(err.Error(), "no such volume"):
		return nil
	case strings.Contains(err.Error(), "volume is being used"), strings.Contains(err.Error(), "volume is in use"):
		err = fmt.Errorf("%w: %w", sandbox.ErrInUse, err)
	}
	return fmt.Errorf("remove the volume %s: %w", name, err)
}
