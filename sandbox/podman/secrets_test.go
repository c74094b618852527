package podman

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/containers/podman/v5/pkg/bindings/secrets"
	"github.com/containers/podman/v5/pkg/specgen"

	"github.com/wrapix/wrapix/sandbox"
)

// Secrets of a sandbox that never came to be go with what is left of it, also where a service was killed before it had
// stored or dropped both name and value.
func TestOrphansLeaveNoSecrets(t *testing.T) {
	e := ownService(t)
	for _, c := range []struct {
		name string
		harm func(t *testing.T, podmanName, values string)
	}{
		{"whole", func(*testing.T, string, string) {}},
		{"name only", func(t *testing.T, _, values string) {
			if err := os.WriteFile(filepath.Join(values, valuesName), []byte("{}"), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"folder gone", func(t *testing.T, _, values string) {
			if err := os.RemoveAll(values); err != nil {
				t.Fatal(err)
			}
		}},
		{"value only", func(t *testing.T, podmanName, values string) {
			kept, err := os.ReadFile(filepath.Join(values, valuesName))
			if err != nil {
				t.Fatal(err)
			}
			if err := secrets.Remove(e.with(t.Context()), podmanName); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(values, valuesName), kept, 0o600); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := sandbox.Spec{
				Name:    fmt.Sprintf("wrapix-test-secrets-%d", os.Getpid()),
				Secrets: []sandbox.Secret{{Name: "A", Value: []byte("value of A")}},
			}
			if err := e.secrets(t.Context(), new(specgen.SpecGenerator), spec); err != nil {
				t.Fatal(err)
			}
			values := e.valuesPath(spec.Name)
			c.harm(t, secretOf(spec.Name, "A"), values)
			if err := e.EndOrphans(t.Context(), spec.Name); err != nil {
				t.Fatal(err)
			}
			found, err := e.leftSecrets(t.Context(), func(owner string, _ time.Time) bool { return owner == spec.Name })
			if err != nil || len(found) > 0 {
				t.Errorf("left: %q, %v", found, err)
			}
			if _, err := os.Stat(values); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the values: %v", err)
			}
		})
	}
}

// What a killed service half dropped, of a try before, costs none of the new values.
func TestSecretsAreAllThereAfterAHalfDroppedTry(t *testing.T) {
	e := ownService(t)
	spec := sandbox.Spec{
		Name:    fmt.Sprintf("wrapix-test-secrets-%d", os.Getpid()),
		Secrets: []sandbox.Secret{{Name: "A", Value: []byte("value of A")}, {Name: "B", Value: []byte("value of B")}},
	}
	path := filepath.Join(e.valuesPath(spec.Name), valuesName)
	for range 2 {
		if err := e.secrets(t.Context(), new(specgen.SpecGenerator), spec); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var values map[string][]byte
		if err := json.Unmarshal(text, &values); err != nil || len(values) != 2 {
			t.Errorf("%d values, %v", len(values), err)
		}
		if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.dropSecrets(t.Context(), spec); err != nil {
		t.Error(err)
	}
}

func TestOwnerOfASecret(t *testing.T) {
	for name, want := range map[string]string{
		secretOf("ralph-a-b-T1-1", "TOKEN"):      "ralph-a-b-T1-1",
		secretOf("wrapix-x.secret.y-1", "A"):     "wrapix-x.secret.y-1",
		secretOf(secretOf("wrapix-a", "B"), "C"): "wrapix-a.secret.B",
		"somebody-elses":                         "", "ralph-a.secrets": "", ".secret.A": "",
	} {
		owner, ours := ownerOf(name)
		if owner != want || ours != (want != "") {
			t.Errorf("%s: %q, %v", name, owner, ours)
		}
	}
}

// A sandbox that is being made keeps its secrets, and so does everybody else's.
func TestAbandonedSecret(t *testing.T) {
	for _, c := range []struct {
		owner string
		age   time.Duration
		want  bool
	}{{"ralph-a", secretAge + 1, true}, {"wrapix-a", secretAge + 1, true}, {"ralph-a", secretAge, false}, {"other", 24 * time.Hour, false}} {
		if got := abandonedSecret(c.owner, c.age); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
