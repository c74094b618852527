package podman

import (
	"testing"
	"time"
)

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
