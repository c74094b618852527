package sandbox

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// hideSecrets returns a function that puts "[secret NAME]" in the place of a host that has a secret in it: a sandbox can
// ask for any name, and what was refused is recorded. Names have no case and are cut into labels, so neither counts.
// Without secrets it is nil.
func (s Spec) hideSecrets() func(host string) string {
	type form struct{ text, name string }
	var forms []form
	for _, secret := range s.Secrets {
		value := bytes.TrimRight(secret.Value, "\r\n")
		for _, text := range append(base64Forms(value), string(value), hex.EncodeToString(value),
			strings.TrimRight(base32.StdEncoding.EncodeToString(value), "="), strings.TrimRight(base32.HexEncoding.EncodeToString(value), "=")) {
			if text = asInHosts(text); len(text) >= MinSecret { // else it would be in any name
				forms = append(forms, form{text, secret.Name})
			}
		}
	}
	if len(s.Secrets) == 0 {
		return nil
	}
	return func(host string) string {
		plain := asInHosts(host)
		for _, f := range forms {
			if strings.Contains(plain, f.text) {
				return "[secret " + f.name + "]"
			}
		}
		return host
	}
}

// asInHosts leaves of a text what matters of it in the name of a host.
func asInHosts(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(text))
}

// base64Forms are what of a value's base64 does not depend on what stands before and after it.
func base64Forms(value []byte) []string {
	var forms []string
	for before := range 3 {
		padded := append(make([]byte, before), value...)
		text := base64.RawStdEncoding.EncodeToString(padded)
		forms = append(forms, text[(before*8+5)/6:len(padded)*8/6])
	}
	return forms
}
