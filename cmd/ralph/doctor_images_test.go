package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/sandbox/image"
)

// Doctor repeats what the image of a profile lacks, long after it was made.
func TestDoctorTellsWhatAnImageLacks(t *testing.T) {
	dir := t.TempDir()
	name := fmt.Sprintf("doctor%d", os.Getpid())
	text := fmt.Sprintf("agent.command = [\"true\"]\n[profiles.%s]\nextends = \"base\"\npackages = [\"%s\"]\n", name, name)
	if err := os.WriteFile(filepath.Join(dir, config.FileName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &project{app: &app{}, root: dir}
	conf, err := p.config()
	if err != nil {
		t.Fatal(err)
	}
	profile, err := conf.ProfileOf(name)
	if err != nil {
		t.Fatal(err)
	}
	if found := p.checkImages(t.Context()); len(found) > 0 {
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
	ref := image.Ref(profile)
	load := exec.Command("podman", "import", "--change", `LABEL `+image.LabelLeftOut+`=[{"name":"tools","profile":"mine","source":"somewhere"}]`, "-", ref)
	load.Stdin = &archive
	if out, err := load.CombinedOutput(); err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
	defer exec.Command("podman", "rmi", ref).Run()
	found := p.checkImages(t.Context())
	if len(found) != 1 || found[0].Severity != warning || !strings.Contains(found[0].Text, "left out: tools") || found[0].Fix != "wrapix image build --force "+name {
		t.Errorf("%+v", found)
	}
}
