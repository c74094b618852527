package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/key"
	"github.com/wrapix/wrapix/sandbox"
)

// keyFolder, in the state folder, is what sandboxes see of the deploy key. It has the same path in every process, so
// that a sandbox which is taken up after a crash finds the agent's socket again.
const keyFolder = "deploy-key"

// openKey lets the agent's sandboxes use the configured deploy key, where a person has approved it.
func (s *session) openKey(ctx context.Context) error {
	k := s.conf.Sandbox.DeployKey
	if k == (config.DeployKey{}) || !s.trust.Trusted() || s.grant != nil {
		return nil
	}
	keys, err := key.Open(s.root)
	if err == nil {
		s.grant, err = keys.Open(ctx, k.Remote, filepath.Join(s.state, keyFolder), key.Options{File: k.File, Refused: s.show.note})
	}
	if errors.Is(err, key.ErrNone) {
		return usagef(key.Hint(k.Remote, err), "use sandbox.deploy_key: %w", err)
	}
	if err != nil {
		return fmt.Errorf("use sandbox.deploy_key: %w", err)
	}
	return nil
}

// place returns what a sandbox of the agent gets of the deploy key.
func (s *session) place() ([]sandbox.Mount, map[string]string, error) {
	if s.grant == nil {
		return nil, nil, nil
	}
	folders, env, err := s.grant.Place()
	if errors.Is(err, key.ErrNone) {
		return nil, nil, &engine.Hint{Err: err, Try: key.Hint(s.conf.Sandbox.DeployKey.Remote, err)}
	}
	var mounts []sandbox.Mount
	for _, f := range folders {
		mounts = append(mounts, sandbox.Mount{Source: f.Source, Dest: f.Dest, ReadOnly: true})
	}
	return mounts, env, err
}

// checkKey says whether the configured deploy key is there, and when it should be exchanged.
func (p *project) checkKey(c config.DeployKey) []sandbox.Finding {
	if c == (config.DeployKey{}) {
		return nil
	}
	const code = "deploy-key"
	keys, err := key.Open(p.root)
	var k key.Key
	if err == nil {
		if k, err = keys.Find(c.Remote); err == nil {
			_, err = k.Signer(k.Current)
		}
	}
	if err != nil {
		f := broken(code, err)
		f.Fix = key.Hint(c.Remote, err)
		return []sandbox.Finding{f}
	}
	age := fmt.Sprintf("the deploy key of %s is %s old", k.Remote, count(k.Days(p.now()), "day"))
	if k.Old(p.now()) {
		return []sandbox.Finding{{Severity: warning, Code: code, Text: age, Fix: "wrapix key rotate " + k.Remote.String()}}
	}
	return []sandbox.Finding{{Severity: fine, Code: code, Text: age}}
}
