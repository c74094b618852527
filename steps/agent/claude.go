package agent

import (
	"cmp"
	"encoding/json"

	"github.com/wrapix/wrapix/sandbox"
)

// Claude is Anthropic's Claude Code, without a person at it. Flags, variables and records are those of version 2.1.330, as
// they were measured on the real client.
type Claude struct {
	Model   string // empty is the client's own choice
	BaseURL string // empty is Anthropic's
	Args    []string
}

var _ Driver = Claude{}

// ring is the command of its hooks: the terminal's bell, which is how a desktop calls a person to a window. A hook has no
// terminal of its own, and the sandbox has one only. A hook that fails would keep the client from ending its turn.
const ring = `printf '\a' >/dev/pts/0 2>/dev/null || true`

// claudeURL is where the client goes by itself.
const claudeURL = "https://api.anthropic.com"

// claudeHome is where the client keeps its settings and sessions.
const claudeHome = sandbox.HomeDir + "/.claude"

// Kind is "claude".
func (c Claude) Kind() string { return "claude" }

// Launch starts the client with the prompt on standard input. The sandbox is the boundary, so it asks for no permission; of
// servers it has those that it is given here, and none of the project's.
func (c Claude) Launch(t Turn) Launch {
	args := append(c.args(), "--print", "--output-format", "stream-json", "--verbose",
		"--strict-mcp-config", "--mcp-config", `{"mcpServers":{}}`, "--exclude-dynamic-system-prompt-sections")
	return Launch{
		Command: sandbox.Command{Name: "agent", Args: append(args, c.Args...), Stdin: t.Prompt},
		Env:     c.env(), Files: []sandbox.File{claudeFile("settings.json", claudeSettings())},
	}
}

// Interactive starts the client for a person at a terminal, ready to type: what it would ask at its first start is answered.
// A key is read from the secret of that name by the client itself: in its environment it would ask whether to use it.
func (c Claude) Interactive(keyFile string) Launch {
	rings := []any{map[string]any{"hooks": []any{map[string]any{"type": "command", "command": ring}}}}
	settings := claudeSettings()
	settings["hooks"] = map[string]any{"Notification": rings, "Stop": rings}
	if keyFile != "" {
		settings["apiKeyHelper"] = "cat " + keyFile
	}
	state := map[string]any{
		"hasCompletedOnboarding": true, "bypassPermissionsModeAccepted": true,
		"projects": map[string]any{sandbox.WorkspaceDir: map[string]any{"hasTrustDialogAccepted": true, "hasCompletedProjectOnboarding": true}},
	}
	return Launch{
		Command: sandbox.Command{Name: "agent", Args: append(c.args(), c.Args...)},
		Env:     c.env(), Files: []sandbox.File{claudeFile("settings.json", settings), claudeFile(".claude.json", state)},
	}
}

func (c Claude) args() []string {
	args := []string{"claude", "--dangerously-skip-permissions"}
	if c.Model != "" {
		args = append(args, "--model", c.Model)
	}
	return args
}

func (c Claude) env() map[string]string {
	return map[string]string{
		"CLAUDE_CONFIG_DIR": claudeHome, "DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
		// Always: what the project sets as a variable needs no approval, and must not send the login elsewhere.
		"ANTHROPIC_BASE_URL": cmp.Or(c.BaseURL, claudeURL),
	}
}

// claudeSettings are those that both ways of starting the client have.
func claudeSettings() map[string]any {
	return map[string]any{"skipDangerousModePermissionPrompt": true, "theme": "dark"}
}

// claudeFile is a file of the client's home.
func claudeFile(name string, values map[string]any) sandbox.File {
	text, _ := json.Marshal(values) // of strings and booleans, which have no error
	return sandbox.File{Path: claudeHome + "/" + name, Text: string(text)}
}
