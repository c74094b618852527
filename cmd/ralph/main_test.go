package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/internal/powercut"
	"github.com/wrapix/wrapix/sandbox/image"
	"github.com/wrapix/wrapix/sandbox/podman"
	"github.com/wrapix/wrapix/sandbox/sandboxtest"
	"github.com/wrapix/wrapix/trust"
)

// TestMain makes the scripts' `ralph` this binary, started anew as a process of its own.
func TestMain(m *testing.M) {
	testscript.Main(withImage{m}, map[string]func(){"ralph": main, "trust": approve})
}

// approve records what `wrapix trust --yes` records, in the project of the present folder. `trust image [DIR]` approves
// nothing but the image, without which no test would have a sandbox.
func approve() {
	dir := "."
	if len(os.Args) > 2 {
		dir = os.Args[2]
	}
	project, err := config.FindProject(dir)
	var c config.Config
	if err == nil {
		c, err = config.LoadPart(filepath.Join(project, config.FileName))
	}
	var state string
	if err == nil {
		state, err = config.OpenStateDir(project)
	}
	if err == nil {
		list := trust.List(c)
		if len(os.Args) > 1 {
			list = slices.DeleteFunc(list, func(s trust.Setting) bool { return s.Key != "sandbox."+os.Args[1] })
		}
		err = trust.Approve(state, project, list, time.Now())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// approveImage has the project's image approved, in its state folder.
func approveImage(t *testing.T, dir, state string) {
	t.Helper()
	cmd := exec.Command("trust", "image")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), noRaceSleep, "RALPH_STATE_DIR="+state)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("approve the image: %v: %s", err, out)
	}
}

// testImage is the image that the scripts' sandboxes start from.
var testImage string

// withImage imports the image before the tests and looks for forgotten goroutines after them.
type withImage struct{ m *testing.M }

func (w withImage) Run() int {
	var err error
	if testImage, err = importImage(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "import the image of the scripts:", err)
		return 1
	}
	code := w.m.Run()
	if err := goleak.Find(goleak.IgnoreAnyFunction(powercut.Serve)); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// importImage makes an image of static busybox, named after its content.
func importImage(ctx context.Context) (string, error) {
	var tar bytes.Buffer
	if err := sandboxtest.ImageTar(&tar); err != nil {
		return "", err
	}
	ref := fmt.Sprintf("localhost/wrapix-ralph-test:%.8x", sha256.Sum256(tar.Bytes()))
	engine, err := podman.Connect(ctx, podman.Options{})
	if err != nil {
		return "", err
	}
	defer engine.Close()
	if _, err := engine.Image(ctx, ref); errors.Is(err, image.ErrNotFound) {
		err = engine.ImportImage(ctx, &tar, ref, nil)
		return ref, err
	} else if err != nil {
		return "", err
	}
	return ref, nil
}
