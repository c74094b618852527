package config

import (
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

	"github.com/wrapix/wrapix/sandbox/profile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const full = `# everything this version reads
[agent]
kind = "command"
command = ["./agent.sh", "--fast"]

[sandbox]
profile = "base"
image = "localhost/x"
network = "allowlist"
allow = ["*.debian.org", "proxy.golang.org:443"]
host_ports = [11434]
ports = [8080, 8081]
memory = "4g"
cpus = 1.5
pids = 100
tmp = "1g"
home = "2g"
files = 1000
env = { LANG = "C.UTF-8" }
env_from_host = ["TZ", "EDITOR", "TZ"]

[[sandbox.mounts]]
source = "~/data, all: of it"
dest = "~/data"

[[sandbox.mounts]]
source = "cache"
dest = "/var/cache/x"
mode = "rw"
optional = true

[secrets]
TOKEN = { env = "GITHUB_TOKEN", checks = true }
KEY = { file = "~/.key" }
OTHER.command = ["/usr/bin/pass", "show", "x"]

[loop]
max_iterations = 50
max_attempts = 2
max_time = "8h"
max_attempt_time = "2h"
max_cost_usd = 5
max_tokens = 2000000
max_iterations_per_day = 20
max_time_per_day = "4h"
max_cost_usd_per_day = 2.5
max_tokens_per_day = 1000000
on_blocked = "skip"

[checks]
vet = "go vet ./..."
build = "go build ./..."

[hooks]
pre_loop = ["/bin/a"]
pre_step = ["/bin/sh", "-c", "b"]
post_step = ["/bin/c"]
post_loop = ["/bin/d"]
on_failure = "skip"
timeout = "5s"

[notify]
enabled = false
again = "2h"
webhook = "https://example.org/x"
webhook_secret = { file = "/etc/key" }
`

func TestParseEverything(t *testing.T) {
	got, err := Parse("wrapix.toml", []byte(full))
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Agent: Agent{Kind: "command", Command: []string{"./agent.sh", "--fast"}},
		Sandbox: Sandbox{
			Profile: "base", Image: "localhost/x", Network: NetworkAllowlist, MemoryBytes: 4 << 30, CPUs: 1.5, Pids: 100,
			TmpBytes: 1 << 30, HomeBytes: 2 << 30, Files: 1000,
			Env: map[string]string{"LANG": "C.UTF-8"}, EnvFromHost: []string{"TZ", "EDITOR"},
			Allow: []string{"*.debian.org", "proxy.golang.org:443"}, HostPorts: []int{11434}, Ports: []int{8080, 8081},
			Mounts: []Mount{{Source: "~/data, all: of it", Dest: "~/data"}, {Source: "cache", Dest: "/var/cache/x", Writable: true, Optional: true}},
		},
		Secrets: []SandboxSecret{
			{Name: "KEY", Secret: Secret{File: "~/.key"}}, {Name: "OTHER", Command: []string{"/usr/bin/pass", "show", "x"}},
			{Name: "TOKEN", Secret: Secret{Env: "GITHUB_TOKEN"}, Checks: true},
		},
		Loop: Loop{MaxIterations: 50, MaxAttempts: 2, MaxTime: 8 * time.Hour, MaxCostUSD: 5, MaxTokens: 2_000_000, MaxIterationsPerDay: 20, MaxTimePerDay: 4 * time.Hour, MaxCostUSDPerDay: 2.5,
			MaxTokensPerDay: 1_000_000, MaxAttemptTime: 2 * time.Hour, OnBlocked: BlockedSkip},
		Checks: []Check{{"vet", "go vet ./..."}, {"build", "go build ./..."}},
		Hooks: Hooks{
			PreLoop: []string{"/bin/a"}, PreStep: []string{"/bin/sh", "-c", "b"}, PostStep: []string{"/bin/c"}, PostLoop: []string{"/bin/d"},
			OnFailure: OnFailureSkip, Timeout: 5 * time.Second,
		},
		Notify: Notify{Again: 2 * time.Hour, Webhook: "https://example.org/x", WebhookSecret: Secret{File: "/etc/key"}},
		Text:   full,
	}
	want.Profiles = got.Profiles // see TestProfiles
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestParseDefaults(t *testing.T) {
	got, err := Parse("wrapix.toml", []byte("agent.command = ['a']"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Loop.MaxAttempts != 3 || got.Sandbox.Network != NetworkOpen || got.Sandbox.Profile != "base" ||
		got.Sandbox.Pids != DefaultPids || got.Loop.MaxAttemptTime != DefaultMaxAttemptTime || !got.Notify.Enabled || got.Agent.Kind != AgentCommand {
		t.Errorf("defaults: %+v", got)
	}
}

func TestParseProblems(t *testing.T) {
	const agent = "agent.command = ['a']\n"
	tests := []struct{ name, text, want string }{
		{"syntax", agent + "[loop\n", `f:2:6: expected ']' to close table name`},
		{"twice", agent + "[loop]\nmax_attempts = 1\nmax_attempts = 2", "f:4:1: key max_attempts is already defined"},
		{"no agent", "[loop]\n", "f:1:1: agent.kind: claude needs a login: say in [secrets] where to find it, as in ANTHROPIC_API_KEY = { env = \"ANTHROPIC_API_KEY\" }, or for a subscription CLAUDE_CODE_OAUTH_TOKEN; or say in command what else works on the tasks"},
		{"empty command", "[agent]\ncommand = []", "f:2:1: agent.command: it names no program"},
		{"command is a string", "[agent]\ncommand = 'a b'", `f:2:1: agent.command: want a list such as ["prog", "arg"], not a string`},
		{"number in command", "[agent]\ncommand = ['a', 1]", "f:2:1: agent.command: entry 2: want a string, not a whole number"},
		{"NUL", "[agent]\ncommand = [\"a\\u0000\"]", "f:2:1: agent.command: entry 1: it has a NUL character"},
		{"later kind", agent + "agent.kind = 'gemini'", `f:2:7: agent.kind: this version of ralph does not support "gemini" yet; it runs "claude"`},
		{"unknown kind", agent + "agent.kind = 'x'", `f:2:7: agent.kind: "x" is not known; want "claude" or "command"`},
		{"misspelt key", agent + "[loop]\nmax_atempts = 1", "f:3:1: loop.max_atempts: unknown key; did you mean loop.max_attempts?"},
		{"other case", agent + "[Loop]\nmax_attempts = 1", "f:2:2: Loop: unknown key; did you mean loop?"},
		{"unknown table", agent + "[nonsense]", "f:2:2: nonsense: unknown key"},
		{"table wanted", "loop = 3\n" + agent, "f:1:1: loop: want a table, not a whole number"},
		{"list of tables", agent + "[[loop]]\nmax_attempts = 1", "f:2:3: loop: want a table, not a list"},
		{"later table", agent + "[mcp.a]\nx = 'x'", "f:2:2: mcp: this version of ralph does not support it yet"},
		{"profile extends none", agent + "[profiles.a]\nextends = 'x'", `f:3:1: profiles.a.extends: profile a extends "x": there is no such profile; there are base, rust, python, node, go, nix, debug, a`},
		{"profiles in a circle", agent + "[profiles.a]\nextends = 'b'\n[profiles.b]\nextends = 'a'", "f:3:1: profiles.a.extends: profiles extend each other in a circle: a -> b -> a"},
		{"profile that is built in", agent + "[profiles.rust]\nrun = ['true']", `f:2:11: profiles.rust.extends: there is a profile rust already; give this one another name, and extends = "rust"`},
		{"profile's name", agent + "[profiles.My]\nrun = ['true']", "f:2:11: profiles.My: the name of a profile has small letters, digits and single '-' between them, at most 40 in all"},
		{"a profile's mount", agent + "[profiles.a]\n[[profiles.a.mounts]]\nsource = 'x'\ndest = '/a'\n[[profiles.a.mounts]]\nsource = 'x'\ndest = '/b'\nmode = 'w'", `f:6:3: profiles.a.mounts.1: mode: "w" is not known; want "ro" or "rw"`},
		{"a key of a profile's mount", agent + "[profiles.a]\n[[profiles.a.mounts]]\nsource = 'x'\ntarget = '/a'", "f:5:1: profiles.a.mounts.0.target: unknown key; want source, dest, mode or optional"},
		{"a profile's mounts", agent + "[profiles.a]\nmounts = 'x'", "f:3:1: profiles.a.mounts: want tables [[profiles.a.mounts]] with source and dest, not a string"},
		{"two mounts of a profile", agent + "[profiles.a]\nmounts = [{ source = 'a', dest = '~/a' }, { source = 'b', dest = '~/a/.' }]", `f:3:1: profiles.a.mounts.1: two mounts have the dest "~/a/."`},
		{"a profile's file", agent + "[profiles.a.files]\n'/etc/x' = 'x'", `f:3:1: profiles.a.files./etc/x: the name is a place in the agent's home folder, such as "~/.config/tool.toml"`},
		{"a profile's file in the place of a mount", agent + "[profiles.a]\nmounts = [{ source = 'a', dest = '~/x' }]\nfiles = { '~/x' = 'x' }", "f:4:11: profiles.a.files.~/x: the profile has a mount or a file at that place already"},
		{"a profile's file of somebody's home", agent + "[profiles.a.files]\n'~/x' = '~y/x'", `f:3:1: profiles.a.files.~/x: source: "~y/x": ~ is your own home folder only; write ~/… or ./~y/x`},
		{"profile's key", agent + "[profiles.a]\nimage = 'x'", "f:3:1: profiles.a.image: unknown key; a profile has extends, packages, env, run, mounts and files"},
		{"package that is an option", agent + "sandbox.packages = ['-y']", `f:2:9: sandbox.packages: "-y" is no name of a Debian package`},
		{"secret in the project", agent + "[secrets]\nA = { file = 'x' }", "f:3:1: secrets.A: file: want an absolute path, or one below ~/: what lies in the project is no secret"},
		{"secret itself", agent + "[secrets]\nA = 'x'", `f:3:1: secrets.A: want a table such as { file = "~/.token" }, { env = "NAME" } or { command = ["/usr/bin/pass", "show", "token"] }, not a string`},
		{"secret from two places", agent + "[secrets]\nA = { file = '/x', env = 'A' }", "f:3:1: secrets.A: want one of file, env and command"},
		{"secret from nowhere", agent + "[secrets]\nA = { checks = true }", "f:3:1: secrets.A: want one of file, env and command"},
		{"secret by a shell line", agent + "[secrets]\nA = { command = 'pass show x' }", `f:3:7: secrets.A.command: want a list such as ["prog", "arg"], not a string`},
		{"secret by a program of the project", agent + "[secrets]\nA = { command = ['./x'] }", `f:3:7: secrets.A.command: "./x" is no absolute path; write for example ["/usr/local/bin/prog", "arg"], or ["/bin/sh", "-c", "…"]`},
		{"secret misspelt", agent + "[secrets]\nA = { fil = '/x' }", "f:3:7: secrets.A.fil: unknown key; want file, env, command or checks"},
		{"secret of ours", agent + "[secrets]\nRALPH_X = { file = '/x' }", "f:3:1: secrets.RALPH_X: the name is taken by ralph"},
		{"secret and variable", agent + "sandbox.env = { A = '1' }\n[secrets]\nA = { file = '/x' }", "f:4:1: secrets.A: the variable is in sandbox.env or sandbox.env_from_host as well"},
		{"host variable", agent + "sandbox.env_from_host = 'A'", `f:2:9: sandbox.env_from_host: want a list of names such as ["LANG", "TZ"], not a string`},
		{"host variable's name", agent + "sandbox.env_from_host = ['A=b']", `f:2:9: sandbox.env_from_host: "A=b": the name of a variable has only letters, digits and '_'`},
		{"two variables", agent + "sandbox.env = { A = '1' }\nsandbox.env_from_host = ['A']", "f:3:9: sandbox.env_from_host: A is in sandbox.env as well"},
		{"mounts is a table", agent + "sandbox.mounts = { source = '/' }", "f:2:9: sandbox.mounts: want tables [[sandbox.mounts]] with source and dest, not a table"},
		{"mount without dest", agent + "[[sandbox.mounts]]\nsource = '/'", "f:2:3: sandbox.mounts.0: it has no dest"},
		{"the second mount", agent + "[[sandbox.mounts]]\nsource = 'a'\ndest = '/a'\n\n[[sandbox.mounts]]\nsource = 'a'\ndest = '/b'\nmode = 'x'", `f:6:3: sandbox.mounts.1: mode: "x" is not known; want "ro" or "rw"`},
		{"a mount's key", agent + "[[sandbox.mounts]]\nsource = 'a'\ndest = '/a'\n[[sandbox.mounts]]\nsource = 'a'\ntarget = '/b'", "f:7:1: sandbox.mounts.1.target: unknown key; want source, dest, mode or optional"},
		{"a mount's type, inline", agent + "sandbox.mounts = [{ source = 'a', dest = '/a' }, { source = 1, dest = '/b' }]", "f:2:52: sandbox.mounts.1.source: want a string, not a whole number"},
		{"mount of somebody's home", agent + "sandbox.mounts = [{ source = '~x/a', dest = '/a' }]", `f:2:9: sandbox.mounts.0: source: "~x/a": ~ is your own home folder only; write ~/… or ./~x/a`},
		{"mount at a relative place", agent + "sandbox.mounts = [{ source = 'a', dest = 'a' }]", `f:2:9: sandbox.mounts.0: dest: "a" is neither absolute nor below ~/`},
		{"two mounts at one place", agent + "sandbox.mounts = [{ source = 'a', dest = '/a' }, { source = 'b', dest = '/a/' }]", `f:2:9: sandbox.mounts.1: two mounts have the dest "/a/"`},
		{"allow without its network", agent + "sandbox.allow = ['x.org']", `f:2:9: sandbox.allow: it is for network = "allowlist"`},
		{"allowlist of nothing", agent + "sandbox.network = 'allowlist'", `f:2:9: sandbox.network: "allowlist" needs the names in allow; to reach nothing, write "none"`},
		{"an address of the web", agent + "sandbox.allow = ['https://x.org']", `f:2:9: sandbox.allow: "https://x.org": want a name without https:// and without a path`},
		{"every name", agent + "sandbox.allow = ['*']", `f:2:9: sandbox.allow: "*": that is every name; write network = "open"`},
		{"names are a string", agent + "sandbox.allow = 'x.org'", `f:2:9: sandbox.allow: want a list such as ["proxy.golang.org", "*.debian.org"], not a string`},
		{"a low port", agent + "sandbox.host_ports = [80]", "f:2:9: sandbox.host_ports: 80: want a port from 1024 to 65535, which a program without privileges can listen on"},
		{"a port twice", agent + "sandbox.ports = [8080, 8080]", "f:2:9: sandbox.ports: 8080 is there twice"},
		{"a port both ways", agent + "sandbox.ports = [8080]\nsandbox.host_ports = [8080]", "f:2:9: sandbox.ports: 8080 stands in host_ports too: inside, it can be one of them only"},
		{"the proxy's port", agent + "[sandbox]\nnetwork = 'allowlist'\nallow = ['x.org']\nports = [3128]", "f:5:1: sandbox.ports: 3128 is the port of the proxy of an allowlist"},
		{"a port as text", agent + "sandbox.ports = ['8080']", "f:2:9: sandbox.ports: want port numbers, not a string"},
		{"later inline", agent + "checks = { tree = 'x' }", "f:2:12: checks.tree: this version of ralph does not support it yet; a check needs another name"},
		{"tree is no check", agent + "[checks]\ntree = 'clean'", "f:3:1: checks.tree: this version of ralph does not support it yet; a check needs another name"},
		{"empty check", agent + "[checks]\na = ' '", "f:3:1: checks.a: the check has no command"},
		{"check is a table", agent + "[checks.a]\nb = 'c'", "f:2:9: checks.a: want a string, not a table"},
		{"network", agent + "sandbox.network = 'host'", `f:2:9: sandbox.network: "host" is not known; want "open" or "none" or "allowlist"`},
		{"profile", agent + "sandbox.profile = 'gone'", `f:2:9: sandbox.profile: "gone" is not known; want one of: base, rust, python, node, go, nix, debug`},
		{"memory", agent + "sandbox.memory = 'lots'", `f:2:9: sandbox.memory: "lots" is no size; write for example "4g" or "512m"`},
		{"memory overflows", agent + "sandbox.memory = '9999999999t'", `f:2:9: sandbox.memory: "9999999999t" is no size; write for example "4g" or "512m"`},
		{"memory number", agent + "sandbox.memory = 4", `f:2:9: sandbox.memory: want a size such as "4g" or "512m", not a whole number`},
		{"cpus", agent + "sandbox.cpus = nan", "f:2:9: sandbox.cpus: want a number from 0 (no limit) to 1e9"},
		{"pids", agent + "sandbox.pids = -1", "f:2:9: sandbox.pids: want a number from 0 (no limit) to 2147483647"},
		{"tmp", agent + "sandbox.tmp = '1 GB'", `f:2:9: sandbox.tmp: "1 GB" is no size; write for example "4g" or "512m"`},
		{"files", agent + "sandbox.files = 10", "f:2:9: sandbox.files: 10 open files are too few for a program to start; want at least 64"},
		{"attempt time", agent + "loop.max_attempt_time = 2", `f:2:6: loop.max_attempt_time: want a duration such as "8h" or "90m", not a whole number`},
		{"time", agent + "loop.max_time = '8 hours'", `f:2:6: loop.max_time: "8 hours" is no duration; write for example "8h", "90m" or "1h30m"`},
		{"date", agent + "loop.max_time = 2026-01-01", `f:2:6: loop.max_time: want a duration such as "8h" or "90m", not a date or time`},
		{"float for whole", agent + "loop.max_iterations = 1.5", "f:2:6: loop.max_iterations: want a whole number, not a number"},
		{"notify", agent + "notify.enabled = 'yes'", "f:2:8: notify.enabled: want true or false, not a string"},
		{"hook is a string", agent + "hooks.pre_step = '/bin/a b'", `f:2:7: hooks.pre_step: want a list such as ["prog", "arg"], not a string`},
		{"hook in the project", agent + "hooks.pre_step = ['./a']", `f:2:7: hooks.pre_step: "./a" is no absolute path; write for example ["/usr/local/bin/prog", "arg"], or ["/bin/sh", "-c", "…"]`},
		{"hook without a limit", agent + "hooks.timeout = '0s'", "f:2:7: hooks.timeout: without a limit a hook could stop the work for ever"},
		{"hook fails", agent + "hooks.on_failure = 'ignore'", `f:2:7: hooks.on_failure: "ignore" is not known; want "block" or "warn" or "skip"`},
		{"unknown hook", agent + "[hooks]\npre_steps = ['/a']", "f:3:1: hooks.pre_steps: unknown key; did you mean hooks.pre_step?"},
		{"webhook", agent + "notify.webhook = 'example.org'", `f:2:8: notify.webhook: want an address such as "https://example.org/hook"`},
		{"webhook of a file", agent + "notify.webhook = 'file:///etc/passwd'", `f:2:8: notify.webhook: want an address such as "https://example.org/hook"`},
		{"webhook in clear", agent + "notify.webhook = 'http://127.0.0.1.example.org/'", "f:2:8: notify.webhook: http:// is for this host only, as in http://127.0.0.1:8080; elsewhere it must be https://"},
		{"secret itself", agent + "notify.webhook_secret = 'x'", `f:2:8: notify.webhook_secret: want a table such as { file = "/home/me/.webhook-key" } or { env = "NAME" }, not a string`},
		{"two secrets", agent + "notify.webhook_secret = { file = '/x', env = 'X' }", "f:2:8: notify.webhook_secret: want either file or env"},
		{"no secret", agent + "notify.webhook_secret = {}", "f:2:8: notify.webhook_secret: want either file or env"},
		{"secret by command", agent + "notify.webhook_secret = { command = 'x' }", `f:2:8: notify.webhook_secret: "command" is not known; want file or env`},
		{"secret by a relative path", agent + "notify.webhook_secret.file = 'key'", "f:2:8: notify.webhook_secret: file: want an absolute path"},
		{"env name", agent + "sandbox.env = { 'A B' = '1' }", "f:2:17: sandbox.env.A B: the name of a variable has only letters, digits and '_'"},
		{"env of ours", agent + "[sandbox.env]\nRALPH_TASK = '1'", "f:3:1: sandbox.env.RALPH_TASK: the name is taken by ralph"},
		{
			"several, in order", "[sandbox]\nfoo = 1\n[loop]\nmax_time = 1\n" + "[agent]\ncommand = 1",
			"f:2:1: sandbox.foo: unknown key\nf:4:1: loop.max_time: want a duration such as \"8h\" or \"90m\", not a whole number\n" +
				"f:6:1: agent.command: want a list such as [\"prog\", \"arg\"], not a whole number",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("f", []byte(tt.text))
			var problems *Problems
			if !errors.As(err, &problems) || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestLoadReadsOnlyRegularFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	must(t, os.WriteFile(file("good"), []byte(full), 0o600))
	must(t, os.Symlink(file("good"), file("link")))
	must(t, syscall.Mkfifo(file("fifo"), 0o600))
	must(t, os.WriteFile(file("large"), []byte("# "+strings.Repeat("x", maxSize)), 0o600))
	must(t, os.Mkdir(file("folder"), 0o700))

	if _, err := Load(file("good")); err != nil {
		t.Error(err)
	}
	if _, err := Load(file("none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	for name, want := range map[string]string{
		"link": "symbolic link", "fifo": "regular file", "folder": "regular file", "large": "larger than",
	} {
		if _, err := Load(file(name)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Load("/dev/zero"); err == nil {
		t.Error("a device was read")
	}
}

// Keys that nest deeply cost the parser most. The bound is far above what it takes, and far below what a cost that explodes would.
func TestParseHostileNestingIsFast(t *testing.T) {
	for _, text := range []string{
		"a = " + strings.Repeat("[", maxSize-10),
		"a = " + strings.Repeat("{a=", 9000) + "1" + strings.Repeat("}", 9000),
		strings.Repeat("a.", 30000) + "a = 1",
		strings.Repeat("[[a]]\n", 10000),
	} {
		start := time.Now()
		if _, err := Parse("f", []byte(text)); err == nil {
			t.Error("accepted")
		}
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("%.20s… took %s", text, took)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte("[agent]\ncommand = ['a', 1]\n[[sandbox.mounts]]\n"))
	f.Add([]byte("a.b.c.d.e = {x = {y = [{}]}}\n\"\\u0000\" = 1979-05-27\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("f", text)
		var problems *Problems
		switch {
		case err == nil:
			if (len(c.Agent.Command) == 0) == (c.Agent.Kind == AgentCommand) || c.Text != string(text) || c.Sandbox.Network == "" {
				t.Errorf("accepted as %+v", c)
			}
		case !errors.As(err, &problems) || len(problems.List) == 0:
			t.Errorf("error %T: %v", err, err)
		default:
			for _, p := range problems.List {
				if p.Line < 1 || p.Column < 1 || p.Text == "" {
					t.Errorf("problem without place or text: %+v", p)
				}
			}
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLoadPartNeedsNoAgent(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	for text, wrong := range map[string]bool{
		"[sandbox]\nnetwork = \"none\"\n":             false,
		"[sandbox]\nnetwork = \"none\"\ncolour = 1\n": true,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := LoadPart(path)
		s := c.Sandbox
		if (err != nil) != wrong || !wrong && (s.Network != NetworkNone || s.Pids != DefaultPids) {
			t.Errorf("%q: %+v, %v", text, s, err)
		}
	}
}

func TestProfiles(t *testing.T) {
	c, err := Parse("f", []byte(`agent.command = ["a"]
[sandbox]
profile = "nightly"
packages = ["xz-utils", "gcc"]
[profiles.nightly]
extends = "service"
env = { RUST_LOG = "debug" }
[profiles.service]
extends = "rust"
packages = ["redis-tools"]
run = ["true"]
`))
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.ProfileOf("")
	if err != nil {
		t.Fatal(err)
	}
	last := p.Steps[len(p.Steps)-1]
	if got := strings.Join(p.Chain, " "); got != "base rust service nightly" || last.From != "sandbox.packages" || len(last.Packages) != 1 {
		t.Errorf("%s, and last %+v", got, last)
	}
	if p.Env["RUST_LOG"].Value != "debug" || p.Env["RUST_LOG"].From != "nightly" {
		t.Errorf("env: %+v", p.Env)
	}
}

func TestMountsOfProfiles(t *testing.T) {
	c, err := Parse("f", []byte(`agent.command = ["a"]
[sandbox]
mounts = [{ source = "x", dest = "/c" }]
[profiles.one]
mounts = [{ source = "a", dest = "/a" }, { source = "b", dest = "~/b", mode = "rw", optional = true }]
[profiles.two]
extends = "one"
[[profiles.two.mounts]]
source = "a2"
dest = "/a/"
[[profiles.two.mounts]]
source = "c"
dest = "/c"
[profiles.two.files]
"~/.toolrc" = "dev/toolrc"
`))
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.ProfileOf("two")
	if err != nil {
		t.Fatal(err)
	}
	want := []profile.SourcedMount{
		{Mount: Mount{Source: "b", Dest: "~/b", Writable: true, Optional: true}, From: "one"},
		{Mount: Mount{Source: "a2", Dest: "/a/"}, From: "two"},
		{Mount: Mount{Source: "dev/toolrc", Dest: "~/.toolrc", File: true}, From: "two"},
		{Mount: Mount{Source: "x", Dest: "/c"}, From: "sandbox.mounts"},
	}
	if !reflect.DeepEqual(p.Mounts, want) {
		t.Errorf("got  %+v\nwant %+v", p.Mounts, want)
	}
	if one, err := c.ProfileOf("one"); err != nil || len(one.Mounts) != 3 || one.Mounts[0].Source != "a" {
		t.Errorf("a profile is changed by one that extends it: %+v, %v", one.Mounts, err)
	}
}
