package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wrapix/wrapix/sandbox/profile"
)

func TestPrograms(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_STATE_HOME", home)
	file := filepath.Join(home, "wrapix", programsName)
	own, err := Program("claude")
	if known, _ := profile.ProgramOf("claude"); err != nil || own != known {
		t.Fatalf("%+v, %v", own, err)
	}
	other := own
	other.Version, other.Integrity = "9.8.7", "sha512-"+strings.Repeat("A", 86)+"=="
	for _, p := range []profile.Program{other, own} {
		if err := ChooseProgram(p); err != nil {
			t.Fatal(err)
		}
		if got, err := Program("claude"); err != nil || got != p {
			t.Errorf("chosen %+v, it is %+v, %v", p, got, err)
		}
	}
	if text, err := os.ReadFile(file); err != nil || strings.Contains(string(text), "claude") {
		t.Errorf("the choice that was taken back stays: %s %v", text, err)
	}
	for name, text := range map[string]string{
		"no JSON": "{", "a version that is a path": `{"claude":{"version":"../../x","integrity":"` + other.Integrity + `"}}`,
		"no integrity": `{"claude":{"version":"1.2.3"}}`, "a weak one": `{"claude":{"version":"1.2.3","integrity":"sha1-x"}}`,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if p, err := Program("claude"); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	bad := own
	bad.Version = "1; rm -rf /"
	if ChooseProgram(bad) == nil {
		t.Error("a command is taken for a version")
	}
}

// The agent's client is in the images of its sandboxes and in no others.
func TestWithAgent(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	c := Default()
	plain, err := c.ProfileOf("base")
	if err != nil {
		t.Fatal(err)
	}
	with, err := c.WithAgent(plain)
	if err != nil || len(with.Steps) != len(plain.Steps)+1 || with.Steps[len(plain.Steps)].Program.Name != "claude" {
		t.Errorf("%+v, %v", with.Steps, err)
	}
	c.Agent.Kind = AgentCommand
	if same, err := c.WithAgent(plain); err != nil || len(same.Steps) != len(plain.Steps) {
		t.Errorf("%+v, %v", same.Steps, err)
	}
}

func TestLogins(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"none":       {"[agent]\nkind = 'claude'\n", "f:2:1: agent.kind: claude needs a login: say in [secrets] where to find it"},
		"two":        {"[agent]\nkind = 'claude'\n[secrets]\nANTHROPIC_API_KEY = { env = 'A' }\nCLAUDE_CODE_OAUTH_TOKEN = { env = 'B' }\n", "f:2:1: agent.kind: claude has two logins, ANTHROPIC_API_KEY and CLAUDE_CODE_OAUTH_TOKEN"},
		"command":    {"[agent]\nkind = 'claude'\ncommand = ['x']\n[secrets]\nANTHROPIC_API_KEY = { env = 'A' }\n", `f:3:1: agent.command: is for kind = "command"`},
		"no use":     {"[agent]\ncommand = ['x']\nmodel = 'm'\n", `f:3:1: agent.model: kind = "command" has no use for it`},
		"address":    {"[agent]\nbase_url = 'ftp://x'\n[secrets]\nANTHROPIC_API_KEY = { env = 'A' }\n", `f:2:1: agent.base_url: "ftp://x" is no address`},
		"in the URL": {"[agent]\nbase_url = 'http://user:secret@x'\n[secrets]\nANTHROPIC_API_KEY = { env = 'A' }\n", `is no address such as`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse("f", []byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
	c, err := Parse("f", []byte("[agent]\nmodel = 'm'\nargs = ['--max-turns', '5']\nbase_url = 'http://127.0.0.1:1/'\n[secrets]\nCLAUDE_CODE_OAUTH_TOKEN = { env = 'A' }\n"))
	if err != nil || c.Login() != "CLAUDE_CODE_OAUTH_TOKEN" || c.Agent.Kind != AgentClaude || c.Agent.BaseURL != "http://127.0.0.1:1" || len(c.Agent.Args) != 2 {
		t.Errorf("%+v, %v", c.Agent, err)
	}
}
