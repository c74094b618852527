package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/wrapix/wrapix/sandbox/podman"
)

// TestScripts runs the scripts of testdata/script. Beside testscript's own commands they have:
//
//	project              make $WORK/p a project: its agent is p/agent.sh, its image the busybox one, which is approved,
//	                     and extra.toml is added to its configuration
//	exits N PROG ARG…    run a program that must end with exit code N
//	begin PROG ARG…      start a program in the background, one a script
//	await FIFO           wait until something writes to the named pipe, which was made by project (started, more)
//	release FIFO         write to the named pipe
//	shows TEXT           wait until the program in the background has printed a text
//	signal NAME          send a signal to the program in the background
//	ends N               wait for it: exit code N; its output is then in the files begun.stdout and begun.stderr
//	json FILE PATH WANT  the value at the path ("workflows.0.state", "len" being the length) is WANT
//	keys FILE PATH KEY…  the object at the path has exactly these keys
//	trust                (a program) approves what the project here does to the host, as `wrapix trust --yes` does
//	containers N         there are N containers of $WORK/p
//	model FILE           serve the script in the file as a model's service, at port $PORT of the loopback; one a script
//	asked N              it was asked N times
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Vars = append(env.Vars, "XDG_STATE_HOME="+filepath.Join(env.WorkDir, "xdg"), "TZ=UTC")
			// The race detector would let each of some two hundred processes sleep for a second at its end.
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			for _, name := range []string{"HOME", "XDG_RUNTIME_DIR", "PODMAN_IGNORE_CGROUPSV1_WARNING", "USER"} {
				env.Setenv(name, os.Getenv(name))
			}
			ralph, err := exec.LookPath("ralph") // for scripts that take PATH away
			if err != nil {
				return err
			}
			env.Setenv("RALPH", ralph)
			env.Setenv("IMAGE", testImage)
			b := &background{}
			m := &model{}
			env.Values[backgroundKey{}], env.Values[modelKey{}] = b, m
			env.Defer(func() {
				if m.close != nil {
					m.close()
				}
			})
			env.Defer(b.kill)
			env.Defer(func() { killLoops(filepath.Join(env.WorkDir, "xdg", "ralph", "*")) })
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"project": cmdProject, "exits": cmdExits, "begin": cmdBegin, "await": cmdAwait, "release": cmdRelease, "shows": cmdShows,
			"signal": cmdSignal, "ends": cmdEnds, "json": cmdJSON, "keys": cmdKeys, "containers": cmdContainers,
			"model": cmdModel, "asked": cmdAsked,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

func cmdProject(ts *testscript.TestScript, _ bool, _ []string) {
	dir := ts.MkAbs(filepath.Join(ts.Getenv("WORK"), "p"))
	ts.Check(os.MkdirAll(filepath.Join(dir, ".git"), 0o755))
	for _, fifo := range []string{"started", "more"} {
		ts.Check(syscall.Mkfifo(filepath.Join(dir, fifo), 0o600))
	}
	if _, err := os.Stat(filepath.Join(dir, "agent.sh")); err == nil {
		ts.Check(os.Chmod(filepath.Join(dir, "agent.sh"), 0o755))
	}
	text := fmt.Sprintf("agent.command = [\"./agent.sh\"]\nsandbox.image = %q\nsandbox.network = \"none\"\n", testImage)
	extra, _ := os.ReadFile(filepath.Join(ts.Getenv("WORK"), "extra.toml"))
	if text += string(extra); !strings.Contains(text, "notify") {
		text += "notify.enabled = false\n"
	}
	ts.Check(os.WriteFile(filepath.Join(dir, "wrapix.toml"), []byte(text), 0o644))
	ts.Check(ts.Exec("trust", "image", dir))
}

func cmdExits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	got := 0
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, not %d", got, want)
	}
}

// background is the one program that a script can have running.
type background struct {
	cmd            *exec.Cmd
	stdout, stderr printed
}

// printed is what a program has printed so far.
type printed struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{} // closed with the next write; nil while nobody waits
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.more != nil {
		close(p.more)
		p.more = nil
	}
	return p.text.Write(b)
}

// now returns the text, and a channel that is closed when there is more of it.
func (p *printed) now() (string, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.more == nil {
		p.more = make(chan struct{})
	}
	return p.text.String(), p.more
}

func (p *printed) String() string {
	text, _ := p.now()
	return text
}

func cmdShows(ts *testscript.TestScript, _ bool, args []string) {
	b := ts.Value(backgroundKey{}).(*background)
	patience := time.After(time.Minute)
	for {
		stdout, more := b.stdout.now()
		stderr, moreErrors := b.stderr.now()
		if strings.Contains(stdout+stderr, args[0]) {
			return
		}
		select {
		case <-more:
		case <-moreErrors:
		case <-patience:
			ts.Fatalf("it shows %q and %q", stdout, stderr)
		}
	}
}

// killLoops ends the processes that still hold the store of one of the state folders: a test that failed may leave loops
// that went on without it.
func killLoops(states string) {
	holders, _ := filepath.Glob(filepath.Join(states, "ralph.db.holder"))
	for _, name := range holders {
		var holder struct{ PID int }
		text, _ := os.ReadFile(name)
		if json.Unmarshal(text, &holder) == nil && holder.PID > 0 {
			_ = syscall.Kill(holder.PID, syscall.SIGKILL)
		}
	}
}

type backgroundKey struct{}

func (b *background) kill() {
	if b.cmd != nil && b.cmd.ProcessState == nil {
		_ = b.cmd.Process.Kill()
		_ = b.cmd.Wait()
	}
}

func cmdBegin(ts *testscript.TestScript, _ bool, args []string) {
	b := ts.Value(backgroundKey{}).(*background)
	b.kill()
	b.stdout, b.stderr = printed{}, printed{}
	path := ""
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if p := filepath.Join(dir, args[0]); path == "" {
			if _, err := os.Stat(p); err == nil {
				path = p
			}
		}
	}
	b.cmd = exec.Command(path, args[1:]...)
	b.cmd.Args[0] = args[0]
	b.cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "USER", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "TMPDIR", "GORACE", "API_TOKEN", "GIVEN", "MODEL_KEY"} {
		b.cmd.Env = append(b.cmd.Env, name+"="+ts.Getenv(name))
	}
	b.cmd.Stdout, b.cmd.Stderr = &b.stdout, &b.stderr
	ts.Check(b.cmd.Start())
}

func cmdAwait(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.Open(ts.MkAbs(args[0])) // returns when there is a writer
	ts.Check(err)
	defer f.Close()
	_, err = io.ReadAll(f)
	ts.Check(err)
}

func cmdRelease(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte("go on\n"), 0))
}

func cmdSignal(ts *testscript.TestScript, _ bool, args []string) {
	signals := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL, "HUP": syscall.SIGHUP}
	ts.Check(ts.Value(backgroundKey{}).(*background).cmd.Process.Signal(signals[args[0]]))
}

func cmdEnds(ts *testscript.TestScript, _ bool, args []string) {
	b := ts.Value(backgroundKey{}).(*background)
	_ = b.cmd.Wait()
	ts.Check(os.WriteFile(ts.MkAbs("begun.stdout"), []byte(b.stdout.String()), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("begun.stderr"), []byte(b.stderr.String()), 0o600))
	ts.Logf("[begun stdout]\n%s[begun stderr]\n%s", b.stdout.String(), b.stderr.String())
	if got := strconv.Itoa(b.cmd.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("exit code %s (%s), not %s", got, b.cmd.ProcessState, args[0])
	}
}

func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	got := lookup(ts, args[0], args[1])
	text, ok := got.(string)
	if !ok {
		b, err := json.Marshal(got)
		ts.Check(err)
		text = string(b)
	}
	if (text == args[2]) == neg {
		ts.Fatalf("%s is %q", args[1], text)
	}
}

func cmdKeys(ts *testscript.TestScript, _ bool, args []string) {
	object, ok := lookup(ts, args[0], args[1]).(map[string]any)
	if !ok {
		ts.Fatalf("%s is no object", args[1])
	}
	var got []string
	for key := range object {
		got = append(got, key)
	}
	want := slices.Sorted(slices.Values(args[2:]))
	if slices.Sort(got); !reflect.DeepEqual(got, want) {
		ts.Fatalf("%s has the keys %q, not %q", args[1], got, want)
	}
}

func lookup(ts *testscript.TestScript, file, path string) any {
	var value any
	decoder := json.NewDecoder(strings.NewReader(ts.ReadFile(file)))
	ts.Check(decoder.Decode(&value))
	if decoder.More() {
		ts.Fatalf("%s has more than one document", file)
	}
	for _, step := range strings.Split(strings.Trim(path, "."), ".") {
		switch v := value.(type) {
		case map[string]any:
			if path == "." {
				return v
			}
			var ok bool
			if value, ok = v[step]; !ok {
				ts.Fatalf("%s: no key %q in %v", path, step, v)
			}
		case []any:
			if step == "len" {
				return len(v)
			}
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(v) {
				ts.Fatalf("%s: no entry %q of %d", path, step, len(v))
			}
			value = v[i]
		default:
			ts.Fatalf("%s: nothing below %v", path, v)
		}
	}
	return value
}

func cmdContainers(ts *testscript.TestScript, _ bool, args []string) {
	engine, err := podman.Connect(context.Background(), podman.Options{})
	ts.Check(err)
	defer engine.Close()
	found, err := engine.List(context.Background(), map[string]string{"wrapix.project": filepath.Join(ts.Getenv("WORK"), "p")})
	ts.Check(err)
	if strconv.Itoa(len(found)) != args[0] {
		ts.Fatalf("%d containers: %v", len(found), found)
	}
}
