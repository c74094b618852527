package trust

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wrapix/wrapix/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func listOf(t *testing.T, text string) []Setting {
	t.Helper()
	c, err := config.Parse("wrapix.toml", []byte("agent.command = ['a']\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	return List(c)
}

const all = `
[hooks]
pre_loop = ["/bin/a"]
pre_step = ["/bin/sh", "-c", "echo it's on"]
post_step = ["/bin/c", "\u202etxt", ""]
post_loop = ["/bin/d"]
on_failure = "warn"
[notify]
webhook = "https://example.org/x?y"
webhook_secret = { env = "KEY" }
[sandbox]
network = "allowlist"
allow = ["b.example", "*.a.example"]
host_ports = [11434]
ports = [8080]
env_from_host = ["TZ"]
image = "example.org/a b:1"
mounts = [
	{ source = "~/a b", dest = "/a" }, { source = "../x", dest = "/b", mode = "rw", optional = true },
	{ source = "in/the project", dest = "/c", mode = "rw" },
]
[secrets]
ONE = { file = "~/.key" }
TWO = { env = "GITHUB_TOKEN", checks = true }
XYZ = { command = ["/usr/bin/pass", "show", "x y"] }
[profiles.mine]
run = ["echo x"]
mounts = [{ source = "/srv/x", dest = "/a", mode = "rw" }, { source = "in", dest = "/b" }]
files = { "~/.toolrc" = "~/.toolrc", "~/.other" = "dev/other" }
`

// Every key that reaches the host is on the list, and nothing else is.
func TestList(t *testing.T) {
	var got []string
	for _, s := range listOf(t, all) {
		got = append(got, s.Key+": "+s.Words)
	}
	want := []string{
		`hooks.post_loop: run on this host after a loop has ended: /bin/d`,
		`hooks.post_step: run on this host after each step: /bin/c "\u202etxt" ""`,
		`hooks.pre_loop: run on this host before a loop begins: /bin/a`,
		`hooks.pre_step: run on this host before each step: /bin/sh -c "echo it's on"`,
		`notify.webhook: send waits and ends, with the agent's words, to https://example.org/x?y`,
		`notify.webhook_secret: read the key that signs them from the variable KEY`,
		`profiles.mine.files ~/.toolrc: let sandboxes of the profile mine (any task can ask for it) read ~/.toolrc of this host, at ~/.toolrc`,
		`profiles.mine.mounts /a: let sandboxes of the profile mine (any task can ask for it) read, write and delete in /srv/x of this host, at /a, where checks find what agents left`,
		`profiles.mine.run: run while the image is made, with this host's network: "echo x"`,
		`sandbox.env_from_host TZ: give sandboxes this host's variable TZ`,
		`sandbox.host_ports: let sandboxes use what listens on port 11434 of this host's loopback`,
		`sandbox.image: make sandboxes from the image "example.org/a b:1", which is fetched where this host does not have it`,
		`sandbox.mounts /a: let sandboxes read "~/a b" of this host, at /a`,
		`sandbox.mounts /b: let sandboxes read, write and delete in ../x of this host, at /b, where checks find what agents left`,
		`sandbox.network: reach only *.a.example b.example`,
		`sandbox.ports: let programs on this host, browsers too, reach what an agent's sandbox serves on port 8080`,
		`secrets.ONE: give the agent, as the secret ONE, what is in the file ~/.key`,
		`secrets.TWO: give the agent and the checks, as the secret TWO, this host's variable GITHUB_TOKEN`,
		`secrets.XYZ: give the agent, as the secret XYZ, what this prints, run on this host before each step: /usr/bin/pass show "x y"`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if list := listOf(t, "[sandbox]\nmemory = '1g'\n[hooks]\ntimeout = '1s'\n"); len(list) > 0 {
		t.Errorf("these stay in the sandbox: %v", list)
	}
	if Hash(listOf(t, "hooks.pre_loop = ['/a', 'b c']")) == Hash(listOf(t, "hooks.pre_loop = ['/a', 'b', 'c']")) {
		t.Error("two commands have one hash")
	}
}

func TestApproveCheckRevoke(t *testing.T) {
	dir, list := t.TempDir(), listOf(t, all)
	check := func(list []Setting) Difference {
		t.Helper()
		d, err := Check(dir, "/p", list)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if d := check(list); d.Trusted() || d.Known || len(d.Added) != len(list)-1 {
		t.Errorf("before: %+v", d)
	}
	if d := check(nil); !d.Trusted() {
		t.Error("nothing needs approval")
	}
	if err := Approve(dir, "/p", list, noon); err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(filepath.Join(dir, File)); err != nil || fi.Mode() != 0o600 {
		t.Errorf("the record: %v, %v", fi.Mode(), err)
	}
	if d := check(list); !d.Trusted() || !d.Known || !d.Approved(list[0]) {
		t.Errorf("approved: %+v", d)
	}
	changed := listOf(t, strings.Replace(strings.Replace(all, "/bin/a", "/bin/b", 1), "pre_step", "# ", 1))
	d := check(changed)
	want := []string{
		"changed: hooks.pre_loop: run on this host before a loop begins: /bin/b",
		"was: run on this host before a loop begins: /bin/a",
		`gone: hooks.pre_step: run on this host before each step: /bin/sh -c "echo it's on"`,
	}
	if d.Trusted() || !reflect.DeepEqual(d.Lines(), want) {
		t.Errorf("changed: %+v\n%s", d.Trusted(), strings.Join(d.Lines(), "\n"))
	}
	if s := d.Summary(); !strings.Contains(s, "changed: hooks.pre_loop") || len([]rune(s)) > longestSummary+2 {
		t.Errorf("summary: %s", s)
	}
	if _, err := Check(dir, "/other", list); !errors.Is(err, ErrDamaged) {
		t.Errorf("the record of another project: %v", err)
	}
	for i, was := range []bool{true, false} {
		if there, err := Revoke(dir); err != nil || there != was {
			t.Errorf("revoke %d: %t, %v", i, there, err)
		}
	}
	if d := check(list); d.Trusted() {
		t.Error("revoked, and still trusted")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A record that is not ours trusts nothing, and is waited for by nobody.
func TestRecordIsNotBelieved(t *testing.T) {
	list := listOf(t, all)
	for name, make := range map[string]func(path string) error{
		"link": func(p string) error {
			if err := Approve(filepath.Dir(p), "/p", list, noon); err != nil {
				return err
			}
			return errors.Join(os.Rename(p, p+"2"), os.Symlink(p+"2", p))
		},
		"pipe":   func(p string) error { return syscall.Mkfifo(p, 0o600) },
		"folder": func(p string) error { return os.Mkdir(p, 0o700) },
		"large":  func(p string) error { return os.WriteFile(p, []byte(strings.Repeat(" ", maxRecord+1)), 0o600) },
		"empty":  func(p string) error { return os.WriteFile(p, nil, 0o600) },
		"edited": func(p string) error {
			if err := Approve(filepath.Dir(p), "/p", nil, noon); err != nil {
				return err
			}
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			var r Record
			_ = json.Unmarshal(b, &r)
			r.Settings = list
			b, _ = json.Marshal(r)
			return os.WriteFile(p, b, 0o600)
		},
	} {
		dir := t.TempDir()
		if err := make(filepath.Join(dir, File)); err != nil {
			t.Fatal(err)
		}
		d, err := Check(dir, "/p", list)
		if err == nil || errors.Is(err, fs.ErrNotExist) || d.Trusted() {
			t.Errorf("%s: %v, trusted %t", name, err, d.Trusted())
		}
	}
}

func FuzzRecord(f *testing.F) {
	r := Record{Schema: 1, Project: "/p", Settings: []Setting{{"hooks.pre_loop", `"/bin/a"`, "run"}}}
	r.Hash = Hash(r.Settings)
	text, _ := json.Marshal(r)
	f.Add(text)
	f.Add([]byte(`{"schema":1,"project":"/p","settings":null}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := parse(text, "/p")
		if err != nil {
			if len(r.Settings) > 0 {
				t.Errorf("an error, and %+v", r)
			}
			return
		}
		if r.Project != "/p" || r.Hash != Hash(r.Settings) || !between("/p", r.Settings, r.Settings).Trusted() {
			t.Errorf("believed: %+v", r)
		}
	})
}

// A Containerfile is approved as it is: another text under its name is another setting.
func TestContainerfile(t *testing.T) {
	of := func(text string) []Setting {
		return List(config.Config{Sandbox: config.Sandbox{Image: "./File", Containerfile: text}})
	}
	list := of("FROM scratch\n")
	want := "make sandboxes from an image built of ./File as it is (sha256 bb57c7da220a), with this host's network"
	if len(list) != 1 || list[0].Key != "sandbox.image" || list[0].Words != want {
		t.Fatalf("%+v", list)
	}
	if d := between("/p", list, of("FROM scratch\n# x\n")); d.Trusted() || len(d.Added) != 1 || len(d.Removed) != 1 {
		t.Errorf("another text: %+v", d)
	}
	if d := between("/p", list, of("")); d.Trusted() {
		t.Errorf("an image of that name: %+v", d)
	}
}

// A program is asked about the settings that it acts on.
func TestOf(t *testing.T) {
	dir := t.TempDir()
	few := listOf(t, "hooks.pre_loop = ['/bin/a']\nsandbox.env_from_host = ['TZ']")
	if err := Approve(dir, "/p", few, noon); err != nil {
		t.Fatal(err)
	}
	for text, trusted := range map[string]bool{
		"hooks.pre_loop = ['/bin/b']\nsandbox.env_from_host = ['TZ']":       true,
		"hooks.pre_loop = ['/bin/a']\nsandbox.env_from_host = ['TZ', 'XY']": false,
		"hooks.pre_loop = ['/bin/a']\nsecrets.A = { env = 'A' }":            false,
		"hooks.pre_loop = ['/bin/b']":                                       true,
	} {
		d, err := Check(dir, "/p", listOf(t, text))
		if err != nil || d.Of("sandbox.", "secrets.").Trusted() != trusted {
			t.Errorf("%s: %+v, %v", text, d.Of("sandbox.", "secrets."), err)
		}
	}
}
