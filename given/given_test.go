package given

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/profile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newHost makes a home folder and a project in it.
func newHost(t *testing.T) (Host, string) {
	t.Helper()
	home, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", "")
	must(t, os.MkdirAll(home+"/p", 0o700))
	return Host{Project: home + "/p", State: home + "/state"}, home
}

func secret(name, file, env string, command ...string) config.SandboxSecret {
	return config.SandboxSecret{Name: name, Secret: config.Secret{File: file, Env: env}, Command: command}
}

func TestSecrets(t *testing.T) {
	h, home := newHost(t)
	t.Setenv("A_SECRET", "of-a-variable")
	must(t, os.WriteFile(home+"/key", []byte("of-a-file\n"), 0o600))
	got, err := h.Secrets(t.Context(), []config.SandboxSecret{
		secret("A", "", "A_SECRET"), secret("B", "~/key", ""), secret("C", home+"/key", ""),
		secret("D", "", "", "/bin/sh", "-c", "pwd; echo said >&2; cat; test ! -t 0; printf of-a-program"),
	})
	must(t, err)
	for i, want := range []string{"of-a-variable", "of-a-file\n", "of-a-file\n", "/\nof-a-program"} {
		if string(got[i].Value) != want {
			t.Errorf("%s: %q", got[i].Name, got[i].Value)
		}
	}
}

// An error says which secret could not be had, and nothing of what was found.
func TestSecretsThatCannotBeHad(t *testing.T) {
	h, home := newHost(t)
	t.Setenv("SHORT", "pa55w0d")
	must(t, os.WriteFile(home+"/p/key", []byte("pa55w0rd-of-the-project"), 0o600))
	must(t, os.WriteFile(home+"/p/prog", []byte("#!/bin/sh\ntouch "+home+"/ran\n"), 0o700))
	must(t, os.WriteFile(home+"/long", []byte(strings.Repeat("pa55w0rd", sandbox.MaxSecret)), 0o600))
	must(t, os.Symlink(home+"/p/key", home+"/link"))
	must(t, os.Symlink(home+"/p/prog", home+"/prog"))
	must(t, syscall.Mkfifo(home+"/pipe", 0o600))
	for want, s := range map[string]config.SandboxSecret{
		"the variable NOT_SET is not set":                   secret("A", "", "NOT_SET"),
		"the secret A has 7 bytes":                          secret("A", "", "SHORT"),
		"the secret A has 500001 bytes":                     secret("A", "~/long", ""),
		"no such file":                                      secret("A", "~/none", ""),
		"is no regular file":                                secret("A", "~/pipe", ""),
		"/key: it lies in the project":                      secret("A", "~/p/key", ""),
		"/link: it lies in the project":                     secret("A", "~/link", ""),
		"/prog: it lies in the project":                     secret("A", "", "", home+"/prog"),
		"no such file or directory":                         secret("A", "", "", "/nowhere/prog"),
		"/bin/sh ended with exit status 3; run it by hand":  secret("A", "", "", "/bin/sh", "-c", "echo pa55w0rd; echo pa55w0rd >&2; exit 3"),
		"the secret A has 0 bytes":                          secret("A", "", "", "/bin/true"),
		"the secret A has 500001 bytes; want 8 to 500000: ": secret("A", "", "", "/bin/sh", "-c", "yes pa55w0rd | tr -d '\\n' | head -c 20000000"),
	} {
		_, err := h.Secrets(t.Context(), []config.SandboxSecret{s})
		var failed *sandbox.Error
		if !errors.As(err, &failed) || failed.Hint == "" || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "pa55w") {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := os.Stat(home + "/ran"); err == nil {
		t.Error("a program of the project ran")
	}
}

func TestSecretsCancelled(t *testing.T) {
	h, home := newHost(t)
	must(t, syscall.Mkfifo(home+"/pipe", 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := h.Secrets(ctx, []config.SandboxSecret{secret("A", "", "", "/bin/sh", "-c", "echo > "+home+"/pipe; sleep 1000 & sleep 1000")})
		done <- err
	}()
	_, err := os.ReadFile(home + "/pipe") // it runs
	must(t, err)
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it is waited for")
	}
}

func TestEnv(t *testing.T) {
	t.Setenv("A_VARIABLE", "a\nb")
	c := config.Sandbox{Env: map[string]string{"X": "1"}}
	got := Env(c, []string{"A_VARIABLE", "NOT_SET"})
	if len(got) != 2 || got["X"] != "1" || got["A_VARIABLE"] != "a\nb" || len(c.Env) != 1 {
		t.Errorf("%q", got)
	}
	if got := Env(config.Sandbox{}, nil); got == nil || len(got) != 0 {
		t.Errorf("%q", got)
	}
}

func TestGitIdentity(t *testing.T) {
	h, home := newHost(t)
	if got := h.GitIdentity(t.Context()); got != nil {
		t.Errorf("nobody: %+v", got)
	}
	text := "[user]\n\tname = old\n\tname = \"A \\\"quoted\\\" \\\\ one\\nline\"\n\temail = a@example.org\n\tsigningKey = KEY\n" +
		"[credential]\n\thelper = store\n[include]\n\tpath = ~/more\n[alias]\n\tx = y\n"
	must(t, os.WriteFile(home+"/.gitconfig", []byte(text), 0o600))
	got := h.GitIdentity(t.Context())
	want := "[user]\n\tname = \"A \\\"quoted\\\" \\\\ oneline\"\n\temail = \"a@example.org\"\n"
	if len(got) != 1 || got[0].Path != "/home/agent/.gitconfig" || got[0].Text != want {
		t.Errorf("%+v", got)
	}
	// git itself reads what was meant.
	must(t, os.WriteFile(home+"/written", []byte(got[0].Text), 0o600))
	name, err := exec.Command("git", "config", "--file", home+"/written", "user.name").Output()
	if err != nil || string(name) != "A \"quoted\" \\ oneline\n" {
		t.Errorf("%q, %v", name, err)
	}
	// A git of the project's is not run.
	must(t, os.WriteFile(home+"/p/git", []byte("#!/bin/sh\ntouch "+home+"/ran\n"), 0o700))
	t.Setenv("PATH", home+"/p:"+os.Getenv("PATH"))
	if got := h.GitIdentity(t.Context()); got != nil {
		t.Errorf("of a program of the project: %+v", got)
	}
	if _, err := os.Stat(home + "/ran"); err == nil {
		t.Error("a program of the project ran")
	}
}

// Two projects have different volumes, whatever their names are, and a project the same ones each time.
func TestVolumes(t *testing.T) {
	seen := map[string]string{}
	for _, project := range []string{"/home/me/p", "/home/me/q", "/srv/p", "/home/me/p-go", "/home/me/ü \n", "/"} {
		for _, name := range profile.Builtin().Names() {
			p, err := profile.Builtin().Resolve(name)
			must(t, err)
			volumes := Host{Project: project}.Volumes(p.Volumes)
			for i, v := range volumes {
				if seen[v.Name] != "" {
					t.Errorf("%s of %q is also of %q", v.Name, project, seen[v.Name])
				}
				seen[v.Name] = project
				if strings.ContainsFunc(v.Name, func(r rune) bool { return r > '~' || r <= ' ' || r == '/' }) || v.Labels[LabelProject] != project || v.Labels[LabelVolume] != p.Volumes[i].Name {
					t.Errorf("%+v", v)
				}
				if !strings.HasPrefix(v.Dest, sandbox.CacheDir+"/") && name != "nix" { // where no mount of a person's can be
					t.Errorf("%s is at %s", v.Name, v.Dest)
				}
				if again := (Host{Project: project}).Volumes(p.Volumes); again[i].Name != v.Name {
					t.Errorf("%s is %s now", v.Name, again[i].Name)
				}
			}
		}
	}
	if len(seen) != 6*4 {
		t.Errorf("volumes: %v", seen)
	}
}
