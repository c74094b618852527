package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/podman"
)

// patience bounds what a test waits for; it is only reached when something is broken.
const patience = 30 * time.Second

// process is a wrapix that runs.
type process struct {
	*exec.Cmd
	stdout *bufio.Reader
	stderr bytes.Buffer

	closeStdout func() error
}

func project(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "p")
	if err := writeConfig(dir, ""); err != nil {
		t.Fatal(err)
	}
	return dir
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	p := &process{Cmd: exec.CommandContext(ctx, "wrapix", args...)}
	p.Cmd.Stderr = &p.stderr
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdout, p.closeStdout = bufio.NewReader(out), out.Close
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = p.Wait()
	})
	return p
}

// line waits for a line of the command, and so for the command to have come that far.
func (p *process) line(t *testing.T, want string) {
	t.Helper()
	if got, err := p.stdout.ReadString('\n'); err != nil || got != want+"\n" {
		t.Fatalf("the command said %q (%v), not %q; %s", got, err, want, p.stderr.String())
	}
}

func (p *process) code(t *testing.T) int {
	t.Helper()
	_, _ = io.Copy(io.Discard, p.stdout)
	_ = p.Wait()
	return p.ProcessState.ExitCode()
}

// listSandboxes is what `wrapix ps --json` says.
func listSandboxes(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("wrapix", "ps", "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Schema    int
		Sandboxes []listed
	}
	if err := json.Unmarshal(out, &doc); err != nil || doc.Schema != 1 || doc.Sandboxes == nil {
		t.Fatalf("%s: %v", out, err)
	}
	return doc.Sandboxes
}

func nothingLeft(t *testing.T) {
	t.Helper()
	if all := listSandboxes(t); len(all) > 0 {
		t.Errorf("left behind: %+v", all)
	}
	dir, err := claimDir()
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("claims left behind: %v %v", entries, err)
	}
}

func TestSignalsAreTheCommands(t *testing.T) {
	dir := project(t)
	for _, sig := range forwarded {
		name := strings.TrimPrefix(unix.SignalName(sig.(syscall.Signal)), "SIG")
		t.Run(name, func(t *testing.T) {
			p := start(t, dir, "--", "sh", "-c", "trap 'echo got; exit 7' "+name+"; sleep 1000 & echo ready; wait; wait")
			p.line(t, "ready")
			if err := p.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			p.line(t, "got")
			if code := p.code(t); code != 7 {
				t.Errorf("exit code %d: %s", code, p.stderr.String())
			}
		})
	}
	nothingLeft(t)
}

func TestSignalThatTheCommandDoesNotHandle(t *testing.T) {
	p := start(t, project(t), "--", "sh", "-c", "echo ready; exec sleep 1000")
	p.line(t, "ready")
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.code(t); code != 128+15 || p.stderr.Len() > 0 {
		t.Errorf("exit code %d: %s", code, p.stderr.String())
	}
	nothingLeft(t)
}

// Whenever the signal comes, also before there is a command to give it to: it is the end, and nothing stays.
func TestSignalAtAnyMoment(t *testing.T) {
	dir := project(t)
	for after := time.Duration(0); after < 600*time.Millisecond; after += 60 * time.Millisecond {
		p := start(t, dir, "--", "sleep", "1000")
		ended := make(chan struct{})
		go func() {
			// Again and again, because a process 1 that is only starting has the kernel drop it.
			tick := time.NewTimer(after)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
					_ = p.Process.Signal(syscall.SIGTERM)
					tick.Reset(100 * time.Millisecond)
				case <-ended:
					return
				}
			}
		}()
		code := p.code(t)
		close(ended)
		// A signal that comes before Go's runtime listens ends the process by itself. Where the kernel is slow to do so, the
		// runtime exits without a word, with 2 (runtime.dieFromSignal).
		if code != 128+15 && code != -1 && (code != 2 || p.stderr.Len() > 0) {
			t.Errorf("after %s: exit code %d: %s", after, code, p.stderr.String())
		}
	}
	nothingLeft(t)
}

// Nobody reads on: the command is ended and nothing stays.
func TestBrokenPipe(t *testing.T) {
	p := start(t, project(t), "--", "yes")
	p.line(t, "y")
	if err := p.closeStdout(); err != nil {
		t.Fatal(err)
	}
	_ = p.Wait()
	if code := p.ProcessState.ExitCode(); code != 128+13 || p.stderr.Len() > 0 {
		t.Errorf("exit code %d: %s", code, p.stderr.String())
	}
	nothingLeft(t)
}

func TestPrune(t *testing.T) {
	dir := project(t)
	killed := start(t, dir, "--", "sh", "-c", "echo ready; exec sleep 1000")
	killed.line(t, "ready")
	living := start(t, dir, "--", "sh", "-c", "echo ready; exec sleep 1000")
	living.line(t, "ready")
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait()

	var gone listed
	for _, s := range listSandboxes(t) {
		if s.Process == ownerGone {
			gone = s
		}
		if s.Project != dir || s.State != "running" || s.Command == nil || s.ID == "" {
			t.Errorf("listed as %+v", s)
		}
	}
	out, err := exec.Command("wrapix", "prune").CombinedOutput()
	if want := "removed " + gone.Name + ": its process is gone\n"; err != nil || gone.Name == "" || string(out) != want {
		t.Errorf("prune: %v, %q, not %q", err, out, want)
	}
	if all := listSandboxes(t); len(all) != 1 || all[0].Process != ownerLiving {
		t.Errorf("after prune: %+v", all)
	}
	if err := living.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := living.code(t); code != 128+15 {
		t.Errorf("the living one: exit code %d: %s", code, living.stderr.String())
	}
	nothingLeft(t)
}

// What belongs to a claim goes before it: without it nobody would find the rest.
func TestClaimGoesLast(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	held, err := newClaim("wrapix-test-held")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{gatewayDir(held.path), keyDir(held.path)} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	held.release()
	if left, err := os.ReadDir(filepath.Dir(held.path)); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// Sandboxes in every state that a crash of either program can leave.
func TestPruneHalfMade(t *testing.T) {
	ctx := t.Context()
	engine, err := podman.Connect(ctx, podman.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	dir := project(t)
	held, err := newClaim("wrapix-test-held")
	if err != nil {
		t.Fatal(err)
	}
	defer held.release()
	free := filepath.Join(filepath.Dir(held.path), "wrapix-test-free.lock")
	if err := os.WriteFile(free, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, lock := range map[string]string{
		"wrapix-test-making":    held.path,
		"wrapix-test-half-made": free,
		"wrapix-test-rebooted":  filepath.Join(filepath.Dir(held.path), "wrapix-test-none.lock"),
		"ralph-test-unknown":    "",
		"ralph-test-vanished":   "",
	} {
		o := runOptions{command: []string{"true"}}
		cfg, err := loadConfig(dir)
		if err != nil {
			t.Fatal(err)
		}
		spec := o.spec(dir, cfg.Sandbox)
		spec.Name, spec.Image, spec.Attached = name, testImage, true
		if spec.Labels[labelLock] = lock; lock == "" {
			delete(spec.Labels, labelLock)
		}
		if name == "ralph-test-vanished" {
			spec.Labels[labelProject] = dir + "-vanished"
		}
		if err := engine.Create(ctx, spec); err != nil {
			t.Fatal(err)
		}
		defer engine.Remove(context.WithoutCancel(ctx), name)
	}
	var out bytes.Buffer
	if err := prune(ctx, engine, false, &out); err != nil {
		t.Fatal(err)
	}
	for name, gone := range map[string]bool{
		"wrapix-test-making": false, "wrapix-test-half-made": true, "wrapix-test-rebooted": true, "ralph-test-unknown": false,
		"ralph-test-vanished": true,
	} {
		if strings.Contains(out.String(), "removed "+name+":") != gone {
			t.Errorf("%s: removed is not %v: %s", name, gone, out.String())
		}
	}
	if _, err := os.Stat(free); !os.IsNotExist(err) {
		t.Errorf("the claim without a process is still there: %v", err)
	}
}

// TestPruneKeepsWhatAKilledLoopWouldTakeUp holds that paid work that still runs is not thrown away unasked.
func TestPruneKeepsWhatAKilledLoopWouldTakeUp(t *testing.T) {
	workflow, dir := "w-1", t.TempDir()
	for _, tt := range []struct {
		s    listed
		want bool
	}{
		{listed{State: sandbox.StateRunning, Workflow: &workflow, Project: dir}, true},
		{listed{State: sandbox.StateExited, Workflow: &workflow, Project: dir}, false}, // its record tells the outcome
		{listed{State: sandbox.StateRunning, Workflow: &workflow, Project: dir + "-gone"}, false},
		{listed{State: sandbox.StateRunning, Project: dir}, false},
	} {
		if got := tt.s.resumable(); got != tt.want {
			t.Errorf("%+v: %t", tt.s, got)
		}
	}
}

// A program that an agent left in the project is not run on the host, also where the project has a folder in PATH.
func TestProgramsOfTheProject(t *testing.T) {
	dir := project(t)
	bin := filepath.Join(dir, ".venv", "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	ran := filepath.Join(t.TempDir(), "ran")
	for _, name := range []string{"podman", "git", "gh", "newuidmap", "mmdebstrap", "apt-get", "pasta", "slirp4netns"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\necho "+name+" >> "+ran+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	elsewhere := t.TempDir()
	for _, tt := range []struct {
		from string
		args []string
	}{
		{elsewhere, []string{dir, "--", "true"}},
		{dir, []string{"--", "true"}},
		{dir, []string{"ps"}},
		{elsewhere, []string{"ps"}},
		{dir, []string{"prune"}},
		{dir, []string{"image", "list"}},
		{dir, []string{"key", "list"}},
		{dir, []string{"doctor"}},
	} {
		cmd := exec.Command("wrapix", tt.args...)
		cmd.Dir = tt.from
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%q: %v: %s", tt.args, err, out)
		}
		if names, err := os.ReadFile(ran); err == nil {
			t.Fatalf("%q in %s ran the project's %s", tt.args, tt.from, names)
		}
	}
}
