package podman

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containers/podman/v5/pkg/bindings/secrets"
	"github.com/containers/podman/v5/pkg/errorhandling"
	"github.com/containers/podman/v5/pkg/specgen"

	"github.com/wrapix/wrapix/sandbox"
)

// Podman copies a secret into the container when it makes it, so ours are in Podman's store only as long as that takes.
// What a crash leaves there goes with the sandbox (Remove), with what is left of it (EndOrphans), or with `wrapix prune`.
// The names say whose they are; labels would be better, but Podman has those for secrets since 4.5 only. The values lie
// in a folder of ours, and go with that: a service that is killed while it stores a secret, or drops one, leaves the
// value without the name, or the name without the value.
const secretMark = ".secret."

func secretOf(sandboxName, name string) string { return sandboxName + secretMark + name }

// ownerOf returns the sandbox that a secret of Podman's was made for. A secret's own name has no dot.
func ownerOf(podmanName string) (sandboxName string, ours bool) {
	at := strings.LastIndex(podmanName, secretMark)
	return podmanName[:max(at, 0)], at > 0
}

// valuesPath is the folder where Podman keeps the values of a sandbox's secrets, and valuesName its file within.
func (e *Engine) valuesPath(sandboxName string) string {
	return filepath.Join(filepath.Dir(e.guest), "secrets", sandboxName)
}

const valuesName = "secretsdata.json"

// secrets puts the sandbox's secrets into Podman's store, and tells the container about them. What it put there is taken
// out again by dropSecrets, also after an error.
func (e *Engine) secrets(ctx context.Context, s *specgen.SpecGenerator, spec sandbox.Spec) error {
	// What a killed process left there could be old values. All go before the first comes: to drop one can empty the file.
	if err := e.dropSecrets(ctx, spec); err != nil {
		return err
	}
	for _, secret := range spec.Secrets {
		name := secretOf(spec.Name, secret.Name)
		opts := new(secrets.CreateOptions).WithName(name).WithDriver("file").WithDriverOpts(map[string]string{"path": e.valuesPath(spec.Name)})
		if _, err := secrets.Create(e.with(ctx), bytes.NewReader(secret.Value), opts); err != nil {
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
	if len(spec.Secrets) == 0 {
		return nil
	}
	var failed []error
	for _, secret := range spec.Secrets {
		failed = append(failed, e.dropSecret(ctx, secretOf(spec.Name, secret.Name)))
	}
	return errors.Join(append(failed, removeTree(e.valuesPath(spec.Name)))...)
}

// dropSecret takes a secret out. Podman fails to do so where only the value is gone: then it gets an empty one.
func (e *Engine) dropSecret(ctx context.Context, name string) error {
	err := secrets.Remove(e.with(ctx), name)
	if err == nil {
		return nil
	}
	if found, errInspect := secrets.Inspect(e.with(ctx), name, nil); noSecret(errInspect) {
		return nil
	} else if errInspect == nil && e.emptyValue(name, found.ID) == nil {
		err = secrets.Remove(e.with(ctx), name)
	}
	if err != nil {
		return fmt.Errorf("take a secret out of Podman's store: %w", err)
	}
	return nil
}

// emptyValue puts an empty value where Podman looks for that of a secret.
func (e *Engine) emptyValue(name, id string) error {
	owner, _ := ownerOf(name)
	dir := e.valuesPath(owner)
	values, err := json.Marshal(map[string][]byte{id: {}})
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, valuesName), values, 0o600)
	}
	return err
}

// noSecret tells if Podman said that there is no such secret.
func noSecret(err error) bool {
	var model *errorhandling.ErrorModel
	return errors.As(err, &model) && model.ResponseCode == http.StatusNotFound
}

// leftSecrets removes what Podman has of secrets whose sandbox is wanted, names and values.
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
	values, err := os.ReadDir(filepath.Dir(e.valuesPath("any")))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return removed, fmt.Errorf("look for secrets that are left: %w", err)
	}
	for _, dir := range values {
		info, err := dir.Info()
		if err != nil || !wanted(dir.Name(), info.ModTime()) {
			continue
		}
		if err := removeTree(e.valuesPath(dir.Name())); err != nil {
			return removed, fmt.Errorf("remove a secret that is left: %w", err)
		}
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
