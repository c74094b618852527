package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"
)

// wrapixCode runs the command, and returns what it printed and its exit code.
func wrapixCode(t *testing.T, in string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.Command("wrapix", args...)
	cmd.Stdin = strings.NewReader(in)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), errs.String(), cmd.ProcessState.ExitCode()
}

// keepInProject returns a project, and removes what is kept at the end.
func keepInProject(t *testing.T) string {
	t.Helper()
	dir := project(t)
	t.Cleanup(func() {
		for _, s := range listSandboxes(t) {
			if s.Project == dir {
				wrapixCode(t, "", "stop", "--time", "0", s.Name)
			}
		}
		if out, _, code := wrapixCode(t, "", "prune", "--yes"); code != 0 {
			t.Errorf("prune: %d: %s", code, out)
		}
		nothingLeft(t)
		kept, err := keptDirs()
		if err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadDir(kept); err == nil && len(left) > 0 {
			t.Errorf("logs left behind: %v", left)
		}
	})
	return dir
}

// only is the one sandbox of a project.
func only(t *testing.T, dir string) listed {
	t.Helper()
	all := slices.DeleteFunc(listSandboxes(t), func(s listed) bool { return s.Project != dir })
	if len(all) != 1 {
		t.Fatalf("%d sandboxes: %+v", len(all), all)
	}
	return all[0]
}

func TestKeptAfterItsEnd(t *testing.T) {
	dir := keepInProject(t)
	out, errs, code := wrapixCode(t, "in\n", dir, "--rm=false", "--", "sh", "-c", "cat; printf '\\033[31merr' >&2; exit 3")
	s := only(t, dir)
	if code != 3 || out != "in\n" || !strings.Contains(errs, "wrapix: "+s.Name+" is kept") {
		t.Errorf("code %d, %q, %q", code, out, errs)
	}
	if !s.Kept || s.State != "exited" || s.Process != ownerGone {
		t.Errorf("%+v", s)
	}
	short := strings.TrimPrefix(s.Name, namePrefix)
	if out, errs, code := wrapixCode(t, "", "logs", "-f", short[:len(short)-1]); code != 0 || out != "in\n" || errs != "\033[31merr" {
		t.Errorf("logs: code %d, %q, %q", code, out, errs)
	}
	for _, args := range [][]string{{"exec", s.Name, "--", "true"}, {"attach", s.Name}} {
		if _, errs, code := wrapixCode(t, "", args...); code != exitUsage || !strings.Contains(errs, "does not run") {
			t.Errorf("%v: code %d, %s", args, code, errs)
		}
	}
	if out, _, code := wrapixCode(t, "", "stop", s.Name); code != 0 || !strings.Contains(out, "has ended already") {
		t.Errorf("stop: code %d, %s", code, out)
	}
	if out, _, code := wrapixCode(t, "", "prune"); code != 0 || !strings.Contains(out, "kept "+s.Name) {
		t.Errorf("prune: code %d, %s", code, out)
	}
	only(t, dir)
	out, _, _ = wrapixCode(t, "", "ps")
	if !strings.Contains(out, "kept") {
		t.Errorf("ps: %s", out)
	}
	if out, _, code := wrapixCode(t, "", "prune", "--yes"); code != 0 || !strings.Contains(out, "removed "+s.Name) {
		t.Errorf("prune --yes: code %d, %s", code, out)
	}
}

// The sandbox outlives its wrapix, whatever ends that.
func TestKeptGoesOn(t *testing.T) {
	for _, end := range []syscall.Signal{syscall.SIGHUP, syscall.SIGKILL} {
		t.Run(end.String(), func(t *testing.T) {
			dir := keepInProject(t)
			p := start(t, dir, "--rm=false", "--", "sh", "-c", `trap 'echo bye; exit 0' TERM
				echo one; while ! test -e end; do sleep 0.02; done; echo two; while :; do sleep 0.02; done`)
			p.line(t, "one")
			s := only(t, dir)
			if s.Process != ownerLiving {
				t.Errorf("%+v", s)
			}
			if err := p.Process.Signal(end); err != nil {
				t.Fatal(err)
			}
			code := p.code(t)
			if end == syscall.SIGHUP && (code != 0 || !strings.Contains(p.stderr.String(), "goes on")) {
				t.Errorf("code %d: %s", code, p.stderr.String())
			}
			wrapixCode(t, "", "prune", "--yes", "--running") // touches none that runs
			if s = only(t, dir); s.State != "running" {
				t.Errorf("%+v", s)
			}
			follow := start(t, "logs", "--follow", s.Name)
			follow.line(t, "one")
			watch := start(t, "attach", s.Name)
			out, errs, code := wrapixCode(t, "typed", "exec", s.Name, "--env", "MINE=yes", "--", "sh", "-c", `pwd; echo "$MINE"; cat; touch end; exit 5`)
			if code != 5 || out != "/workspace\nyes\ntyped" {
				t.Errorf("exec: code %d, %q, %q", code, out, errs)
			}
			follow.line(t, "two")
			if _, errs, code := wrapixCode(t, "", "exec", s.Name, "--", "no-such-program"); code != 127 {
				t.Errorf("exec: code %d, %s", code, errs)
			}
			if out, errs, code := wrapixCode(t, "", "stop", s.Name); code != 0 {
				t.Errorf("stop: code %d, %s%s", code, out, errs)
			}
			follow.line(t, "bye")
			if code := follow.code(t); code != 0 {
				t.Errorf("logs: code %d: %s", code, follow.stderr.String())
			}
			if code := watch.code(t); code != 0 {
				t.Errorf("attach: code %d: %s", code, watch.stderr.String())
			}
		})
	}
}

func TestStopKillsWhatDoesNotEnd(t *testing.T) {
	dir := keepInProject(t)
	p := start(t, dir, "--rm=false", "--", "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.02; done")
	p.line(t, "ready")
	s := only(t, dir)
	began := time.Now()
	if _, errs, code := wrapixCode(t, "", "stop", "--time", "1", s.Name); code != 0 || time.Since(began) < time.Second {
		t.Errorf("stop: code %d after %s, %s", code, time.Since(began), errs)
	}
	if code := p.code(t); code != 137 {
		t.Errorf("code %d: %s", code, p.stderr.String())
	}
}

// A further wrapix opens beside the first, and a name that fits both is refused.
func TestSecondInTheSameProject(t *testing.T) {
	dir := keepInProject(t)
	first := start(t, dir, "--", "sh", "-c", "echo first; while ! test -e both; do sleep 0.02; done; exit 1")
	first.line(t, "first")
	second := start(t, dir, "--", "sh", "-c", "echo second; while ! test -e both; do sleep 0.02; done; exit 2")
	second.line(t, "second")
	if all := listSandboxes(t); len(all) != 2 || all[0].Name == all[1].Name {
		t.Errorf("%+v", all)
	}
	if _, errs, code := wrapixCode(t, "", "stop", "p-"); code != exitUsage || !strings.Contains(errs, "can be wrapix-p-") {
		t.Errorf("code %d: %s", code, errs)
	}
	out, _, _ := wrapixCode(t, "", "__complete", "exec", "wrapix-p")
	if strings.Count(out, "wrapix-p-") != 2 {
		t.Errorf("completion: %s", out)
	}
	// Of one that is not kept there is no log, and it can be entered.
	name := listSandboxes(t)[0].Name
	if _, errs, code := wrapixCode(t, "", "logs", name); code != exitUsage || !strings.Contains(errs, "has no log") {
		t.Errorf("logs: code %d, %s", code, errs)
	}
	if _, errs, code := wrapixCode(t, "", "exec", name, "--", "true"); code != 0 {
		t.Errorf("exec: code %d, %s", code, errs)
	}
	_, _, _ = wrapixCode(t, "", "exec", name, "--", "touch", "both") // with which its sandbox ends, perhaps before it
	if a, b := first.code(t), second.code(t); a != 1 || b != 2 {
		t.Errorf("codes %d and %d", a, b)
	}
}

// What lives in our process cannot outlive it.
func TestKeptNeedsNothingOfOurs(t *testing.T) {
	dir := keepInProject(t)
	for flag, value := range map[string]string{"--host-ports": "11434", "--ports": "8080", "--allow": "example.org"} {
		args := []string{dir, "--rm=false", flag, value, "--", "true"}
		if flag == "--allow" {
			args = slices.Insert(args, 1, "--network", "allowlist")
		}
		if _, errs, code := wrapixCode(t, "", args...); code != exitUsage || !strings.Contains(errs, "would outlive this wrapix") {
			t.Errorf("%v: code %d, %s", args, code, errs)
		}
	}
	nothingLeft(t)
}

// A secret that is printed goes to no log.
func TestKeptWithSecrets(t *testing.T) {
	dir := keepInProject(t)
	value := filepath.Join(t.TempDir(), "value")
	if err := os.WriteFile(value, []byte("very secret indeed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeConfig(dir, "[secrets]\nTOKEN = { file = \""+value+"\" }\n"); err != nil {
		t.Fatal(err)
	}
	if out, errs, code := wrapixCode(t, "", "trust", "--yes", dir); code != 0 {
		t.Fatalf("trust: %s%s", out, errs)
	}
	p := start(t, dir, "--rm=false", "--", "sh", "-c", "echo $TOKEN; while :; do sleep 0.02; done")
	p.line(t, "very secret indeed")
	s := only(t, dir)
	if out, errs, code := wrapixCode(t, "", "logs", s.Name); code != exitUsage || !strings.Contains(errs, "it has secrets") {
		t.Errorf("logs: code %d, %s%s", code, out, errs)
	}
	if out, _, code := wrapixCode(t, "", "exec", s.Name, "--", "sh", "-c", "echo $TOKEN"); code != 0 || out != "very secret indeed\n" {
		t.Errorf("exec: code %d, %s", code, out)
	}
	if out, err := exec.Command("podman", "logs", s.Name).CombinedOutput(); strings.Contains(string(out), "very secret") {
		t.Errorf("podman logs (%v): %s", err, out)
	}
}

func TestNames(t *testing.T) {
	for _, args := range [][]string{{"stop"}, {"stop", "no-such"}, {"logs", "no-such"}, {"attach"}, {"exec", "no-such"}, {"exec", "--", "true"}, {"exec", "no-such", "--", "true"}, {"stop", ""}} {
		if out, errs, code := wrapixCode(t, "", args...); code != exitUsage || !strings.Contains(errs, "try: ") {
			t.Errorf("%v: code %d, %s%s", args, code, out, errs)
		}
	}
}

func TestDetachable(t *testing.T) {
	for typed, want := range map[string]string{
		"": "", "abc": "abc", "a\x10b": "a\x10b", "a\x10\x10b": "a\x10\x10b", "a\x11b\x10": "a\x11b\x10",
		"a\x10\x11b": "a|", "\x10\x10\x11b": "\x10|", "\x10\x11": "|",
	} {
		for name, reader := range map[string]io.Reader{
			"at once": strings.NewReader(typed), "one by one": iotest.OneByteReader(strings.NewReader(typed)), "with its end": iotest.DataErrReader(strings.NewReader(typed)),
		} {
			detached := ""
			got, err := io.ReadAll(&detachable{from: reader, detach: func() { detached = "|" }})
			if err != nil || string(got)+detached != want {
				t.Errorf("%q %s: %q (%v), not %q", typed, name, string(got)+detached, err, want)
			}
		}
	}
}
