package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/key"
	"github.com/wrapix/wrapix/sandbox"
)

// keySuffix is that of the folder which a sandbox sees of its deploy key, beside the sandbox's claim.
const keySuffix = ".key"

// keyDir is that folder.
func keyDir(claim string) string { return strings.TrimSuffix(claim, claimSuffix) + keySuffix }

// withKey lets the sandbox use the configured deploy key until the function that it returns is called.
func (o *runOptions) withKey(ctx context.Context, project string, c config.DeployKey, held *claim, spec *sandbox.Spec) (end func(), err error) {
	if c == (config.DeployKey{}) {
		return func() {}, nil
	}
	keys, err := key.Open(project)
	if err != nil {
		return nil, fmt.Errorf("use sandbox.deploy_key: %w", err)
	}
	folder := keyDir(held.path)
	grant, err := keys.Open(ctx, c.Remote, folder, key.Options{File: c.File})
	if errors.Is(err, key.ErrNone) {
		return nil, &usageError{what: "use sandbox.deploy_key: " + err.Error(), try: key.Hint(c.Remote, err)}
	}
	if err != nil {
		return nil, fmt.Errorf("use sandbox.deploy_key: %w", err)
	}
	end = func() { _ = grant.Close() } // the folder goes with the claim
	mounts, env, err := grant.Place()
	if err != nil {
		end()
		return nil, err
	}
	for _, m := range mounts {
		spec.Mounts = append(spec.Mounts, sandbox.Mount{Source: m.Source, Dest: m.Dest, ReadOnly: true})
	}
	maps.Copy(spec.Env, env)
	return end, nil
}
