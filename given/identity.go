package given

import (
	"context"
	"os"
	"os/exec"
	"strings"

	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/trust"
)

// GitIdentity is a configuration of git's with the user's name and address, which commits made inside then have, and
// nothing else of the user's: no credentials, no programs. It is none where the host has no git or git knows no name.
// A repository that has its own name for the user keeps that.
func (h Host) GitIdentity(ctx context.Context) []sandbox.File {
	git, err := exec.LookPath("git")
	if err != nil || trust.Outside(h.Project, git) != nil {
		return nil
	}
	// Only the user's own file is asked, from outside of any repository: git runs what a repository's configuration names.
	cmd := exec.CommandContext(ctx, git, "config", "--global", "--null", "--get-regexp", `^user\.(name|email)$`)
	cmd.Dir = "/"
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL"} {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	out, err := cmd.Output()
	if err != nil {
		return nil
	}
	text := gitConfig(string(out))
	if text == "" {
		return nil
	}
	return []sandbox.File{{Path: sandbox.HomeDir + "/.gitconfig", Text: text}}
}

// longestName bounds what is taken over of a name; a real one has some dozen characters.
const longestName = 200

// gitConfig writes what git printed (key, newline, value, NUL) as a configuration file. Of several values the last holds.
func gitConfig(printed string) string {
	values := map[string]string{}
	for entry := range strings.SplitSeq(printed, "\x00") {
		key, value, _ := strings.Cut(entry, "\n")
		values[key] = value
	}
	var b strings.Builder
	for _, key := range []string{"name", "email"} {
		value := strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return -1
			}
			return r
		}, strings.ToValidUTF8(values["user."+key], ""))
		if value == "" || len(value) > longestName {
			continue
		}
		b.WriteString("\t" + key + ` = "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + "\"\n")
	}
	if b.Len() == 0 {
		return ""
	}
	return "[user]\n" + b.String()
}
