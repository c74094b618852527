package mounts

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host is a home folder, a project and some places beside it.
type host struct {
	Policy
	base, project string
}

func newHost(t *testing.T) host {
	t.Helper()
	base, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	h := host{base: base, project: base + "/home/src/p"}
	h.Policy = Policy{Home: base + "/home", Workspace: h.project, Private: []string{base + "/state"}}
	for _, dir := range []string{
		"home/.ssh", "home/.config/gcloud", "home/src/p/.git/hooks", "home/src/p/data", "home/src/p/a b", "home/src/other", "home/data/in", "state/x", "tools",
	} {
		must(t, os.MkdirAll(filepath.Join(base, dir), 0o700))
	}
	for _, file := range []string{"home/.ssh/id", "home/src/p/wrapix.toml", "home/src/p/data/file", "home/.netrc", "home/.bashrc"} {
		must(t, os.WriteFile(filepath.Join(base, file), nil, 0o600))
	}
	return h
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (h host) link(t *testing.T, to, at string) {
	t.Helper()
	must(t, os.Symlink(strings.ReplaceAll(to, "BASE", h.base), filepath.Join(h.base, at)))
}

func TestCheckWorkspace(t *testing.T) {
	h := newHost(t)
	must(t, os.MkdirAll(h.base+"/home/.local/share/containers", 0o700))
	h.link(t, "../../home", "home/src/sub")
	for _, c := range []struct{ workspace, allow, want string }{
		{"home/src/p", "", ""}, {"home/src", "", ""}, {"tools", "", ""},
		{"home", "", "never mounted"}, {"home", "home", "never mounted"}, {"home/src/sub", "", "never mounted"}, {"", "", "contains"},
		{"home/.ssh", "", "never mounted"}, {"home/.ssh", "home/.ssh", ""}, {"home/.config/gcloud", "", "never mounted"},
		{"state/x", "", "never mounted"}, {"state/x", "state/x", "never mounted"}, {"home/.local/share", "", "contains"},
	} {
		p := h.Policy
		p.Workspace = filepath.Join(h.base, c.workspace)
		if c.allow != "" {
			p.Allow = []string{filepath.Join(h.base, c.allow)}
		}
		err := CheckWorkspace(p)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestResolve(t *testing.T) {
	h := newHost(t)
	h.link(t, "data", "home/link")
	h.link(t, "data", "home/src/p/inner")
	must(t, os.WriteFile(h.base+"/home/odd\xff,:\n", nil, 0o600))
	for _, c := range []struct{ source, want string }{
		{"data", "/home/src/p/data"}, {"./data/file", "/home/src/p/data/file"}, {"inner", "/home/src/p/data"}, {"a b", "/home/src/p/a b"},
		{"../other", "/home/src/other"}, {"~/data", "/home/data"}, {"~/link/in", "/home/data/in"}, {"BASE/tools", "/tools"},
		{"BASE/home/src/p/inner", "/home/src/p/data"}, {"~/odd\xff,:\n", "/home/odd\xff,:\n"}, {"~/.bashrc", "/home/.bashrc"},
	} {
		source := strings.ReplaceAll(c.source, "BASE", h.base)
		got, err := Resolve([]config.Mount{{Source: source, Dest: "~/x"}}, h.Policy)
		if err != nil || len(got) != 1 || got[0].Source != h.base+c.want || got[0].Dest != "/home/agent/x" || !got[0].ReadOnly {
			t.Errorf("%q: %+v, %v", c.source, got, err)
			continue
		}
		var st syscall.Stat_t
		must(t, syscall.Lstat(got[0].Source, &st))
		if got[0].Ino != st.Ino || got[0].Dev != uint64(st.Dev) {
			t.Errorf("%q: another file", c.source)
		}
	}
	got, err := Resolve([]config.Mount{{Source: "none", Dest: "/x", Optional: true}, {Source: "data", Dest: "/y", Writable: true}}, h.Policy)
	if err != nil || len(got) != 1 || got[0].ReadOnly {
		t.Errorf("an optional one: %+v, %v", got, err)
	}
}

func TestRefused(t *testing.T) {
	h := newHost(t)
	for at, to := range map[string]string{
		"home/src/p/keys": "BASE/home/.ssh", "home/src/p/out": "BASE/home/data", "home/src/p/round": "round", "home/src/p/data/up": "../../../data",
		"home/src/p/chain": "data/up", "home/to-keys": ".ssh", "home/through": "src/p/out", "home/src/p/data/hooks": "../.git/hooks",
	} {
		h.link(t, to, at)
	}
	must(t, syscall.Mkfifo(h.base+"/home/pipe", 0o600))
	l, err := net.Listen("unix", h.base+"/home/socket")
	must(t, err)
	defer l.Close()
	h.Getenv = func(name string) string {
		return map[string]string{"SSH_AUTH_SOCK": h.base + "/tools/agent/socket"}[name]
	}
	const never = "is never mounted"
	for _, c := range []struct {
		source, mode, want string
		allowed            bool // when a person names it
	}{
		{"~/.ssh", "ro", "~/.ssh is never mounted: SSH keys", true},
		{"~/.ssh/id", "ro", "lies in ~/.ssh, which " + never, true},
		{"~/to-keys", "ro", never, true},
		{"~/data/../.ssh", "ro", never, true},
		{"~/.netrc", "ro", never, true},
		{"~/.config", "ro", "contains ~/.config/containers, which " + never, false},
		{"~/.config/gcloud", "ro", never, true},
		{"~/.bashrc", "rw", "your shell runs it", true},
		{"~", "ro", "it is the workspace or contains it", false},
		{"BASE", "ro", "it is the workspace or contains it", false},
		{"BASE/tools", "ro", "contains $SSH_AUTH_SOCK", true},
		{"BASE/state", "ro", never, false},
		{"BASE/state/x", "ro", never, false},
		{"/", "ro", "it is the workspace or contains it", false},
		{"/proc", "ro", never, false},
		{"/proc/self/root", "ro", "it is the workspace or contains it", false},
		{"/sys/kernel", "ro", never, false},
		{"/dev/null", "ro", "is a device", false},
		{"/run", "ro", never, false},
		{"/var/run", "ro", never, false},
		{"/tmp", "ro", "it is the workspace or contains it", false},
		{"/var/tmp", "ro", never, true},
		{"/etc", "ro", "contains /etc/s", false},
		{"~/pipe", "ro", "is a pipe", false},
		{"~/socket", "rw", "is a socket", false},
		{".", "ro", "it is the workspace", false},
		{"..", "ro", "it is the workspace or contains it", false},
		{"~/src", "ro", "it is the workspace or contains it", false},
		{".git", "ro", "it is .git of the workspace", false},
		{".git/hooks", "rw", "it is .git of the workspace", false},
		{"data/hooks", "rw", "it is .git of the workspace", false},
		{"wrapix.toml", "rw", "it is wrapix.toml of the workspace", false},
		{"keys", "ro", "it may be an agent's", false},
		{"out", "ro", "it may be an agent's", false},
		{"chain", "ro", "it may be an agent's", false},
		{"~/through", "ro", "it may be an agent's", false},
		{"round", "ro", "too many levels", false},
		{"none", "ro", "no such file", false},
		{"data/file/x", "ro", "not a directory", false},
		{"a\x00b", "ro", "NUL", false},
	} {
		source := strings.ReplaceAll(c.source, "BASE", h.base)
		m := []config.Mount{{Source: source, Dest: "/x", Writable: c.mode == "rw"}}
		_, err := Resolve(m, h.Policy)
		var failed *sandbox.Error
		if !errors.As(err, &failed) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.source, err, c.want)
			continue
		}
		if hinted := strings.Contains(failed.Hint, "--allow-mount"); hinted != c.allowed {
			t.Errorf("%s: the way out is %q", c.source, failed.Hint)
		}
		p := h.Policy
		p.Allow = []string{source}
		if _, err := Resolve(m, p); (err == nil) != c.allowed {
			t.Errorf("%s, named by a person: %v", c.source, err)
		}
		p.Allow = []string{"~/data", "~/.config"}
		if _, err := Resolve(m, p); err == nil {
			t.Errorf("%s, when another path is named: mounted", c.source)
		}
	}
}

// What can be written to by an agent leads nowhere else.
func TestWritableMountsLeadNowhere(t *testing.T) {
	h := newHost(t)
	h.link(t, "../../data", "home/src/other/link")
	ask := func(mode bool) []config.Mount {
		return []config.Mount{{Source: "~/src/other", Dest: "/a", Writable: mode}, {Source: "~/src/other/link", Dest: "/b"}}
	}
	if _, err := Resolve(ask(false), h.Policy); err != nil {
		t.Errorf("read-only: %v", err)
	}
	if _, err := Resolve(ask(true), h.Policy); err == nil || !strings.Contains(err.Error(), "it may be an agent's") {
		t.Errorf("writable: %v", err)
	}
}

func TestDestinations(t *testing.T) {
	h := newHost(t)
	for dest, want := range map[string]string{
		"/opt/x": "/opt/x", "/opt/x/": "/opt/x", "~/.cache": "/home/agent/.cache", "/opt/a b:c,d\n": "/opt/a b:c,d\n", "/usr/local/share/x": "/usr/local/share/x",
		"/tmp/x": "/tmp/x", "/etc/ssl": "/etc/ssl",
	} {
		got, err := Resolve([]config.Mount{{Source: "data", Dest: dest}}, h.Policy)
		if err != nil || got[0].Dest != want {
			t.Errorf("%q: %+v, %v", dest, got, err)
		}
	}
	for _, dest := range []string{
		"/", "/workspace", "/workspace/", "/workspace/x", "/workspace/../workspace/.git", "/run", "/run/ralph", "/run/secrets/X", "/run/wrapix/guest", "/run/out",
		"/proc", "/proc/self", "/sys", "/dev/shm", "/etc", "/etc/hosts", "/etc/passwd", "/tmp", "/var/tmp", "/var", "/home", "/home/agent", "~", "~/", "~/../..",
		"/usr", "/bin", "/usr/bin", "x", "\xff", "/a\x00b",
	} {
		if got, err := Resolve([]config.Mount{{Source: "data", Dest: dest}}, h.Policy); err == nil {
			t.Errorf("%q: %+v", dest, got)
		}
	}
	for _, dests := range [][2]string{{"/a", "/a"}, {"/a", "/a/b"}, {"/a/b", "/a"}, {"~/x", "/home/agent/x/y"}} {
		if got, err := Resolve([]config.Mount{{Source: "data", Dest: dests[0]}, {Source: "a b", Dest: dests[1]}}, h.Policy); err == nil {
			t.Errorf("%q: %+v", dests, got)
		}
	}
}

// The list has no path twice, and each has its reason.
func TestNever(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range never {
		if seen[r.path] || r.why == "" {
			t.Errorf("%+v", r)
		}
		seen[r.path] = true
	}
}

// The list holds whatever name the home folder has, for what is not there yet, and where something else is in its place.
func TestOddHomes(t *testing.T) {
	h := newHost(t)
	h.link(t, "home", "home2")
	must(t, os.RemoveAll(h.base+"/home/.config"))
	must(t, os.MkdirAll(h.base+"/home/.config/other", 0o700))
	must(t, os.WriteFile(h.base+"/home/.docker", nil, 0o600))
	must(t, os.MkdirAll(h.base+"/home/.local", 0o700))
	h.link(t, ".kube", "home/.kube")
	for _, home := range []string{h.base + "/home", h.base + "/home2", h.base + "/home2/", h.base + "/tools/../home2"} {
		p := h.Policy
		p.Home = home
		for source, refused := range map[string]bool{
			"~/.config": true, h.base + "/home/.config": true, h.base + "/home2/.config": true, "~/.local": true, "~/.ssh": true, "~/.config/other": false, "~/data": false,
		} {
			if _, err := Resolve([]config.Mount{{Source: source, Dest: "/x"}}, p); (err != nil) != refused {
				t.Errorf("home %s: %s: %v", home, source, err)
			}
		}
	}
	p := h.Policy
	p.Home = ""
	if _, err := Resolve([]config.Mount{{Source: "data", Dest: "/x"}}, p); err != nil {
		t.Error(err)
	}
	if _, err := Resolve([]config.Mount{{Source: "~/data", Dest: "/x"}}, p); err == nil {
		t.Error("without a home folder, ~ is mounted")
	}
}
