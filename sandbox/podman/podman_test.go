package podman

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/containers/podman/v5/pkg/bindings/containers"
	"github.com/containers/podman/v5/pkg/bindings/images"
	"github.com/containers/podman/v5/pkg/bindings/secrets"
	"go.uber.org/goleak"

	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/sandboxtest"
)

// TestMain is also the main function of the processes that some tests start.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv("WRAPIX_TEST_FLOOD") != "":
		flood()
	case os.Getenv("WRAPIX_TEST_CHILD") != "":
		victim()
	default:
		goleak.VerifyTestMain(m)
	}
}

// connect connects to a Podman service of the test's own, and closes it at the end.
func connect(t testing.TB) *Engine {
	t.Helper()
	e := open(t)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func open(t testing.TB) *Engine {
	t.Helper()
	e, err := Connect(t.Context(), Options{AllowRoot: os.Getenv("WRAPIX_TEST_ROOT") != ""})
	if err != nil {
		var hinted *sandbox.Error
		if errors.As(err, &hinted) && hinted.Hint != "" {
			t.Fatalf("%v\ntry: %s", err, hinted.Hint)
		}
		t.Fatal(err)
	}
	return e
}

// testImage imports the suite's image if this version of it is not there yet.
func testImage(t testing.TB, e *Engine) string {
	t.Helper()
	var tar bytes.Buffer
	if err := sandboxtest.ImageTar(&tar); err != nil {
		t.Fatal(err)
	}
	ref := fmt.Sprintf("localhost/wrapix-sandboxtest:%x", sha256.Sum256(tar.Bytes()))[:64]
	there, err := images.Exists(e.with(t.Context()), ref, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !there {
		if _, err := images.Import(e.with(t.Context()), &tar, new(images.ImportOptions).WithReference(ref)); err != nil {
			t.Fatal(err)
		}
	}
	return ref
}

func TestConformance(t *testing.T) {
	e := connect(t)
	sandboxtest.Run(t, sandboxtest.Options{
		Open:        func(t *testing.T) sandbox.Runtime { return open(t) },
		Image:       testImage(t, e),
		HostHasPids: true, KernelHasMemory: e.host.canLimit("memory"),
		Describe: func(t *testing.T, name string) string {
			c, err := containers.Inspect(e.with(t.Context()), name, nil)
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		},
		SecretsOf: func(t *testing.T, name string) (names []string) {
			list, err := secrets.List(e.with(t.Context()), nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range list {
				if owner, _ := ownerOf(s.Spec.Name); owner == name {
					names = append(names, s.Spec.Name)
				}
			}
			return names
		},
		LeaveSecret: func(t *testing.T, name string) {
			opts := new(secrets.CreateOptions).WithName(secretOf(name, "TOKEN"))
			if _, err := secrets.Create(e.with(t.Context()), strings.NewReader("left behind"), opts); err != nil {
				t.Fatal(err)
			}
		},
	})
}
