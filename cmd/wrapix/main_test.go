package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/sandbox/image"
	"github.com/wrapix/wrapix/sandbox/podman"
	"github.com/wrapix/wrapix/sandbox/sandboxtest"
	"github.com/wrapix/wrapix/trust"
)

// testImage is the suite's small image, in the Podman that these tests have for themselves.
const testImage = "localhost/wrapix-test:1"

// host is a home and a runtime folder of the tests' own, and with them a Podman of their own: ps and prune are about
// everything that there is, and must not meet the containers of tests that run beside these.
type host struct{ home, runtime string }

// outside is where the person's own Podman is, with images that would take minutes to make anew.
var outside = map[string]string{"HOME": os.Getenv("HOME"), "XDG_RUNTIME_DIR": os.Getenv("XDG_RUNTIME_DIR")}

func TestMain(m *testing.M) {
	// Parts of this program run again as the command itself: those find everything prepared.
	testscript.Main(prepared{m}, map[string]func(){"wrapix": main})
}

type prepared struct{ m *testing.M }

func (p prepared) Run() int {
	h, err := newHost()
	if err != nil {
		fmt.Fprintln(os.Stderr, "prepare a Podman for the tests:", err)
		return 1
	}
	defer h.remove()
	code := p.m.Run()
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func newHost() (h host, err error) {
	configured, _ := exec.Command("podman", "info", "--format", "{{.Store.GraphDriverName}}").Output()
	dir, err := os.MkdirTemp("", "wrapix-test-")
	if err != nil {
		return h, err
	}
	h = host{home: filepath.Join(dir, "home"), runtime: filepath.Join(dir, "run")}
	conf := filepath.Join(h.home, ".config", "containers", "storage.conf")
	for _, dir := range []string{filepath.Dir(conf), h.runtime} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return h, err
		}
	}
	text := fmt.Sprintf("[storage]\ndriver = %q\n", bytes.TrimSpace(configured))
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return h, err
	}
	for name, value := range map[string]string{
		"HOME": h.home, "XDG_RUNTIME_DIR": h.runtime, "XDG_CACHE_HOME": "", "XDG_CONFIG_HOME": "", "XDG_DATA_HOME": "",
		"XDG_STATE_HOME": "", "RALPH_STATE_DIR": "",
	} {
		if err := os.Setenv(name, value); err != nil {
			return h, err
		}
	}
	engine, err := podman.Connect(context.Background(), podman.Options{})
	if err != nil {
		return h, err
	}
	defer engine.Close()
	var tree bytes.Buffer
	if err := sandboxtest.ImageTar(&tree); err != nil {
		return h, err
	}
	changes := []string{"LABEL " + image.LabelOurs + "=1", "LABEL " + image.LabelProfile + "=test"}
	return h, engine.ImportImage(context.Background(), &tree, testImage, changes)
}

func (h host) remove() {
	// Also ends Podman's pause process, and removes files of the container's other users.
	if out, err := exec.Command("podman", "system", "reset", "--force").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "reset the tests' Podman: %v: %s", err, out)
	}
	if err := os.RemoveAll(filepath.Dir(h.home)); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:  "testdata",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": cmdCode},
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"HOME", "XDG_RUNTIME_DIR", "PODMAN_IGNORE_CGROUPSV1_WARNING"} {
				env.Setenv(name, os.Getenv(name))
			}
			env.Setenv("IMAGE", testImage)
			return writeConfig(filepath.Join(env.WorkDir, "p"), "")
		},
	})
}

// writeConfig makes a project whose sandboxes have the tests' image. Where nothing was approved of it, that image is.
func writeConfig(project, more string) error {
	if err := os.MkdirAll(project, 0o755); err != nil {
		return err
	}
	text := fmt.Sprintf("[sandbox]\nimage = %q\nnetwork = \"none\"\n%s", testImage, more)
	if err := os.WriteFile(filepath.Join(project, "wrapix.toml"), []byte(text), 0o644); err != nil {
		return err
	}
	project, err := realPath(project)
	var state string
	if err == nil {
		state, err = config.OpenStateDir(project)
	}
	if err != nil {
		return err
	}
	if _, err := trust.Load(state, project); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	only := trust.List(config.Config{Sandbox: config.Sandbox{Image: testImage}})
	return trust.Approve(state, project, only, time.Now())
}
