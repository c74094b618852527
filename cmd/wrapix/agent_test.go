package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/wrapix/wrapix/internal/modelserver"
)

// agentProject is a project whose agent is Claude Code with a scripted service, approved.
func agentProject(t *testing.T, script string) string {
	t.Helper()
	answers, err := modelserver.Parse(script)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(modelserver.New(answers))
	t.Cleanup(server.Close)
	dir := filepath.Join(t.TempDir(), "p")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	port := server.URL[strings.LastIndexByte(server.URL, ':')+1:]
	text := fmt.Sprintf(`
[agent]
kind = "claude"
base_url = "http://127.0.0.1:%s"
model = "sonnet"
[sandbox]
network = "none"
host_ports = [%s]
[secrets]
ANTHROPIC_API_KEY = { env = "MODEL_KEY" }
`, port, port)
	if err := os.WriteFile(filepath.Join(dir, "wrapix.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("wrapix", "trust", "--yes", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// Which can take minutes, unlike all else here.
	build := exec.Command("wrapix", "image", "build")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

// title sets that of a terminal, and ends with what is a bell elsewhere.
var title = regexp.MustCompile("\x1b\\][^\a]*\a")

// Without a command it is the agent, signed in, ready to type and without a question before.
func TestAgentOnATerminal(t *testing.T) {
	t.Setenv("MODEL_KEY", "sk-ant-of-a-test-0123456789")
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	for name, value := range outside {
		t.Setenv(name, value)
	}
	dir := agentProject(t, "==\ntext hello-of-the-model\n")
	s := startOnScreen(t, 100, 30, dir)
	s.until(t, "❯")
	s.typed(t, "greet")
	s.until(t, "greet")
	s.typed(t, "\r")
	s.until(t, "hello-of-the-model")
	s.until(t, "0;✳ Claude Code\a") // it has nothing to do any more
	s.typed(t, "/exit")
	s.until(t, "/exit")
	s.typed(t, "\r")
	if code := s.code(); code != 0 {
		t.Errorf("exit code %d: %q", code, s.seen+s.ahead)
	}
	if !strings.Contains(title.ReplaceAllString(s.seen+s.ahead, ""), "\a") {
		t.Errorf("its hook did not ring: %q", s.seen+s.ahead)
	}
	if strings.Contains(s.seen, "Do you want") || strings.Contains(s.seen+s.ahead, "sk-ant-of") {
		t.Errorf("it asked, or told the key: %q", s.seen)
	}
	left, err := exec.Command("podman", "ps", "--all", "--quiet", "--filter", "label=wrapix.project="+dir).CombinedOutput()
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %s %v", left, err)
	}
}

func TestAgentThatCannotStart(t *testing.T) {
	dir := project(t)
	for name, tt := range map[string]struct{ config, want string }{
		"no login":  {"", "claude is not signed in"},
		"a command": {"[agent]\ncommand = ['./agent.sh']\n", "the agent of wrapix.toml is a command without a terminal: ./agent.sh"},
		"a pipe":    {"[agent]\n[sandbox.env]\nANTHROPIC_API_KEY = 'x'\n", "claude needs a terminal"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(dir, "wrapix.toml"), []byte(tt.config), 0o600); err != nil {
				t.Fatal(err)
			}
			wants(t, dir, exitUsage, []string{tt.want})
		})
	}
}
