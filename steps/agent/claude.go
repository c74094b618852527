package agent

import (
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

// claudeHome is where the client keeps its settings and sessions.
const claudeHome = sandbox.HomeDir + "/.claude"

// Launch starts the client with the prompt on standard input. The sandbox is the boundary, so it asks for no permission; of
// servers it has those that it is given here, and none of the project's.
func (c Claude) Launch(t Turn) Launch {
	args := []string{
		"claude", "--print", "--output-format", "stream-json", "--verbose", "--dangerously-skip-permissions",
		"--strict-mcp-config", "--mcp-config", `{"mcpServers":{}}`, "--exclude-dynamic-system-prompt-sections",
	}
	if c.Model != "" {
		args = append(args, "--model", c.Model)
	}
	env := map[string]string{
		"CLAUDE_CONFIG_DIR": claudeHome, "DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
	}
	if c.BaseURL != "" {
		env["ANTHROPIC_BASE_URL"] = c.BaseURL
	}
	settings, _ := json.Marshal(map[string]any{ // of strings and booleans, which have no error
		"skipDangerousModePermissionPrompt": true, "theme": "dark",
	})
	return Launch{
		Command: sandbox.Command{Name: "agent", Args: append(args, c.Args...), Stdin: t.Prompt}, Env: env,
		Files: []sandbox.File{{Path: claudeHome + "/settings.json", Text: string(settings)}},
	}
}
