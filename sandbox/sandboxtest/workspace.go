package sandboxtest

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/wrapix/wrapix/sandbox"
)

// project makes a folder that looks like a repository.
func project(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, dir+"/.git/config", "[core]\n")
	writeFile(t, dir+"/.git/HEAD", "ref: refs/heads/main\n")
	writeFile(t, dir+"/.git/hooks/pre-commit", "#!/bin/sh\n")
	writeFile(t, dir+"/wrapix.toml", "[sandbox]\n")
	writeFile(t, dir+"/file", "of the host\n")
	writeFile(t, dir+"/sub/deep", "deep\n")
	if err := os.Chmod(dir+"/file", 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// refuse wants every command of the script to fail.
func refuse(commands ...string) string {
	var b strings.Builder
	for _, c := range commands {
		b.WriteString("if " + c + " 2>/dev/null; then echo 'DONE: " + strings.ReplaceAll(c, "'", "") + "'; fi\n")
	}
	return b.String()
}

var workspaceTests = []test{
	{"ReadWrite", func(t *testing.T, s *suite) {
		dir := project(t)
		spec := s.spec(t, `cat file && echo inside > new && mkdir d && echo x > d/y && echo more >> file && rm sub/deep && echo i > .git/index && stat -c %u file .`)
		spec.Workspace = sandbox.Workspace{Source: dir}
		o := s.want0(t, spec)
		contains(t, "stdout", o.stdout, "of the host\n")
		check(t, "new file", readFile(t, dir+"/new"), "inside\n")
		check(t, "changed file", readFile(t, dir+"/file"), "of the host\nmore\n")
		check(t, "git's index", readFile(t, dir+"/.git/index"), "i\n")
		for _, name := range []string{"new", "d", "d/y"} {
			fi, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			check(t, "owner of "+name, int(fi.Sys().(*syscall.Stat_t).Uid), os.Getuid())
			check(t, "group of "+name, int(fi.Sys().(*syscall.Stat_t).Gid), os.Getgid())
		}
		if _, err := os.Stat(dir + "/sub/deep"); err == nil {
			t.Error("the removed file is there")
		}
	}},
	{"ReadOnly", func(t *testing.T, s *suite) {
		dir := project(t)
		spec := s.spec(t, "cat file\n"+refuse("touch new", "echo x >> file", "rm file", "mkdir d", "mv sub sub2", "chmod 777 file"))
		spec.Workspace = sandbox.Workspace{Source: dir, Access: sandbox.ReadOnly}
		check(t, "stdout", s.want0(t, spec).stdout, "of the host\n")
	}},
	{"Discard", func(t *testing.T, s *suite) {
		dir := project(t)
		spec := s.spec(t, `set -e; cat file; echo more >> file; cat file; echo new > new; mkdir -p sub/d; echo y > sub/d/y; rm sub/deep
			mv .git .git2; echo evil > .git2/hooks/pre-commit; echo z > wrapix.toml; stat -c %u . file sub new | sort | uniq 2>/dev/null || true; ls -a`)
		spec.Workspace = sandbox.Workspace{Source: dir, Access: sandbox.Discard}
		o := s.want0(t, spec)
		contains(t, "stdout", o.stdout, "of the host\nof the host\nmore\n")
		contains(t, "stdout", o.stdout, ".git2")
		check(t, "file", readFile(t, dir+"/file"), "of the host\n")
		check(t, "hook", readFile(t, dir+"/.git/hooks/pre-commit"), "#!/bin/sh\n")
		check(t, "configuration", readFile(t, dir+"/wrapix.toml"), "[sandbox]\n")
		check(t, "removed file", readFile(t, dir+"/sub/deep"), "deep\n")
		for _, name := range []string{"new", "sub/d", ".git2"} {
			if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
				t.Errorf("%s came through", name)
			}
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 4 {
			t.Errorf("%d entries afterwards: %v", len(entries), err)
		}
	}},
	{"DiscardTwice", func(t *testing.T, s *suite) {
		// One sandbox must not see what another has thrown away.
		dir := project(t)
		for range 2 {
			spec := s.spec(t, `test ! -e left && echo x > left && cat file`)
			spec.Workspace = sandbox.Workspace{Source: dir, Access: sandbox.Discard}
			check(t, "stdout", s.want0(t, spec).stdout, "of the host\n")
		}
	}},
	{"StrangePath", func(t *testing.T, s *suite) {
		for _, name := range []string{"a b", "a:b", "a,b=c", `a\b`, "ü\"'$(x)", "a\nb"} {
			for _, access := range []sandbox.Access{sandbox.ReadWrite, sandbox.ReadOnly, sandbox.Discard} {
				dir := filepath.Join(t.TempDir(), name)
				writeFile(t, dir+"/file", "x\n")
				writeFile(t, dir+"/.git/config", "[core]\n")
				spec := s.spec(t, "cat file .git/config")
				spec.Workspace = sandbox.Workspace{Source: dir, Access: access}
				check(t, name+" "+string(access), s.want0(t, spec).stdout, "x\n[core]\n")
			}
		}
	}},
	{"Missing", func(t *testing.T, s *suite) {
		spec := s.spec(t, "true")
		spec.Workspace.Source = filepath.Join(t.TempDir(), "nothing")
		_, err := sandbox.Run(testContext(t), s.rt, spec, sandbox.Sink{})
		checkErr(t, "run", err, os.ErrNotExist)
	}},
	{"None", func(t *testing.T, s *suite) {
		check(t, "stdout", s.sh(t, "pwd; ls -A | wc -l; echo x > file; cat file").stdout, "/workspace\n0\nx\n")
	}},
	{"Input", func(t *testing.T, s *suite) {
		input := t.TempDir()
		writeFile(t, input+"/prompt.md", "hello\n")
		writeFile(t, input+"/sub/x", "x\n")
		spec := s.spec(t, "cat /run/ralph/prompt.md\n"+refuse("touch /run/ralph/new", "echo x > /run/ralph/prompt.md", "rm /run/ralph/sub/x",
			"mv /run/ralph /run/other", "touch /run/ralph/sub/y"))
		spec.Input = input
		check(t, "stdout", s.want0(t, spec).stdout, "hello\n")
	}},
	{"Mounts", func(t *testing.T, s *suite) {
		dir := t.TempDir()
		writeFile(t, dir+"/ro/x", "x\n")
		writeFile(t, dir+"/rw/y", "y\n")
		spec := s.spec(t, "cat /opt/ro/x /opt/rw/y; echo z > /opt/rw/z\n"+refuse("echo x > /opt/ro/x", "touch /opt/ro/y"))
		spec.Mounts = []sandbox.Mount{{Source: dir + "/ro", Dest: "/opt/ro", ReadOnly: true}, {Source: dir + "/rw", Dest: "/opt/rw"}}
		check(t, "stdout", s.want0(t, spec).stdout, "x\ny\n")
		check(t, "written", readFile(t, dir+"/rw/z"), "z\n")
	}},
	{"GitProtected", func(t *testing.T, s *suite) {
		dir := project(t)
		spec := s.spec(t, refuse("echo x > .git/hooks/pre-commit", "touch .git/hooks/post-commit", "rm .git/hooks/pre-commit", "rm -r .git/hooks",
			"mv .git/hooks .git/hooks2", "echo x >> .git/config", "rm .git/config", "mv .git/config .git/c2", "mv .git .git2", "rm -rf .git",
			"echo x > wrapix.toml", "rm wrapix.toml", "mv wrapix.toml w2", "ln -sf /tmp/x .git/config", "umount .git/hooks", "mount -o remount,rw .git/hooks")+
			"mv .git x 2>&1 | grep -o busy; echo ok > .git/ok; cat .git/hooks/pre-commit; true")
		spec.Workspace = sandbox.Workspace{Source: dir}
		check(t, "stdout", s.want0(t, spec).stdout, "busy\n#!/bin/sh\n")
		check(t, "hook", readFile(t, dir+"/.git/hooks/pre-commit"), "#!/bin/sh\n")
		check(t, "config", readFile(t, dir+"/.git/config"), "[core]\n")
		check(t, "wrapix.toml", readFile(t, dir+"/wrapix.toml"), "[sandbox]\n")
		check(t, "the rest of .git", readFile(t, dir+"/.git/ok"), "ok\n")
	}},
	{"GitWithoutHooks", func(t *testing.T, s *suite) {
		dir := t.TempDir()
		writeFile(t, dir+"/.git/config", "[core]\n")
		spec := s.spec(t, refuse("mkdir .git/hooks && touch .git/hooks/pre-commit", "touch .git/hooks/pre-commit"))
		spec.Workspace = sandbox.Workspace{Source: dir}
		check(t, "stdout", s.want0(t, spec).stdout, "")
	}},
	{"GitWorktree", func(t *testing.T, s *suite) {
		dir := t.TempDir()
		writeFile(t, dir+"/.git", "gitdir: /elsewhere\n")
		spec := s.spec(t, "cat .git\n"+refuse("echo x > .git", "rm .git", "mv .git g"))
		spec.Workspace = sandbox.Workspace{Source: dir}
		check(t, "stdout", s.want0(t, spec).stdout, "gitdir: /elsewhere\n")
	}},
	{"LinksAreNotFollowed", func(t *testing.T, s *suite) {
		// What an earlier sandbox can leave behind, to see more of the host in the next one.
		secret := t.TempDir()
		writeFile(t, secret+"/key", "secret\n")
		for _, link := range []string{".git", ".git/hooks", ".git/config", "wrapix.toml"} {
			dir := t.TempDir()
			if filepath.Dir(link) == ".git" {
				writeFile(t, dir+"/.git/HEAD", "x\n")
			}
			target := secret
			if filepath.Ext(link) != "" || link == ".git/config" {
				target += "/key"
			}
			if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
				t.Fatal(err)
			}
			spec := s.spec(t, refuse("cat "+link+" "+link+"/* | grep secret"))
			spec.Workspace = sandbox.Workspace{Source: dir}
			check(t, link, s.want0(t, spec).stdout, "")
		}
	}},
	{"Exchanged", func(t *testing.T, s *suite) {
		// As another sandbox on the same workspace could do it, between our look and the mount.
		dir, secret := project(t), t.TempDir()
		writeFile(t, secret+"/key", "secret\n")
		spec := s.spec(t, "cat .git/hooks/key")
		spec.Workspace = sandbox.Workspace{Source: dir}
		o, err := sandbox.Run(testContext(t), exchanging{s.rt, func() {
			if err := os.Rename(dir+"/.git/hooks", dir+"/.git/hooks2"); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(secret, dir+"/.git/hooks"); err != nil {
				t.Fatal(err)
			}
		}}, spec, sandbox.Sink{})
		if err != nil {
			return // the engine refused it by itself
		}
		check(t, "ended", o.Ended, sandbox.EndedStartFailed)
		contains(t, "error", o.Error, "exchanged")
		check(t, "exits", len(o.Exits), 0)
	}},
}
