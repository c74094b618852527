package sandbox

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"testing"
)

func TestHideSecrets(t *testing.T) {
	const value = "ghp_Abc123XYZ-very.secret"
	s := Spec{Secrets: []Secret{{Name: "TOKEN", Value: []byte(value + "\n")}, {Name: "DOTS", Value: []byte("!!!!!!!!!!!!")}}}
	hide := s.hideSecrets()
	for _, host := range []string{
		value + ".evil.example", "ghp_abc123xyz-very.secret", "x.ghp-abc1.23xyzvery.secret.example", "GHP_ABC123XYZ VERY SECRET",
		hex.EncodeToString([]byte(value)) + ".example", base32.StdEncoding.EncodeToString([]byte(value)) + ".example",
		base64.RawURLEncoding.EncodeToString([]byte("before"+value)) + ".example", base64.StdEncoding.EncodeToString([]byte("befor" + value + "after")),
	} {
		if got := hide(host); got != "[secret TOKEN]" {
			t.Errorf("%s: %s", host, got)
		}
	}
	for _, host := range []string{"", "example.org", "ghp.example", "very-secret.example", "10.0.0.1", "::1"} {
		if got := hide(host); got != host {
			t.Errorf("%s: %s", host, got)
		}
	}
	if (Spec{}).hideSecrets() != nil {
		t.Error("without secrets there is something to hide")
	}
}
