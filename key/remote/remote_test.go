package remote

import (
	"errors"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for address, want := range map[string]Remote{
		"git@github.com:owner/name.git":             {"git", "github.com", 22, "owner/name.git"},
		"git@GitHub.com:owner/name":                 {"git", "github.com", 22, "owner/name"},
		"ssh://git@github.com/owner/name.git":       {"git", "github.com", 22, "/owner/name.git"},
		"ssh://me@example.org:2222/srv/a.git":       {"me", "example.org", 2222, "/srv/a.git"},
		"git+ssh://me@example.org:22/srv/a.git":     {"me", "example.org", 22, "/srv/a.git"},
		"ssh://me@[::1]:2222/srv/a.git":             {"me", "::1", 2222, "/srv/a.git"},
		"me@[::1]:a.git":                            {"me", "::1", 22, "a.git"},
		"me@127.0.0.1:/srv/a.git":                   {"me", "127.0.0.1", 22, "/srv/a.git"},
		"ssh://me@example.org/~me/a%20b.git":        {"me", "example.org", 22, "~me/a b.git"},
		"git@ssh.dev.azure.com:v3/org/project/repo": {"git", "ssh.dev.azure.com", 22, "v3/org/project/repo"},
	} {
		got, err := Parse(address)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", address, got, err)
			continue
		}
		again, err := Parse(got.String())
		if err != nil || again.Name() != got.Name() {
			t.Errorf("%s is written as %s, which is read as %+v, %v", address, got, again, err)
		}
	}
}

func TestRefused(t *testing.T) {
	for address, want := range map[string]string{
		"":                                      "no address over ssh",
		"origin":                                "no address over ssh",
		"../other":                              "no address over ssh",
		"./a:b":                                 "no address over ssh",
		"C:/work/a":                             "as whom to log in",
		"github.com:owner/name":                 "as whom to log in",
		"ssh://github.com/owner/name":           "as whom to log in",
		"https://github.com/owner/name.git":     "over ssh is mostly git@github.com:owner/name.git",
		"https://me:token@github.com/o/n.git":   "over ssh is mostly git@github.com:o/n.git",
		"git://github.com/o/n":                  "git:// is another way",
		"file:///srv/a.git":                     "file:// is another way",
		"git@-oProxyCommand=x:a":                "no host's name",
		"-oProxyCommand@host:a":                 "no user's name",
		"ssh://-l@host/a":                       "no user's name",
		"git@host:":                             "which repository",
		"git@host:-a":                           "no path",
		"git@[host:22]:a":                       "ssh://git@host:22/a",
		"ssh://git:word@host/a":                 "password",
		"ssh://git@host/a?b":                    "parameters",
		"ssh://git@host:0/a":                    "no port",
		"ssh://git@host:70000/a":                "no port",
		"ssh://git@host/a%0ab":                  "visible",
		"git@host:a b":                          "visible",
		"git@h\u00f6st:a":                       "visible",
		"git@[fe80::1%25eth0]:a":                "",
		"git@host:" + strings.Repeat("a", 2000): "at most",
	} {
		_, err := Parse(address)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v", address, err)
		}
		if err != nil && strings.Contains(err.Error(), "token@") {
			t.Errorf("the error tells a token: %v", err)
		}
	}
	var http *HTTPError
	if _, err := Parse("https://github.com/o/n"); !errors.As(err, &http) || http.SSH != "git@github.com:o/n" {
		t.Errorf("%v", err)
	}
}

func TestName(t *testing.T) {
	var names []string
	for _, address := range []string{"git@host:o/n.git", "git@host:o/n", "ssh://git@host/o/n.git/", "ssh://git@HOST:22/o/n"} {
		r, err := Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, r.Name())
	}
	for _, name := range names {
		if name != "git@host:22/o/n" {
			t.Errorf("names: %q", names)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"git@github.com:o/n.git", "ssh://git@h:22/a", "me@[::1]:a", "https://h/o", "a://b", "ssh://a@b/%7e%00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, address string) {
		r, err := Parse(address)
		if err != nil {
			return
		}
		again, err := Parse(r.String())
		if err != nil || again.Name() != r.Name() {
			t.Errorf("%q is %+v, written %q, read %+v, %v", address, r, r.String(), again, err)
		}
		if r.User[0] == '-' || r.Host[0] == '-' || r.Path[0] == '-' {
			t.Errorf("%q has what looks like an option: %+v", address, r)
		}
	})
}
