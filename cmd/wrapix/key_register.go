package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"

	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/key"
	"github.com/wrapix/wrapix/key/remote"
	"github.com/wrapix/wrapix/sandbox"
)

// github is the host that gh registers deploy keys with.
const github = "github.com"

// places say where a person registers a key, for hosts whose pages are known; %s is owner/name.
var places = map[string]string{
	github:         "at https://github.com/%s/settings/keys/new, with \"Allow write access\"",
	"gitlab.com":   "at https://gitlab.com/%s/-/settings/repository under \"Deploy keys\", with \"Grant write permissions to this key\"",
	"codeberg.org": "at https://codeberg.org/%s/settings/keys, with \"Enable Write Access\"",
	"gitea.com":    "at https://gitea.com/%s/settings/keys, with \"Enable Write Access\"",
}

// gitOnly is what makes a line of authorized_keys one for git only. It opens all repositories that the user can reach.
const gitOnly = `restrict,command="git-shell -c \"$SSH_ORIGINAL_COMMAND\""`

// place says where the repository's deploy keys are registered.
func place(r remote.Remote) string {
	if at, known := places[r.Host]; known {
		return fmt.Sprintf(at, r.Slug())
	}
	return "where " + r.Host + " keeps the deploy keys of " + r.Slug() + ", with the right to push"
}

// checkGh refuses --gh where gh cannot help, before anything is made.
func (o *keyOptions) checkGh(r remote.Remote) error {
	if !o.gh {
		return nil
	}
	if r.Host != github {
		return &usageError{what: "--gh is for repositories at " + github + ", not at " + r.Host}
	}
	if _, err := exec.LookPath("gh"); err != nil {
		return &usageError{what: "--gh: GitHub's client gh is not installed", try: "install gh, or leave --gh out and register the key on the web page"}
	}
	return nil
}

// mayGh says whether gh shall do something: where it can, and a person or the flag says so.
func (o *keyOptions) mayGh(ctx context.Context, r remote.Remote, question string) (bool, error) {
	if o.gh {
		return true, nil
	}
	if _, err := exec.LookPath("gh"); err != nil || r.Host != github || !isTerminal(o.streams.in) {
		return false, nil
	}
	return yes(ctx, o.streams, question)
}

// register has gh register a pair, or says what is to be pasted and where.
func (o *keyOptions) register(ctx context.Context, k key.Key, p key.Pair) error {
	may, err := o.mayGh(ctx, k.Remote, "Register it at GitHub now, with the right to push, by gh?")
	if err != nil {
		return err
	}
	if !may {
		fmt.Fprintf(o.streams.out, "register it %s:\n\n%s\n", place(k.Remote), p.Line(k.Remote))
		if _, known := places[k.Remote.Host]; !known {
			fmt.Fprintf(o.streams.out, "\nIn a file authorized_keys, with this in front, or it opens a shell too:\n\n%s\n", gitOnly)
		}
		return nil
	}
	_, err = gh(ctx, "repo", "deploy-key", "add", k.PublicFile(p), "--repo", k.Remote.Slug(), "--title", key.Title(k.Remote), "--allow-write")
	if err != nil {
		return &sandbox.Error{Op: "register the key", Err: err, Hint: "register it " + place(k.Remote) + ": " + p.Line(k.Remote)}
	}
	fmt.Fprintf(o.streams.out, "registered it at GitHub for %s, with the right to push\n", k.Remote.Slug())
	return nil
}

// unregister has gh remove a pair that is not in use any more, or says what is to be removed.
func (o *keyOptions) unregister(ctx context.Context, k key.Key, p key.Pair) error {
	fingerprint := key.Fingerprint(p.Public)
	may, err := o.mayGh(ctx, k.Remote, "Remove the key "+fingerprint+" at GitHub now, by gh?")
	if err != nil {
		return err
	}
	if !may {
		fmt.Fprintf(o.streams.out, "the server still knows %s: remove it there\n", fingerprint)
		return nil
	}
	id, err := registered(ctx, k.Remote, p)
	if err == nil {
		_, err = gh(ctx, "repo", "deploy-key", "delete", id, "--repo", k.Remote.Slug())
	}
	if err != nil {
		return &sandbox.Error{Op: "remove the key " + fingerprint + " at GitHub", Err: err, Hint: fmt.Sprintf("remove it at https://github.com/%s/settings/keys", k.Remote.Slug())}
	}
	fmt.Fprintf(o.streams.out, "removed %s at GitHub\n", fingerprint)
	return nil
}

// registered finds the number that GitHub has given a key.
func registered(ctx context.Context, r remote.Remote, p key.Pair) (string, error) {
	out, err := gh(ctx, "api", "repos/"+r.Slug()+"/keys?per_page=100")
	if err != nil {
		return "", err
	}
	var list []struct {
		ID  int64  `json:"id"`
		Key string `json:"key"`
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		return "", fmt.Errorf("read what gh says: %w", err)
	}
	want := p.Bare()
	for _, k := range list {
		if strings.HasPrefix(k.Key+" ", want+" ") {
			return strconv.FormatInt(k.ID, 10), nil
		}
	}
	return "", errors.New("GitHub does not have it among the repository's keys")
}

// gh runs GitHub's client, away from the project: git's configuration there is in reach of agents.
func gh(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "gh", args...)
	cmd.Dir = "/"
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("gh %s: %w: %s", args[0], err, terminal.Line(strings.TrimSpace(said.String())))
	}
	return string(out), nil
}
