package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/key"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/trust"
)

// approved returns an error if a setting of the sandbox reaches the host in a way that nobody has approved.
func approved(project string, cfg config.Sandbox) error {
	list := trust.List(config.Config{Sandbox: cfg})
	if len(list) == 0 {
		return nil
	}
	state, err := config.StateDir(project)
	if err == nil {
		err = config.CheckStateDir(state, project)
	}
	if err != nil {
		return err
	}
	d, err := trust.Check(state, project, list)
	if err != nil {
		return &usageError{what: err.Error() + "; nothing is trusted", try: "wrapix trust " + project}
	}
	var lines []string
	for _, s := range list {
		if !d.Approved(s) {
			lines = append(lines, s.Key+": "+s.Words)
		}
	}
	if len(lines) > 0 {
		return &usageError{what: "wrapix.toml reaches the host in a way that nobody has approved: " + strings.Join(lines, "; "), try: "wrapix trust " + project}
	}
	return nil
}

// keySuffix is that of the folder which a sandbox sees of its deploy key, beside the sandbox's claim.
const keySuffix = ".key"

// withKey lets the sandbox use the configured deploy key until the function that it returns is called.
func (o *runOptions) withKey(ctx context.Context, project string, c config.DeployKey, held *claim, spec *sandbox.Spec) (end func(), err error) {
	if c == (config.DeployKey{}) {
		return func() {}, nil
	}
	keys, err := key.Open(project)
	if err != nil {
		return nil, fmt.Errorf("use sandbox.deploy_key: %w", err)
	}
	folder := strings.TrimSuffix(held.path, claimSuffix) + keySuffix
	grant, err := keys.Open(ctx, c.Remote, folder, key.Options{File: c.File})
	if errors.Is(err, key.ErrNone) {
		return nil, &usageError{what: "use sandbox.deploy_key: " + err.Error(), try: key.Hint(c.Remote, err)}
	}
	if err != nil {
		return nil, fmt.Errorf("use sandbox.deploy_key: %w", err)
	}
	end = func() {
		_ = grant.Close()
		_ = os.RemoveAll(folder) // one that stays is removed by the next prune
	}
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
