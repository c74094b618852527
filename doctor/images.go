package doctor

import (
	"context"
	"errors"
	"slices"

	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/image"
	"github.com/wrapix/wrapix/sandbox/profile"
)

// images tells what the images of the profiles lack, those that were made already.
func images(ctx context.Context, engine image.Engine, profiles []profile.Profile) (findings []sandbox.Finding) {
	for _, p := range profiles {
		f := sandbox.Finding{Check: "image " + p.Name, Code: "image"}
		img, err := image.Find(ctx, engine, p)
		if err != nil && !errors.Is(err, image.ErrNotFound) {
			f.Severity, f.Text, f.Fix = sandbox.SeverityError, err.Error(), "podman images"
			findings = append(findings, f)
		}
		for _, left := range img.LeftOut {
			f.Severity, f.Text = sandbox.SeverityWarning, "the image of profile "+p.Name+": "+left.String()
			f.Fix, f.By = "wrapix image build --force "+p.Name, sandbox.ByUser
			if !slices.Contains(findings, f) { // images share layers, and what these lack
				findings = append(findings, f)
			}
		}
	}
	return findings
}
