package mounts

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// rule is one place of the host that is never mounted, nor anything that contains it, nor anything in it.
type rule struct {
	path string // ~ is the user's home folder, $NAME what a variable names
	why  string
	kind kind
}

type kind int

const (
	personal    kind = iota // a person may name it on the command line
	final                   // nobody may: with it the host is given away
	itself                  // personal, and what lies in it may be mounted
	itselfFinal             // final, and what lies in it may be mounted
	written                 // personal, and it may be read
)

// never is the list. What is on it are the keys of a person to other places, what opens the host to whoever holds it,
// and what the host runs by itself. It cannot be complete: whoever mounts a folder shows what is in it.
var never = []rule{
	// The host itself.
	{"/", "that is the whole host", itselfFinal},
	{"/proc", "through it every process of yours can be read and changed", final},
	{"/sys", "through it the kernel is configured", final},
	{"/dev", "devices are the host's", final},
	{"/run", "the sockets of the host's services lie there, and through the container engine's the host can be had whole", final},
	{"/var/run", "the sockets of the host's services lie there", final},
	{"/boot", "the kernel lies there", final},
	{"$XDG_RUNTIME_DIR", "the sockets of your session lie there", final},
	{"/etc/shadow", "the passwords of the host", final},
	{"/etc/sudoers", "who may become root", final},
	{"/tmp", "other programs keep sockets and files there; mount a folder in it", itself},
	{"/var/tmp", "other programs keep files there; mount a folder in it", itself},
	{"/home", "all users' files", itself},
	{"~", "with your home folder every key of yours would be inside", itselfFinal},

	// The container engine, and ourselves: who writes there makes the next sandbox.
	{"/var/run/docker.sock", "whoever reaches the container engine has the host", final},
	{"/var/lib/docker", "the container engine's storage", final},
	{"/var/lib/containers", "the container engine's storage", final},
	{"/var/lib/containerd", "the container engine's storage", final},
	{"~/.local/share/containers", "the container engine's storage, images and secrets", final},
	{"~/.config/containers", "it says how containers are made", final},
	{"~/.local/share/docker", "the container engine's storage", final},
	{"~/.docker/run", "the container engine's socket", final},
	{"~/.colima", "the container engine's socket", final},
	{"~/.lima", "the container engine's socket", final},
	{"~/.rd", "the container engine's socket", final},
	{"~/.local/state/ralph", "what happened is recorded there, and what you approved", final},
	{"$RALPH_STATE_DIR", "what happened is recorded there, and what you approved", final},
	{"$XDG_STATE_HOME/ralph", "what happened is recorded there, and what you approved", final},
	{"$XDG_CACHE_HOME/wrapix", "process 1 of every sandbox lies there", final},
	{"$XDG_DATA_HOME/containers", "the container engine's storage, images and secrets", final},
	{"$XDG_CONFIG_HOME/containers", "it says how containers are made", final},
	{"~/.cache/wrapix", "process 1 of every sandbox lies there", final},

	// Keys to other machines and services.
	{"$XDG_STATE_HOME/wrapix", "deploy keys lie there", final},
	{"~/.local/state/wrapix", "deploy keys lie there", final},
	{"~/.ssh", "SSH keys", personal},
	{"$SSH_AUTH_SOCK", "whoever reaches the SSH agent can use your keys", personal},
	{"~/.gnupg", "GnuPG keys", personal},
	{"$GNUPGHOME", "GnuPG keys", personal},
	{"~/.aws", "keys to AWS", personal},
	{"~/.azure", "keys to Azure", personal},
	{"~/.config/gcloud", "keys to Google Cloud", personal},
	{"~/.boto", "keys to cloud storage", personal},
	{"~/.config/doctl", "keys to DigitalOcean", personal},
	{"~/.config/hcloud", "keys to Hetzner", personal},
	{"~/.oci", "keys to Oracle's cloud", personal},
	{"~/.terraform.d", "keys to Terraform's services", personal},
	{"~/.terraformrc", "keys to Terraform's services", personal},
	{"~/.kube", "keys to Kubernetes clusters", personal},
	{"$KUBECONFIG", "keys to Kubernetes clusters", personal},
	{"~/.docker", "keys to registries", personal},
	{"$DOCKER_CONFIG", "keys to registries", personal},
	{"~/.vault-token", "a key to Vault", personal},
	{"~/.config/rclone", "keys to cloud storage", personal},
	{"~/.config/sops", "keys that decrypt secrets", personal},
	{"~/.config/age", "keys that decrypt secrets", personal},
	{"~/.age", "keys that decrypt secrets", personal},
	{"~/.netrc", "passwords of servers", personal},
	{"~/.authinfo", "passwords of servers", personal},
	{"~/.authinfo.gpg", "passwords of servers", personal},
	{"~/.pgpass", "passwords of databases", personal},
	{"~/.my.cnf", "passwords of databases", personal},
	{"~/.git-credentials", "passwords of repositories", personal},
	{"~/.config/git/credentials", "passwords of repositories", personal},
	{"~/.config/gh", "a key to GitHub", personal},
	{"~/.config/hub", "a key to GitHub", personal},
	{"~/.config/glab-cli", "a key to GitLab", personal},
	{"~/.config/tea", "a key to Gitea", personal},
	{"~/.npmrc", "keys to package registries", personal},
	{"~/.yarnrc.yml", "keys to package registries", personal},
	{"~/.pypirc", "keys to package registries", personal},
	{"~/.config/pip", "keys to package registries", personal},
	{"~/.cargo/credentials", "keys to package registries", personal},
	{"~/.cargo/credentials.toml", "keys to package registries", personal},
	{"~/.gem/credentials", "keys to package registries", personal},
	{"~/.m2/settings.xml", "keys to package registries", personal},
	{"~/.gradle/gradle.properties", "keys to package registries", personal},
	{"~/.config/composer", "keys to package registries", personal},
	{"~/.config/nix", "keys to package registries", personal},

	// Passwords, and sessions in which somebody is logged in.
	{"~/.password-store", "a password store", personal},
	{"~/.local/share/keyrings", "a keyring", personal},
	{"~/.local/share/kwalletd", "a keyring", personal},
	{"~/.config/1Password", "a password manager", personal},
	{"~/.config/op", "a password manager", personal},
	{"~/.config/Bitwarden", "a password manager", personal},
	{"~/.config/Bitwarden CLI", "a password manager", personal},
	{"~/.config/keepassxc", "a password manager", personal},
	{"~/.mozilla", "a browser profile", personal},
	{"~/.config/mozilla", "a browser profile", personal},
	{"~/.config/google-chrome", "a browser profile", personal},
	{"~/.config/chromium", "a browser profile", personal},
	{"~/.config/BraveSoftware", "a browser profile", personal},
	{"~/.config/microsoft-edge", "a browser profile", personal},
	{"~/.config/vivaldi", "a browser profile", personal},
	{"~/.config/opera", "a browser profile", personal},
	{"~/.var/app", "what sandboxed desktop programs keep, browser profiles too", personal},
	{"~/snap", "what snaps keep, browser profiles too", personal},
	{"~/.thunderbird", "mail and its passwords", personal},
	{"~/.config/Signal", "messages", personal},
	{"~/.config/Slack", "a session of Slack", personal},
	{"~/.config/discord", "a session of Discord", personal},
	{"~/.Xauthority", "whoever has it reads your keyboard", personal},
	{"~/.bash_history", "commands with what was typed in them", personal},
	{"~/.zsh_history", "commands with what was typed in them", personal},

	// What the host runs by itself: who may write there leaves the sandbox at your next login.
	{"~/.bashrc", "your shell runs it", written},
	{"~/.bash_profile", "your shell runs it", written},
	{"~/.bash_login", "your shell runs it", written},
	{"~/.bash_logout", "your shell runs it", written},
	{"~/.profile", "your shell runs it", written},
	{"~/.zshrc", "your shell runs it", written},
	{"~/.zshenv", "your shell runs it", written},
	{"~/.zprofile", "your shell runs it", written},
	{"~/.config/fish", "your shell runs it", written},
	{"~/.config/autostart", "your desktop runs it", written},
	{"~/.config/systemd", "your session runs it", written},
	{"~/.config/environment.d", "your session reads it", written},
	{"~/.local/share/applications", "your desktop runs it", written},
	{"~/.local/bin", "your shell finds programs there", written},
	{"~/bin", "your shell finds programs there", written},
	{"~/.cargo/bin", "your shell finds programs there", written},
	{"~/go/bin", "your shell finds programs there", written},
	{"~/.gitconfig", "git runs what it names", written},
	{"~/.config/git", "git runs what it names", written},
	{"~/.vimrc", "your editor runs it", written},
	{"~/.config/nvim", "your editor runs it", written},
	{"~/.config/Code", "your editor runs it", written},
	{"~/.vscode", "your editor runs it", written},
}

// entry is a rule with the place that it is about.
type entry struct {
	rule
	lexical string // as it is written, so that what is not there yet counts as well
	at      *place // nil where nothing is there
	final   bool
}

// denied looks the list up on this host.
func (p Policy) denied() ([]entry, error) {
	rules := never
	for _, dir := range p.Private {
		rules = append(rules[:len(rules):len(rules)], rule{dir, "no sandbox may see what we keep there", final})
	}
	home := p.Home
	if at, err := follow(home); err == nil && home != "" {
		home = at.path // also what is not there yet is known by the name that leads there without links
	}
	var list []entry
	for _, r := range rules {
		name := r.path
		if variable, ok := strings.CutPrefix(name, "$"); ok {
			variable, rest, _ := strings.Cut(variable, "/")
			name = ""
			if p.Getenv != nil {
				name = filepath.Join(p.Getenv(variable), rest)
			}
		} else if rest, ok := strings.CutPrefix(name, "~"); ok {
			name = ""
			if home != "" {
				name = home + rest
			}
		}
		if !filepath.IsAbs(name) {
			continue
		}
		e := entry{rule: r, lexical: filepath.Clean(name), final: r.kind == final || r.kind == itselfFinal}
		at, err := follow(name)
		nothing := slices.ContainsFunc([]error{fs.ErrNotExist, fs.ErrPermission, unix.ENOTDIR, unix.ELOOP}, func(e error) bool { return errors.Is(err, e) })
		if err == nil {
			e.at = &at
		} else if !nothing {
			return nil, fmt.Errorf("look for what is never mounted: %w", err)
		}
		list = append(list, e)
	}
	return list, nil
}

// matches says why the entry forbids a mount of the place, or nothing.
func (e entry) matches(at place, writable bool) string {
	if e.kind == written && !writable {
		return ""
	}
	same := at.path == e.lexical || e.at != nil && at.self() == e.at.self()
	in := below(at.path, e.lexical) || e.at != nil && at.inside(*e.at)
	around := below(e.lexical, at.path) || e.at != nil && e.at.inside(at)
	if e.kind == itself || e.kind == itselfFinal {
		in = false
	}
	switch {
	case same:
		return fmt.Sprintf("%s is never mounted: %s", e.path, e.why)
	case in:
		return fmt.Sprintf("%s lies in %s, which is never mounted: %s", at.path, e.path, e.why)
	case around:
		return fmt.Sprintf("%s contains %s, which is never mounted: %s", at.path, e.path, e.why)
	}
	return ""
}

// below says whether a path lies below a folder, by name.
func below(name, folder string) bool {
	return strings.HasPrefix(name, strings.TrimSuffix(folder, "/")+"/") && name != folder
}
