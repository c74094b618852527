package main

import (
	"context"
	"errors"

	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/image"
	"github.com/wrapix/wrapix/sandbox/podman"
)

// checkImages tells what the images of the project's profiles lack, those that were made already.
func (p *project) checkImages(ctx context.Context) (findings []sandbox.Finding) {
	conf, err := p.config()
	if err != nil {
		return nil // told already, and so is a Podman that cannot be reached
	}
	profiles, err := conf.AllProfiles()
	if err != nil {
		return []sandbox.Finding{broken("image", err)}
	}
	engine, err := podman.Connect(ctx, podman.Options{})
	if err != nil {
		return nil
	}
	defer engine.Close()
	for _, profile := range profiles {
		img, err := image.Find(ctx, engine, profile)
		if err != nil && !errors.Is(err, image.ErrNotFound) {
			findings = append(findings, broken("image", err))
		}
		for _, left := range img.LeftOut {
			findings = append(findings, sandbox.Finding{
				Severity: warning, Code: "image", Text: "the image of profile " + profile.Name + ": " + left.String(), Fix: "wrapix image build --force " + profile.Name,
			})
		}
	}
	return findings
}
