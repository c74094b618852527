package trust

import (
	"strings"
	"testing"
)

// A network that reaches less needs no approval, and one that reaches more than the approved one does.
func TestNetwork(t *testing.T) {
	const (
		open  = ""
		none  = "sandbox.network = 'none'\n"
		two   = "[sandbox]\nnetwork = 'allowlist'\nallow = ['a.example', 'b.example']\n"
		again = "[sandbox]\nnetwork = 'allowlist'\nallow = ['b.example', 'a.example', 'a.example']\n"
		one   = "[sandbox]\nnetwork = 'allowlist'\nallow = ['a.example']\n"
		other = "[sandbox]\nnetwork = 'allowlist'\nallow = ['a.example', '*.b.example']\n"
	)
	for _, c := range []struct {
		was, now string
		trusted  bool
		line     string
	}{
		{open, none, true, "narrower, and so in force already: sandbox.network: reach no network"},
		{open, two, true, "narrower"},
		{two, again, true, ""},
		{two, one, true, "narrower"},
		{two, none, true, "narrower"},
		{none, none, true, ""},
		{none, open, false, "changed: sandbox.network: reach the whole internet and the local network\nwas: reach no network"},
		{none, one, false, "changed: sandbox.network: reach only a.example"},
		{one, two, false, "changed: sandbox.network: reach only a.example b.example\nwas: reach only a.example"},
		{two, other, false, "changed"},
		{two, open, false, "changed"},
	} {
		for _, hooks := range []string{"", "hooks.pre_loop = ['/bin/a']\n"} {
			dir := t.TempDir()
			if err := Approve(dir, "/p", listOf(t, hooks+c.was), noon); err != nil {
				t.Fatal(err)
			}
			d, err := Check(dir, "/p", listOf(t, hooks+c.now))
			if err != nil {
				t.Fatal(err)
			}
			if lines := strings.Join(d.Lines(), "\n"); d.Trusted() != c.trusted || !strings.HasPrefix(lines, c.line) || (lines == "") != (c.line == "") {
				t.Errorf("from %q to %q: trusted %t, %s", hooks+c.was, c.now, d.Trusted(), lines)
			}
			if err := Approve(dir, "/p", d.List, noon); err != nil {
				t.Fatal(err)
			}
			if d, err = Check(dir, "/p", d.List); err != nil || !d.Trusted() || !d.Recorded() || len(d.Lines()) > 0 {
				t.Errorf("approved, %q: %+v, %v", c.now, d, err)
			}
		}
	}
	// Nobody approved anything yet: what is narrow is in force, and what opens a port is not.
	dir := t.TempDir()
	for text, trusted := range map[string]bool{none: true, "sandbox.ports = [8080]": false, "sandbox.host_ports = [8080]": false} {
		if d, err := Check(dir, "/p", listOf(t, text)); err != nil || d.Trusted() != trusted || d.Recorded() {
			t.Errorf("%s: %+v, %v", text, d, err)
		}
	}
}
