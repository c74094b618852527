package podman

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/containers/podman/v5/pkg/bindings/secrets"
	"github.com/containers/podman/v5/pkg/errorhandling"
	"github.com/containers/podman/v5/pkg/specgen"

	"github.com/wrapix/wrapix/sandbox"
)

// Podman copies a secret into the container when it makes it, so ours are in Podman's store only as long as that takes.
// What a crash leaves there goes with the sandbox (Remove), or with `wrapix prune` where there was no sandbox yet. The
// names say whose they are; labels would be better, but Podman has those for secrets since 4.5 only.
const secretMark = ".secret."

func secretOf(sandboxName, name string) string { return sandboxName + secretMark + name }

// ownerOf returns the sandbox that a secret of Podman's was made for. A secret's own name has no dot.
func ownerOf(podmanName string) (sandboxName string, ours bool) {
	at := strings.LastIndex(podmanName, secretMark)
	return podmanName[:max(at, 0)], at > 0
}

// secrets puts the sandbox's secrets into Podman's store, and tells the container about them. What it put there is taken
// out again by dropSecrets, also after an error.
func (e *Engine) secrets(ctx context.Context, s *specgen.SpecGenerator, spec sandbox.Spec) error {
	for _, secret := range spec.Secrets {
		name := secretOf(spec.Name, secret.Name)
		// One that a killed process left there could be an old value.
		if err := e.dropSecret(ctx, name); err != nil {
			return err
		}
		if _, err := secrets.Create(e.with(ctx), bytes.NewReader(secret.Value), new(secrets.CreateOptions).WithName(name)); err != nil {
			return fmt.Errorf("hand over the secret %s: %w", secret.Name, err)
		}
		s.Secrets = append(s.Secrets, specgen.Secret{
			Source: name, Target: secret.Name, UID: uint32(e.host.uid), GID: uint32(e.host.gid), Mode: 0o400,
		})
	}
	return nil
}

// dropSecrets takes the sandbox's secrets out of Podman's store.
func (e *Engine) dropSecrets(ctx context.Context, spec sandbox.Spec) error {
	var failed []error
	for _, secret := range spec.Secrets {
		failed = append(failed, e.dropSecret(ctx, secretOf(spec.Name, secret.Name)))
	}
	return errors.Join(failed...)
}

func (e *Engine) dropSecret(ctx context.Context, name string) error {
	err := secrets.Remove(e.with(ctx), name)
	var model *errorhandling.ErrorModel
	if err == nil || errors.As(err, &model) && model.ResponseCode == 404 {
		return nil
	}
	return fmt.Errorf("take a secret out of Podman's store: %w", err)
}

// leftSecrets removes what Podman's store has of secrets whose sandbox is wanted.
func (e *Engine) leftSecrets(ctx context.Context, wanted func(sandboxName string, made time.Time) bool) (removed []string, err error) {
	list, err := secrets.List(e.with(ctx), nil)
	if err != nil {
		return nil, fmt.Errorf("list secrets: %w", err)
	}
	for _, s := range list {
		owner, ours := ownerOf(s.Spec.Name)
		if !ours || !wanted(owner, s.CreatedAt) {
			continue
		}
		if err := e.dropSecret(ctx, s.Spec.Name); err != nil {
			return removed, err
		}
		removed = append(removed, s.Spec.Name)
	}
	return removed, nil
}

// secretAge is longer than a secret of ours is ever in Podman's store while its sandbox is being made.
const secretAge = 10 * time.Minute

// PruneSecrets removes secrets that killed processes left in Podman's store, and returns their names.
func (e *Engine) PruneSecrets(ctx context.Context) ([]string, error) {
	now := time.Now()
	return e.leftSecrets(ctx, func(owner string, made time.Time) bool { return abandonedSecret(owner, now.Sub(made)) })
}

// abandonedSecret tells if nobody can be about to use a secret. Those of the sandboxes of others are not ours to remove.
func abandonedSecret(owner string, age time.Duration) bool {
	return age > secretAge && (strings.HasPrefix(owner, "ralph-") || strings.HasPrefix(owner, "wrapix-"))
}
