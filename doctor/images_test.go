package doctor

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/image"
	"github.com/wrapix/wrapix/sandbox/podman"
	"github.com/wrapix/wrapix/sandbox/profile"
)

// Doctor repeats what the image of a profile lacks, long after it was made.
func TestWhatAnImageLacks(t *testing.T) {
	engine, err := podman.Connect(t.Context(), podman.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	name := fmt.Sprintf("doctor%d", os.Getpid())
	set, err := profile.NewSet([]profile.Definition{{Name: name, Packages: []string{name}}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := set.Resolve(name)
	if err != nil {
		t.Fatal(err)
	}
	if found := images(t.Context(), engine, []profile.Profile{p}); len(found) > 0 {
		t.Fatalf("of an image that was not made: %+v", found)
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: "file", Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	ref := image.Ref(p)
	label := "LABEL " + image.LabelLeftOut + `=[{"name":"tools","profile":"mine","source":"somewhere"}]`
	if err := engine.ImportImage(t.Context(), &archive, ref, []string{label}); err != nil {
		t.Fatal(err)
	}
	defer engine.RemoveImage(t.Context(), ref)
	found := images(t.Context(), engine, []profile.Profile{p, p})
	if len(found) != 1 || found[0].Severity != sandbox.SeverityWarning || !strings.Contains(found[0].Text, "left out: tools") || found[0].Fix != "wrapix image build --force "+name {
		t.Errorf("%+v", found)
	}
}
