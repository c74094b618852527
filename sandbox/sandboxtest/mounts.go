package sandboxtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/mounts"
)

// resolve makes mounts of what a person wrote, for a project.
func resolve(t *testing.T, project string, asked ...config.Mount) []sandbox.Mount {
	t.Helper()
	list, err := mounts.Resolve(asked, mounts.Policy{Home: filepath.Dir(project), Workspace: project})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// place returns a folder whose path has no links, so that it can be compared.
func place(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

var mountTests = []test{
	{"FilesAndFolders", func(t *testing.T, s *suite) {
		home := place(t)
		dir := home + "/p"
		writeFile(t, dir+"/file", "of the project\n")
		writeFile(t, home+"/one", "one\n")
		writeFile(t, home+"/folder/two", "two\n")
		spec := s.spec(t, `cat /opt/one ~/folder/two /opt/a/b/c; echo more >> /opt/a/b/c; echo new > /opt/folder/new; stat -c %u /opt/folder/new
			`+refuse("echo x > /opt/one", "rm /opt/one", "touch ~/folder/x", "mv ~/folder ~/f2", "rm -rf /opt/a/b/c"))
		spec.Workspace.Source = dir
		writeFile(t, home+"/rw/x", "")
		spec.Mounts = resolve(t, dir, config.Mount{Source: "~/one", Dest: "/opt/one"}, config.Mount{Source: "~/folder", Dest: "~/folder"},
			config.Mount{Source: "./file", Dest: "/opt/a/b/c", Writable: true}, config.Mount{Source: "../rw", Dest: "/opt/folder", Writable: true})
		o := s.want0(t, spec)
		contains(t, "stdout", o.stdout, "one\ntwo\nof the project\n")
		check(t, "refused", strings.Contains(o.stdout, "DONE"), false)
		check(t, "written through", readFile(t, dir+"/file")+readFile(t, home+"/rw/new"), "of the project\nmore\nnew\n")
	}},
	{"InHome", func(t *testing.T, s *suite) {
		// What is around a mount in the home folder is the sandbox's own, however deep it is.
		home := place(t)
		dir := home + "/p"
		writeFile(t, dir+"/file", "of the project\n")
		spec := s.spec(t, `cd ~/.config/a/b; cat c; echo x > d; echo x > ../d; mkdir ~/.config/e ~/.cache; ls -A ~/.config`)
		spec.Workspace.Source = dir
		spec.Mounts = resolve(t, dir, config.Mount{Source: "file", Dest: "~/.config/a/b/c"})
		check(t, "stdout", s.want0(t, spec).stdout, "of the project\na\ne\n")
	}},
	{"StrangeNames", func(t *testing.T, s *suite) {
		for _, name := range []string{"a b", "a:b:ro", "a,b=c", `a\b`, "ü\"'$(x)", "a\nb", "-rf", "bytes\xff\xfe", " "} {
			home := place(t)
			dir := home + "/p"
			writeFile(t, filepath.Join(dir, name, "x"), "folder\n")
			writeFile(t, filepath.Join(dir, name, name), "file\n")
			dest := "/opt/" + strings.ToValidUTF8(name, "?")
			spec := s.spec(t, `for f in /opt/*; do cat "$f"/x; done; cat /srv/*`)
			spec.Workspace.Source = dir
			spec.Mounts = resolve(t, dir, config.Mount{Source: "./" + name, Dest: dest}, config.Mount{Source: "./" + name + "/" + name, Dest: "/srv/" + strings.ToValidUTF8(name, "?")})
			check(t, name, s.want0(t, spec).stdout, "folder\nfile\n")
		}
	}},
	{"Exchanged", func(t *testing.T, s *suite) {
		// As another sandbox with the same workspace could do it, between our look and the mount.
		home := place(t)
		dir := home + "/p"
		writeFile(t, dir+"/data/x", "x\n")
		writeFile(t, dir+"/file", "x\n")
		writeFile(t, home+"/.ssh/x", "secret\n")
		for name, to := range map[string]string{"data": "/.ssh", "file": "/.ssh/x"} {
			spec := s.spec(t, "cat /opt/x /opt/x/x")
			spec.Workspace.Source = dir
			spec.Mounts = resolve(t, dir, config.Mount{Source: name, Dest: "/opt/x", Writable: true})
			o, err := sandbox.Run(testContext(t), exchanging{s.rt, func() {
				if err := os.Rename(filepath.Join(dir, name), filepath.Join(dir, name+"2")); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(home+to, filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}}, spec, sandbox.Sink{})
			if err != nil {
				continue // the engine refused it by itself
			}
			check(t, "ended", o.Ended, sandbox.EndedStartFailed)
			contains(t, "error", o.Error, "exchanged")
		}
	}},
	{"Worktree", func(t *testing.T, s *suite) {
		spec, main, dir := s.worktree(t, `cd /workspace; git log --format=%an -1; echo x > file; git add file; git commit -q -m inside; git status --short; git log --format='%an %s'
			cd `+"$COMMON\n"+refuse("touch hooks/pre-commit", "echo x >> config", "touch config.worktree", "mv worktrees w2", "touch commondir", "echo x > refs/tags/x", "touch packed-refs",
			"echo x > worktrees/w/commondir", "rm worktrees/w/commondir", "mv worktrees/w/commondir worktrees/w/c2", "echo x > worktrees/w/gitdir", "echo x > worktrees/w/config.worktree",
			"mv worktrees/w worktrees/w2", "rm -rf objects/.", "mv objects o2", "touch worktrees/other/x", "echo x > HEAD", "echo x > /workspace/.git"))
		spec.Files = []sandbox.File{{Path: sandbox.HomeDir + "/.gitconfig", Text: "[user]\nname = Ada\nemail = ada@example.org\n"}}
		spec.Env = map[string]string{"COMMON": main + "/.git"}
		o := s.want0(t, spec)
		check(t, "stdout", o.stdout, "Host\nAda inside\nHost first\n")
		log, err := exec.Command("git", "-C", dir, "log", "--format=%an %ae %s", "-1").CombinedOutput()
		if err != nil || string(log) != "Ada ada@example.org inside\n" {
			t.Errorf("on the host: %s %v", log, err)
		}
		if out, err := exec.Command("git", "-C", main, "fsck", "--full", "--strict").CombinedOutput(); err != nil {
			t.Errorf("fsck: %v\n%s", err, out)
		}
	}},
	{"WorktreeNotToBeChanged", func(t *testing.T, s *suite) {
		for _, access := range []sandbox.Access{sandbox.ReadOnly, sandbox.Discard} {
			spec, _, _ := s.worktree(t, "cd /workspace; git log --format=%s -1; git diff --exit-code; git status --short\n"+refuse("git commit -q --allow-empty -m x", "touch $COMMON/objects/x"))
			spec.Workspace.Access = access
			spec.Env = map[string]string{"COMMON": spec.Workspace.Source + "/../main/.git"}
			check(t, string(access), s.want0(t, spec).stdout, "first\n")
		}
	}},
	{"WorktreeOfAnAgent", func(t *testing.T, s *suite) {
		// A `.git` that an agent wrote names what is not ours to show.
		home := place(t)
		dir := home + "/p"
		writeFile(t, home+"/private/x", "secret\n")
		writeFile(t, home+"/repo/worktrees/w/gitdir", "/elsewhere/.git\n")
		writeFile(t, dir+"/own/worktrees/w/gitdir", dir+"/.git\n")
		if err := os.Symlink(home+"/private", dir+"/own/link"); err != nil {
			t.Fatal(err)
		}
		for _, named := range []string{home + "/private", home + "/private/worktrees/w", home + "/repo/worktrees/w", dir + "/own/worktrees/w", dir + "/own/link", "../private", "/", ""} {
			os.Remove(dir + "/.git")
			writeFile(t, dir+"/.git", "gitdir: "+named+"\n")
			spec := s.spec(t, "ls -d "+home+"/private "+home+"/repo "+dir+" 2>/dev/null | wc -l")
			spec.Workspace.Source = dir
			check(t, named, s.want0(t, spec).stdout, "0\n")
		}
	}},
}

// worktree makes a repository with a second work tree, and a sandbox on that which has the host's git.
func (s *suite) worktree(t *testing.T, script string) (spec sandbox.Spec, main, dir string) {
	t.Helper()
	base := place(t)
	main, dir = base+"/main", base+"/w"
	for _, args := range [][]string{
		{"init", "-q", main},
		{"-C", main, "-c", "user.name=Host", "-c", "user.email=host@example.org", "commit", "-q", "--allow-empty", "-m", "first"},
		{"-C", main, "worktree", "add", "-q", "-b", "topic/w", dir},
		{"-C", main, "worktree", "add", "-q", base + "/other"},
		{"-C", main, "pack-refs", "--all"},
	} {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	spec = s.spec(t, script)
	spec.Workspace.Source = dir
	for source, dest := range map[string]string{"/usr": "/usr", "/usr/lib": "/lib", "/usr/lib64": "/lib64"} {
		if _, err := os.Stat(source); err == nil {
			spec.Mounts = append(spec.Mounts, sandbox.Mount{Source: source, Dest: dest, ReadOnly: true})
		}
	}
	return spec, main, dir
}
