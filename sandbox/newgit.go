package sandbox

import (
	"os"
	"path/filepath"
)

// HasGit says whether the folder has a `.git` of whatever kind. With one there, a sandbox can change neither its hooks nor
// its configuration. A sandbox that makes the first one writes both, and the host's git would do what they say.
func HasGit(workspace string) bool {
	_, err := os.Lstat(filepath.Join(workspace, ".git"))
	return err == nil
}

// NewGitWords tells a person of a `.git` that a sandbox made, and what to do.
func NewGitWords(workspace, who string) string {
	return who + " made " + filepath.Join(workspace, ".git") + ", and none was there before. Run no git of this machine in that folder: " +
		"its hooks and its configuration are the agent's, and git runs what they name. " +
		"Look with: wrapix -- git log -p. Then remove it, or put one of your own in its place (docs/sandbox.md)"
}
