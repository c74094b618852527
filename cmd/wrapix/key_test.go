package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wrapix/wrapix/key"
	"github.com/wrapix/wrapix/key/keytest"
	"github.com/wrapix/wrapix/key/remote"
	"github.com/wrapix/wrapix/sandbox/podman"
)

// sshImage has the host's git and OpenSSH.
const sshImage = "localhost/wrapix-test-ssh:1"

func importSSHImage(t *testing.T) {
	t.Helper()
	engine, err := podman.Connect(context.Background(), podman.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	var tree bytes.Buffer
	if err := keytest.ImageTar(&tree); err != nil {
		t.Fatal(err)
	}
	if err := engine.ImportImage(context.Background(), &tree, sshImage, nil); err != nil {
		t.Fatal(err)
	}
}

// keyHome gives the test a state folder of its own.
func keyHome(t *testing.T) {
	t.Helper()
	t.Setenv("XDG_STATE_HOME", t.TempDir())
}

// wrapix runs the command in a folder.
func wrapix(t *testing.T, dir string, args ...string) (out string, code int) {
	t.Helper()
	cmd := exec.Command("wrapix", args...)
	cmd.Dir = dir
	b, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(b), cmd.ProcessState.ExitCode()
}

// wants fails the test unless the command ends with the code and says the texts.
func wants(t *testing.T, dir string, code int, texts []string, args ...string) string {
	t.Helper()
	out, got := wrapix(t, dir, args...)
	if got != code {
		t.Fatalf("wrapix %q: code %d, not %d: %s", args, got, code, out)
	}
	for _, text := range texts {
		if !strings.Contains(out, text) {
			t.Errorf("wrapix %q does not say %q: %s", args, text, out)
		}
	}
	return out
}

func listedKeys(t *testing.T) []keyDocument {
	t.Helper()
	out, code := wrapix(t, "/", "key", "list", "--json")
	var doc keysDocument
	if err := json.Unmarshal([]byte(out), &doc); err != nil || code != 0 || doc.Schema != 1 || doc.Keys == nil {
		t.Fatalf("code %d, %v: %s", code, err, out)
	}
	return doc.Keys
}

// A sandbox pushes with real git and ssh to a real sshd, once a person approved it, and cannot reach the key.
func TestPushFromSandbox(t *testing.T) {
	for _, mode := range []string{"agent", "file"} {
		t.Run(mode, func(t *testing.T) {
			importSSHImage(t)
			keyHome(t)
			s := keytest.Start(t)
			dir := filepath.Join(t.TempDir(), "p")
			keytest.Repository(t, dir, s.InsideAddress())
			text := fmt.Sprintf("[sandbox]\nimage = %q\ndeploy_key = { remote = %q, mode = %q }\n", sshImage, s.InsideAddress(), mode)
			keytest.Write(t, filepath.Join(dir, "wrapix.toml"), text, 0o644)

			wants(t, dir, 2, []string{"nobody has approved: new: sandbox.deploy_key: let what runs in the sandbox push to", "try: wrapix trust"}, "--", "true")
			wants(t, dir, 0, []string{"trusted"}, "trust", "--yes")
			wants(t, dir, 2, []string{"there is no deploy key for ssh://agent@", "try: wrapix key create ssh://agent@"}, "--", "true")
			wants(t, dir, 0, []string{"made the deploy key of ssh://agent@"}, "key", "create", "origin", "--host-key", s.HostFingerprint(t))
			s.Inside(t, dir, listedKeys(t)[0].PublicKey)

			wants(t, dir, 0, nil, "--", "sh", "-ec", "server/up; git push -q origin main; git fetch -q origin")
			if head := keytest.Run(t, "git", "-C", filepath.Join(dir, "server", "a.git"), "rev-parse", "main"); head != keytest.Run(t, "git", "-C", dir, "rev-parse", "main") {
				t.Errorf("the server has %s", head)
			}
			wants(t, dir, 128, []string{"reaches no other host over ssh"}, "--", "git", "push", "git@example.org:o/n.git", "main")
			wants(t, dir, 1, nil, "--", "sh", "-c", "echo x >/run/deploy-key/ssh/config || mv /run/deploy-key/ssh /run/deploy-key/x || rm -rf /run/deploy-key")
			holds := "cat $(find /run/deploy-key -type f) | grep -q 'OPENSSH PRIVATE'"
			if mode == "file" {
				wants(t, dir, 0, nil, "--", "sh", "-c", holds)
				return
			}
			wants(t, dir, 1, nil, "--", "sh", "-c", holds)
			wants(t, dir, 0, nil, "--", "sh", "-ec", "export SSH_AUTH_SOCK=/run/deploy-key/agent/agent.sock; ssh-add -l; ! ssh-add -D; ! rm $SSH_AUTH_SOCK")
			out, code := wrapix(t, dir, "--", "sh", "-c", "SSH_AUTH_SOCK=/run/deploy-key/agent/agent.sock ssh-keygen -Y sign -f /run/deploy-key/ssh/id_ed25519.pub -n file wrapix.toml")
			if code == 0 || !strings.Contains(out, "refused") {
				t.Errorf("a file was signed: code %d: %s", code, out)
			}
			// Of one that was killed, prune removes all that the sandbox had of the key.
			p := start(t, dir, "--", "sh", "-c", "echo up; exec cat /dev/zero >/dev/null")
			p.line(t, "up")
			if err := p.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = p.Wait()
			wants(t, dir, 0, []string{"its process is gone"}, "prune")
			if left, _ := filepath.Glob(filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "wrapix", "running", "*")); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

func TestKeyLife(t *testing.T) {
	keyHome(t)
	s := keytest.Start(t)
	address := s.Address("a.git")
	dir := t.TempDir()
	fingerprint := s.HostFingerprint(t)

	wants(t, dir, 0, []string{"no deploy keys"}, "key", "list")
	wants(t, dir, 2, []string{"shows the host key " + fingerprint, "standard input is no terminal", "try: wrapix key create " + address + " --host-key " + fingerprint}, "key", "create", address)
	wants(t, dir, 2, []string{"does not have the host key SHA256:x; it shows " + fingerprint}, "key", "create", address, "--host-key", "SHA256:x")
	if keys := listedKeys(t); len(keys) > 0 {
		t.Errorf("keys: %+v", keys)
	}
	out := wants(t, dir, 0, []string{"register it where 127.0.0.1 keeps the deploy keys", "\nssh-ed25519 AAAA", "deploy_key = \"" + address + "\""}, "key", "create", address, "--yes")
	wants(t, dir, 2, []string{"there is a deploy key already", "try: wrapix key rotate " + address}, "key", "create", address, "--yes")
	first := listedKeys(t)[0]
	if !strings.Contains(out, first.PublicKey) || first.Remote != address || first.HostKey != fingerprint || first.AgeDays != 0 || first.Rotate || first.Waiting {
		t.Errorf("key: %+v", first)
	}
	for path, mode := range map[string]os.FileMode{
		filepath.Dir(first.Folder): 0o700, first.Folder: 0o700, first.Folder + "/key.json": 0o600, first.Folder + "/1": 0o700,
		first.Folder + "/1/id_ed25519": 0o600, first.Folder + "/1/id_ed25519.pub": 0o600,
	} {
		if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", path, fi.Mode(), err)
		}
	}

	// The old key stays until the new one can push.
	s.Authorize(t, "a.git", first.PublicKey)
	out = wants(t, dir, 1, []string{"\nssh-ed25519 AAAA", "the old key stays in use: the server refuses the key", "try: register the new key, then: wrapix key rotate " + address}, "key", "rotate", address)
	if waiting := listedKeys(t)[0]; !waiting.Waiting || waiting.PublicKey != first.PublicKey {
		t.Errorf("waits: %+v", waiting)
	}
	wants(t, dir, 0, []string{"a new key waits to be registered"}, "key", "list")
	var next string
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "ssh-ed25519 ") {
			next = strings.TrimSpace(line)
		}
	}
	wants(t, dir, 1, []string{next}, "key", "rotate", address) // and shows the same again
	s.Authorize(t, "a.git", first.PublicKey, next)
	wants(t, dir, 0, []string{"is now SHA256:", "the server still knows " + first.Fingerprint + ": remove it there"}, "key", "rotate", address)
	if now := listedKeys(t)[0]; now.PublicKey != next || now.Waiting {
		t.Errorf("rotated: %+v", now)
	}
	wants(t, dir, 0, []string{"\nssh-ed25519 AAAA", "is now SHA256:"}, "key", "rotate", "--now", address)
	wants(t, dir, 2, []string{"no terminal to ask on", "try: wrapix key remove --yes"}, "key", "remove", address)
	wants(t, dir, 0, []string{"removed the deploy key"}, "key", "remove", "--yes", address)
	wants(t, dir, 2, []string{"there is no deploy key", "try: wrapix key list"}, "key", "remove", "--yes", address)
	wants(t, dir, 2, []string{"there is no deploy key", "try: wrapix key create"}, "key", "rotate", address)
}

// A person is asked whether the host key is the right one, and nothing is made without a yes.
func TestKeyAsks(t *testing.T) {
	keyHome(t)
	s := keytest.Start(t)
	address := s.Address("a.git")
	for _, c := range []struct {
		keys string
		code int
		made int
	}{{"n\r", 1, 0}, {"\r", 1, 0}, {"\x03", 130, 0}, {"y\r", 0, 1}} {
		screen := startOnScreen(t, 200, 30, "key", "create", address)
		screen.until(t, "shows the host key "+s.HostFingerprint(t))
		screen.until(t, "Is it the right one? [y/N] ")
		screen.typed(t, c.keys)
		if code := screen.code(); code != c.code || len(listedKeys(t)) != c.made {
			t.Errorf("%q: code %d, keys %+v", c.keys, code, listedKeys(t))
		}
	}
}

// The person's own ssh may know the server already, or know better.
func TestKeyKnownHosts(t *testing.T) {
	keyHome(t)
	s, other := keytest.Start(t), keytest.Start(t)
	address := s.Address("a.git")
	t.Setenv("HOME", t.TempDir()) // of wrapix key, which does without Podman
	known := func(text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(os.Getenv("HOME"), ".ssh"), 0o700); err != nil {
			t.Fatal(err)
		}
		keytest.Write(t, filepath.Join(os.Getenv("HOME"), ".ssh", "known_hosts"), text, 0o600)
	}
	line := func(s *keytest.Server) string {
		public, err := os.ReadFile(filepath.Join(s.Dir, "host_key.pub"))
		if err != nil {
			t.Fatal(err)
		}
		return string(public)
	}
	at := fmt.Sprintf("[127.0.0.1]:%d ", s.Port)
	known(at + line(other))
	for _, flags := range [][]string{nil, {"--yes"}} {
		wants(t, "/", 2, []string{"your own ~/.ssh/known_hosts has another key for it: " + other.HostFingerprint(t)}, append([]string{"key", "create", address}, flags...)...)
	}
	known("@revoked " + at + line(s))
	wants(t, "/", 2, []string{"another key for it"}, "key", "create", address, "--yes")
	known("no line of ssh\n")
	wants(t, "/", 2, []string{"known_hosts", "try: wrapix key create " + address + " --host-key SHA256:"}, "key", "create", address, "--yes")
	known("[127.0.0.1]:1 " + line(s))
	wants(t, "/", 2, []string{"no terminal to ask on"}, "key", "create", address)
	known(at + line(s))
	wants(t, "/", 0, []string{"as in your ~/.ssh/known_hosts"}, "key", "create", address)
	wants(t, "/", 0, nil, "key", "remove", "--yes", address)
	known(at + line(other))
	wants(t, "/", 0, []string{"made the deploy key"}, "key", "create", address, "--host-key", s.HostFingerprint(t))
}

// Keys of 90 days are to be exchanged. What became of a key's files is told, and no key that others may have read is
// used.
func TestKeyOldAndDamaged(t *testing.T) {
	keyHome(t)
	s := keytest.Start(t)
	r, err := remote.Parse(s.Address("a.git"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := key.Open("")
	if err != nil {
		t.Fatal(err)
	}
	hosts, err := key.HostKeys(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	k, err := keys.Create(r, hosts[0], time.Now().Add(-key.OldAfter-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	wants(t, "/", 0, []string{"90 d", "old: wrapix key rotate " + r.String()}, "key", "list")
	if d := listedKeys(t)[0]; d.AgeDays != 90 || !d.Rotate {
		t.Errorf("%+v", d)
	}
	private := filepath.Join(k.Folder(k.Current), "id_ed25519")
	if err := os.Chmod(private, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Signer(k.Current); err == nil || !strings.Contains(err.Error(), "others can open") {
		t.Errorf("an open key: %v", err)
	}
	keytest.Write(t, filepath.Join(k.Dir, "key.json"), "{}", 0o600)
	wants(t, "/", 1, []string{"the deploy key is damaged"}, "key", "list")
	other, err := remote.Parse(s.Address("b.git"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Create(other, hosts[0], time.Now()); err != nil {
		t.Fatal(err)
	}
	wants(t, "/", 1, []string{"the deploy key is damaged", other.String() + " "}, "key", "list") // which hides no other
	wants(t, "/", 1, []string{"to remove it as it is: rm -r " + k.Dir}, "key", "remove", "--yes", r.String())

	dir := t.TempDir()
	keytest.Repository(t, dir, r.String())
	t.Setenv("XDG_STATE_HOME", filepath.Join(dir, "state"))
	wants(t, dir, 2, []string{"in the project, where agents write", "try: name a folder outside"}, "key", "create", "origin")
}

// With GitHub's client the key is registered and removed there. The stand-in answers as the client's manual says, and
// writes its arguments down.
func TestKeyAtGitHub(t *testing.T) {
	keyHome(t)
	r, err := remote.Parse("git@github.com:o/n.git")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	log := filepath.Join(bin, "log")
	gh := "#!/bin/sh\necho \"$*\" >>" + log + "\npwd >>" + log + "\n" +
		"case $1 in api) cat " + bin + "/keys ;; esac\ntest ! -e " + bin + "/fail || { echo 'HTTP 404: Not Found' >&2; exit 1; }\n"
	keytest.Write(t, filepath.Join(bin, "gh"), gh, 0o755)
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	keys, err := key.Open("")
	if err != nil {
		t.Fatal(err)
	}
	s := keytest.Start(t)
	of, err := remote.Parse(s.Address("a.git"))
	if err != nil {
		t.Fatal(err)
	}
	hosts, err := key.HostKeys(t.Context(), of)
	if err != nil {
		t.Fatal(err)
	}
	k, err := keys.Create(r, hosts[0], time.Now())
	if err != nil {
		t.Fatal(err)
	}
	wants(t, "/", 2, []string{"--gh is for repositories at github.com"}, "key", "create", "--gh", of.String())
	// GitHub itself is not asked: --now says that the new key works.
	wants(t, "/", 0, []string{"registered it at GitHub for o/n, with the right to push", "is now SHA256:", "removed SHA256:"}, append([]string{"key", "rotate", "--now", "--gh"}, prepareKeys(t, bin, k)...)...)
	got, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	want := "repo deploy-key add " + k.Dir + "/2/id_ed25519.pub --repo o/n --title wrapix:o/n --allow-write\n/\n" +
		"api repos/o/n/keys?per_page=100\n/\nrepo deploy-key delete 17 --repo o/n\n/\n"
	if string(got) != want {
		t.Errorf("gh was asked\n%swant\n%s", got, want)
	}
	keytest.Write(t, filepath.Join(bin, "fail"), "", 0o600)
	if err := os.Remove(filepath.Join(bin, "fail")); err != nil {
		t.Fatal(err)
	}
	for answer, want := range map[string]string{
		"n\r": "register it at https://github.com/o/n/settings/keys/new, with \"Allow write access\":", "y\r": "registered it at GitHub for o/n",
	} {
		screen := startOnScreen(t, 300, 30, "key", "rotate", "--now", r.String())
		screen.until(t, "Register it at GitHub now, with the right to push, by gh? [y/N] ")
		screen.typed(t, answer)
		screen.until(t, want)
		screen.until(t, "at GitHub now, by gh? [y/N] ")
		screen.typed(t, "n\r")
		screen.until(t, "the server still knows SHA256:")
		if code := screen.code(); code != 0 {
			t.Errorf("%q: code %d", answer, code)
		}
	}
	keytest.Write(t, filepath.Join(bin, "fail"), "", 0o600)
	wants(t, "/", 1, []string{"register the key: gh repo: exit status 1: HTTP 404: Not Found", "try: register it at https://github.com/o/n/settings/keys/new"}, "key", "rotate", "--now", "--gh", r.String())
	wants(t, "/", 1, []string{"removed the deploy key", "at GitHub: gh api: exit status 1", "try: remove it at https://github.com/o/n/settings/keys"}, "key", "remove", "--yes", "--gh", r.String())
}

// prepareKeys writes what GitHub tells of the repository's keys, and returns the repository.
func prepareKeys(t *testing.T, bin string, k key.Key) []string {
	t.Helper()
	public := strings.TrimSuffix(k.Current.Line(k.Remote), " "+key.Title(k.Remote)) // GitHub drops the comment
	b, err := json.Marshal([]map[string]any{{"id": 16, "key": "ssh-ed25519 AAAA"}, {"id": 17, "key": public, "title": "x", "read_only": false}})
	if err != nil {
		t.Fatal(err)
	}
	keytest.Write(t, filepath.Join(bin, "keys"), string(b), 0o600)
	return []string{k.Remote.String()}
}
