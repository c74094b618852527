package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/wrapix/wrapix/internal/powercut"
)

// recording is one whole workflow, from an empty folder to its end, by every process that had a part in it.
type recording struct {
	*powercut.Log
	project string
	witness []int // before each operation, how long the file is that the agent appends to
	ends    []int // where a command had ended, and all that it was told had been told
}

// state is the state folder within what is recorded.
const state = "state"

// record runs the workflow with its state folder in a recorder: a hook, a webhook, a question, an answer.
func record(t *testing.T) *recording {
	r := &recording{project: t.TempDir()}
	mount := t.TempDir()
	recorder, err := powercut.Mount(mount, func(int, powercut.Op) bool {
		length := 0
		if info, err := os.Stat(filepath.Join(r.project, "witness")); err == nil {
			length = int(info.Size())
		}
		r.witness = append(r.witness, length)
		return true
	})
	if err != nil {
		t.Fatalf("%v (scripts/deps installs what this needs)", err)
	}
	t.Cleanup(func() {
		if err := recorder.Close(); err != nil {
			t.Error(err)
		}
	})
	env := ownPodman(t, mount)

	told := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer told.Close()
	r.write(t, "wrapix.toml", fmt.Sprintf(`[agent]
command = ["./agent.sh"]
[sandbox]
image = %q
network = "none"
[hooks]
post_step = ["/bin/true"]
[notify]
enabled = false
webhook = %q
`, testImage, told.URL))
	r.write(t, "agent.sh", `#!/bin/sh
echo $RALPH_TASK/$RALPH_ATTEMPT >> witness
echo working on $RALPH_TASK
if [ $RALPH_TASK = T2 ] && ! grep -q blue "$RALPH_PROMPT"; then echo 'RALPH_CLARIFY: Which colour?'; else echo RALPH_COMPLETE; fi
`)
	r.write(t, "spec.md", "# Two\n\nTwo tasks.\n\n## Tasks\n\n- [ ] **T1** First\n  - Check: `grep T1 witness`\n- [ ] **T2** Second (after: T1)\n  - Check: `grep T2 witness`\n")

	env = append(env, "RALPH_STATE_DIR="+filepath.Join(mount, state))
	for _, step := range []struct {
		code int
		args []string
	}{
		{0, []string{"trust"}},
		{exitStuck, []string{"ralph", "loop", "spec.md"}},
		{0, []string{"ralph", "answer", "T2", "blue"}},
		{0, []string{"ralph", "loop"}},
	} {
		if out, code := r.run(t, env, step.args...); code != step.code {
			t.Fatalf("%q: exit code %d, not %d\n%s", step.args, code, step.code, out)
		}
		r.ends = append(r.ends, recorder.Log().Len())
	}
	r.Log = recorder.Log()
	return r
}

func (r *recording) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.project, name), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// run runs a command in the project and returns what it said and its exit code.
func (r *recording) run(t *testing.T, env []string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env = r.project, append(append(os.Environ(), noRaceSleep), env...)
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// ownPodman makes a Podman with folders, and a mount namespace, of its own, and returns the environment that leads to
// it. That of the user may have been there before the recorder was mounted, and would not see it.
//
// The kernel lets nobody but this user into the recorder, so its OCI runtime, which is another one inside of the
// sandbox, gets a copy of what it is to mount from there: the prompt.
func ownPodman(t *testing.T, mount string) []string {
	folder := t.TempDir()
	runtimes := ""
	for _, name := range []string{"runc", "crun"} {
		program, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		script := fmt.Sprintf(`#!/bin/sh
for arg; do [ "$last" != --bundle ] || bundle=$arg; last=$arg; done
[ -z "$bundle" ] || input=$(grep -o '"source":"%[1]s[^"]*"' "$bundle/config.json" | cut -d'"' -f4)
if [ -n "$input" ]; then
	copy=$(mktemp -d %[2]s/input.XXXXXX)
	cp "$input"/* "$copy"
	sed -i "s|$input|$copy|g" "$bundle/config.json"
fi
exec %[3]s "$@"
`, mount, folder, program)
		if err := os.WriteFile(filepath.Join(folder, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		runtimes += fmt.Sprintf("%s = [%q]\n", name, filepath.Join(folder, name))
	}
	configuration := filepath.Join(folder, "containers.conf")
	if err := os.WriteFile(configuration, []byte("[engine.runtimes]\n"+runtimes), 0o644); err != nil {
		t.Fatal(err)
	}
	users := os.Getenv("XDG_RUNTIME_DIR")
	run, err := os.MkdirTemp(users, "cut-") // a short path: sockets are made in it
	if err != nil {
		t.Fatal(err)
	}
	bus := os.Getenv("DBUS_SESSION_BUS_ADDRESS")
	if bus == "" {
		bus = "unix:path=" + filepath.Join(users, "bus") // or none; not one that is started for us
	}
	env := []string{
		"XDG_RUNTIME_DIR=" + run, "XDG_DATA_HOME=" + folder, "CONTAINERS_CONF=" + configuration, "DBUS_SESSION_BUS_ADDRESS=" + bus,
	}
	podman := func(extra []string, args ...string) {
		cmd := exec.Command("podman", args...)
		cmd.Env = append(os.Environ(), extra...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("podman %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	t.Cleanup(func() {
		podman(env, "rm", "--all", "--force")
		podman(env, "rmi", "--all", "--force") // its files may be of users that we cannot be
		// What keeps Podman's namespaces keeps the recorder mounted in them.
		text, err := os.ReadFile(filepath.Join(run, "libpod/tmp/pause.pid"))
		if pid, errNumber := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && errNumber == nil && pid > 1 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		_ = os.RemoveAll(run)
	})
	archive := filepath.Join(folder, "image.tar")
	podman(nil, "save", "--quiet", "--output", archive, testImage)
	podman(env, "load", "--quiet", "--input", archive)
	return env
}
