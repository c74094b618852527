package snapshot

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// trap is a program that leaves a mark when somebody runs it.
type trap struct {
	program, marker string
}

func newTrap(p *project) trap {
	p.Helper()
	dir := p.TempDir()
	t := trap{filepath.Join(dir, "trap"), filepath.Join(dir, "marker")}
	p.must(os.WriteFile(t.program, fmt.Appendf(nil, "#!/bin/sh\necho \"$0 $*\" >>'%s'\nexit 1\n", t.marker), 0o755))
	return t
}

// sprung says what was run, and sets the trap again.
func (t trap) sprung() string {
	b, _ := os.ReadFile(t.marker)
	_ = os.Remove(t.marker)
	return string(b)
}

// config names the trap wherever git would run something.
func (t trap) config() string {
	return strings.ReplaceAll(`[core]
	fsmonitor = TRAP
	hooksPath = HOOKS
	pager = TRAP
	editor = TRAP
	sshCommand = TRAP
	askPass = TRAP
	gitProxy = TRAP
	alternateRefsCommand = TRAP
	autocrlf = true
[filter "x"]
	clean = TRAP
	smudge = TRAP
	process = TRAP
	required = true
[diff]
	external = TRAP
[diff "x"]
	command = TRAP
	textconv = TRAP
[merge "x"]
	driver = TRAP
[pager]
	log = TRAP
	diff-tree = TRAP
[alias]
	fast-import = !TRAP
[gpg]
	program = TRAP
[log]
	showSignature = true
[commit]
	gpgSign = true
[credential]
	helper = !TRAP
[uploadpack]
	packObjectsHook = TRAP
[sequence]
	editor = TRAP
[submodule "sub"]
	update = !TRAP
	url = ext::TRAP
`, "TRAP", t.program)
}

var hookNames = []string{
	"pre-commit", "post-commit", "post-checkout", "pre-auto-gc", "post-index-change", "reference-transaction", "update",
	"post-update", "pre-receive", "fsmonitor-watchman", "post-rewrite", "commit-msg", "prepare-commit-msg", "post-merge",
}

// arm plants the trap in a repository: configuration with includes, hooks, attributes, drivers, an alternate.
func (t trap) arm(p *project, dir string) {
	p.Helper()
	git := filepath.Join(dir, ".git")
	config := strings.ReplaceAll(t.config(), "HOOKS", filepath.Join(git, "hooks"))
	p.must(os.WriteFile(filepath.Join(git, "included"), []byte(config), 0o666))
	p.must(os.WriteFile(filepath.Join(git, "config"), []byte("[core]\n\trepositoryformatversion = 0\n[include]\n\tpath = included\n"+
		"[includeIf \"gitdir:/**\"]\n\tpath = included\n"+config), 0o666))
	p.must(os.MkdirAll(filepath.Join(git, "hooks"), 0o777))
	for _, name := range hookNames {
		p.must(os.Symlink(t.program, filepath.Join(git, "hooks", name)))
	}
	p.must(os.WriteFile(filepath.Join(dir, ".gitattributes"),
		[]byte("[attr]evil filter=x diff=x merge=x\n* filter=x diff=x merge=x ident text eol=crlf working-tree-encoding=UTF-16 evil\n"), 0o666))
	p.must(os.WriteFile(filepath.Join(dir, ".gitmodules"),
		fmt.Appendf(nil, "[submodule \"sub\"]\n\tpath = sub\n\turl = ext::%s\n\tupdate = !%s\n", t.program, t.program), 0o666))
	p.must(os.MkdirAll(filepath.Join(git, "objects/info"), 0o777))
	p.must(os.WriteFile(filepath.Join(git, "objects/info/alternates"), []byte("/nowhere\n"), 0o666))
}

// exercise calls everything there is.
func exercise(p *project) {
	p.Helper()
	ctx := p.Context()
	first := p.take()
	p.write("changed", "1\r\n$Id$\n")
	second := p.take()
	p.must(p.repo.Diff(ctx, first.ID, second.ID, io.Discard))
	_, err := p.repo.Changes(ctx, first.ID, second.ID)
	p.must(err)
	_, err = p.repo.Ignored(ctx)
	p.must(err)
	_, err = p.repo.List(ctx)
	p.must(err)
	p.must(p.repo.Restore(ctx, second.ID, filepath.Join(p.TempDir(), "copy")))
	p.undo(first)
	p.undo(second)
	p.must(p.repo.Compact(ctx))
	p.fsck()
}

func TestNothingOfTheProjectRuns(t *testing.T) {
	p := newProject(t)
	trap := newTrap(p)
	p.git(p.dir, "init", "-q")
	p.write("f", "f\n")
	p.write("sub/g", "g\n")
	p.git(p.path("sub"), "init", "-q")
	p.git(p.path("sub"), "add", "g")
	p.git(p.path("sub"), "commit", "-q", "-m", "g")
	trap.arm(p, p.path("sub"))
	trap.arm(p, p.dir)

	// That the traps work at all: the user's own git springs them.
	for _, args := range [][]string{{"status"}, {"add", "f"}, {"diff", "--no-index", "f", "sub/g"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = p.dir
		_ = cmd.Run() // the trap makes it fail
		if trap.sprung() == "" {
			t.Errorf("git %q does not spring the trap", args)
		}
	}
	exercise(p)
	if what := trap.sprung(); what != "" {
		t.Errorf("run: %s", what)
	}
}

// TestNothingOfTheUserRuns plants the traps in the user's configuration and environment, and as git itself.
func TestNothingOfTheUserRuns(t *testing.T) {
	p := newProject(t)
	trap := newTrap(p)
	home := t.TempDir()
	config := strings.ReplaceAll(trap.config(), "HOOKS", filepath.Join(home, "hooks"))
	for _, name := range []string{".gitconfig", ".config/git/config", "global"} {
		p.must(os.MkdirAll(filepath.Dir(filepath.Join(home, name)), 0o777))
		p.must(os.WriteFile(filepath.Join(home, name), []byte(config), 0o666))
	}
	p.must(os.WriteFile(filepath.Join(home, ".config/git/attributes"), []byte("* filter=x diff=x\n"), 0o666))
	p.must(os.WriteFile(filepath.Join(home, ".config/git/ignore"), []byte("*\n"), 0o666))
	elsewhere := filepath.Join(home, "elsewhere.git")
	p.git(home, "init", "-q", "--bare", elsewhere)
	p.write("bin/git", "")
	p.must(os.Remove(p.path("bin/git")))
	p.must(os.Symlink(trap.program, p.path("bin/git")))
	p.write("libexec/git", fmt.Sprintf("#!/bin/sh\necho \"$0 $*\" >>'%s'\n", trap.marker))
	p.must(os.Chmod(p.path("libexec/git"), 0o755))
	p.must(os.Symlink(p.path("libexec"), filepath.Join(home, "linked")))
	p.write("f", "f\n")
	for name, value := range map[string]string{
		"HOME": home, "XDG_CONFIG_HOME": filepath.Join(home, ".config"), "GIT_CONFIG_GLOBAL": filepath.Join(home, "global"),
		"GIT_CONFIG_SYSTEM": filepath.Join(home, "global"), "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor",
		"GIT_CONFIG_VALUE_0": trap.program, "GIT_CONFIG_PARAMETERS": "'core.pager'='" + trap.program + "'",
		"GIT_DIR": elsewhere, "GIT_WORK_TREE": home, "GIT_INDEX_FILE": filepath.Join(home, "index"),
		"GIT_OBJECT_DIRECTORY": filepath.Join(elsewhere, "objects"), "GIT_ALTERNATE_OBJECT_DIRECTORIES": "/nowhere",
		"GIT_EXEC_PATH": p.path("libexec"), "GIT_TEMPLATE_DIR": home, "GIT_EXTERNAL_DIFF": trap.program, "GIT_PAGER": trap.program,
		"GIT_EDITOR": trap.program, "GIT_SSH_COMMAND": trap.program, "GIT_NAMESPACE": "x", "GIT_TRACE": filepath.Join(home, "trace"),
		"PATH": strings.Join([]string{p.path("libexec"), filepath.Join(home, "linked"), p.path("bin"), ".", os.Getenv("PATH")}, ":"),
	} {
		t.Setenv(name, value)
	}
	var err error
	if p.repo, err = Open(p.repo.dir, p.dir, Options{}); err != nil {
		t.Fatal(err)
	}
	exercise(p)
	if what := trap.sprung(); what != "" {
		t.Errorf("run: %s", what)
	}
	p.wantFiles(p.take(), "f", "changed", "bin/git", "libexec/git")
	for _, name := range []string{"trace", "index"} {
		if _, err := os.Lstat(filepath.Join(home, name)); err == nil {
			t.Errorf("the caller's environment made %s", name)
		}
	}
}

// TestBytesAreExact: no conversion that .gitattributes asks for happens, in or out or in a diff.
func TestBytesAreExact(t *testing.T) {
	p := newProject(t)
	contents := map[string]string{
		"crlf": "a\r\nb\r\n", "mixed": "a\r\nb\nc\r", "id": "$Id$ $Id: x $\n", "utf16": "\xff\xfea\x00\n\x00", "nul": "\x00\x01", "empty": "",
		"no newline": "x", ".gitattributes": "* text eol=crlf ident working-tree-encoding=UTF-16 filter=x -diff\n*.bin binary\n",
		"large": strings.Repeat("0123456789abcdef\r\n", 700_000), // more than is read at once
	}
	for name, content := range contents {
		p.write(name, content)
	}
	first := p.take()
	dest := filepath.Join(t.TempDir(), "copy")
	p.must(p.repo.Restore(t.Context(), first.ID, dest))
	for name, content := range contents {
		p.write(name, "other")
		if b, err := os.ReadFile(filepath.Join(dest, name)); err != nil || string(b) != content {
			t.Errorf("%s restored as %.40q, %v", name, b, err)
		}
	}
	second := p.take()
	p.undo(first)
	for name, content := range contents {
		if p.read(name) != content {
			t.Errorf("%s put back as %.40q", name, p.read(name))
		}
	}
	var diff bytes.Buffer
	p.must(p.repo.Diff(t.Context(), first.ID, second.ID, &diff))
	for _, line := range []string{"-a\r\n", "+other", "Binary files a/nul and b/nul differ", "Binary files a/large and b/large differ"} {
		if !strings.Contains(diff.String(), line) {
			t.Errorf("no %q in the diff", line)
		}
	}
}

// TestPipesAndSockets: nothing that can be opened without end is opened, also where git would look for its own files.
func TestPipesAndSockets(t *testing.T) {
	p := newProject(t)
	p.write("f", "f")
	pipes := []string{"pipe", ".gitattributes", ".gitmodules", "sub/.gitignore", "nested/.git/HEAD", "nested/.git/index", "nested/.git/info/exclude"}
	for _, dir := range []string{"sub", "nested/.git/info", "nested/.git/objects", "nested/.git/refs", ".git/info"} {
		p.must(os.MkdirAll(p.path(dir), 0o777))
	}
	for _, name := range append(pipes, ".gitignore", ".git/index", ".git/info/exclude") {
		p.must(unix.Mkfifo(p.path(name), 0o666))
	}
	short := "/tmp/s" + fmt.Sprint(os.Getpid()) // the name of a socket is short
	socket, err := net.Listen("unix", short)
	p.must(err)
	defer socket.Close()
	p.must(os.Rename(short, p.path("socket")))
	p.write("nested/g", "g")
	within(t, time.Minute, func() {
		s := p.take()
		p.wantFiles(s, "f", "nested/g")
		for _, name := range []string{"pipe", ".gitattributes", "socket"} {
			p.wantWarning(s, Special, name)
		}
		for _, name := range []string{".gitignore", "sub/.gitignore", ".git/index", ".git/info/exclude", "nested/.git/index"} {
			p.wantWarning(s, IgnoreFile, name)
		}
		p.write("f", "changed")
		p.remove("nested/g")
		p.undo(s)
		if p.read("f") != "f" || p.read("nested/g") != "g" {
			t.Error("not put back")
		}
	})
	if _, err := os.Lstat(p.path("pipe")); err != nil {
		t.Error("undo removed a pipe that no snapshot has")
	}
}

// within fails the test instead of letting it hang.
func within(t *testing.T, limit time.Duration, do func()) {
	t.Helper()
	timer := time.AfterFunc(limit, func() { panic("hangs") })
	defer timer.Stop()
	do()
}

func TestGitFolders(t *testing.T) {
	for name, plant := range map[string]func(p *project, outside string){
		"file":    func(p *project, outside string) { p.write(".git", "gitdir: "+outside+"/.git\n") },
		"link":    func(p *project, outside string) { p.must(os.Symlink(outside+"/.git", p.path(".git"))) },
		"garbage": func(p *project, outside string) { p.write(".git", "\xff\x00") },
		"parts": func(p *project, outside string) {
			p.must(os.Mkdir(p.path(".git"), 0o777))
			p.must(os.Symlink(outside+"/.git/info", p.path(".git/info")))
		},
		"index": func(p *project, outside string) {
			p.write(".git/index", "DIRC\x00\x00\x00\x02\xff\xff\xff\xff"+strings.Repeat("x", 99))
		},
		"unborn":  func(p *project, outside string) { p.git(p.dir, "init", "-q") },
		"no git":  func(p *project, outside string) {},
		"nowhere": func(p *project, outside string) { p.write(".git", "gitdir: /nowhere\n") },
		"worktree": func(p *project, outside string) {
			p.git(outside, "worktree", "add", "-q", "--force", "--no-checkout", "--detach", p.dir)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t)
			outside := t.TempDir()
			p.git(outside, "init", "-q")
			p.git(outside, "commit", "-q", "--allow-empty", "-m", "x")
			p.must(os.WriteFile(filepath.Join(outside, ".git/info/exclude"), []byte("*\n"), 0o666))
			plant(p, outside)
			p.write("f", "f")
			p.write("d/.git", "what is called so is nothing of ours\n")
			before, err := os.ReadFile(p.path(".git"))
			s := p.take()
			p.wantFiles(s, "f")
			p.write("f", "changed")
			p.undo(s)
			if after, afterErr := os.ReadFile(p.path(".git")); string(after) != string(before) || (err == nil) != (afterErr == nil) {
				t.Error(".git changed")
			}
			if p.read("f") != "f" || p.read("d/.git") == "" {
				t.Error("not put back")
			}
		})
	}
}

func TestNamesLikeGit(t *testing.T) {
	p := newProject(t)
	lookalikes := []string{".GIT", ".Git ", ".git.", ".git::$INDEX_ALLOCATION", "git~1", ".g\u200cit", "\ufeff.git"}
	for _, name := range lookalikes {
		p.write(filepath.Join("d", name, "config"), "x")
	}
	for _, name := range []string{".gitx", "git", ".github/f", "git~2", ".git-x"} {
		p.write(name+"/f", "x")
	}
	s := p.take()
	p.wantFiles(s, ".gitx/f", "git/f", ".github/f/f", "git~2/f", ".git-x/f")
	for _, name := range lookalikes {
		p.wantWarning(s, LooksLikeGit, "d/"+name)
	}
	for _, bad := range []string{"../x", "a/../x", "/x", "a//b", ".git/config", "a/.GIT/hooks/x", ""} {
		if checkPath(bad) == nil {
			t.Errorf("%q would be written", bad)
		}
	}
}

// TestUndoFollowsNoLink: a folder was replaced by a link to another place; undo must write below the project only.
func TestUndoFollowsNoLink(t *testing.T) {
	p := newProject(t)
	outside := t.TempDir()
	p.must(os.WriteFile(filepath.Join(outside, "f"), []byte("outside"), 0o666))
	p.write("d/f", "inside")
	p.write("e/f", "inside")
	first := p.take()
	p.remove("d")
	p.must(os.Symlink(outside, p.path("d")))
	// And one that no snapshot has, because it is ignored.
	p.write(".gitignore", "/e\n")
	p.remove("e/f")
	p.take()
	p.remove("e")
	p.must(os.Symlink(outside, p.path("e")))
	_, changes, err := p.repo.Undo(t.Context(), first.ID)
	incomplete := new(IncompleteError)
	if !asIncomplete(err, &incomplete) || len(incomplete.Left) != 1 || incomplete.Left[0].Path != "e/f" {
		t.Errorf("%v", err)
	}
	if len(changes) != 3 || p.read("d/f") != "inside" {
		t.Errorf("%q", changes)
	}
	if b, _ := os.ReadFile(filepath.Join(outside, "f")); string(b) != "outside" {
		t.Error("undo wrote through a link")
	}
}
