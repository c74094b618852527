package devcontainer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/trust"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const whole = `// For details, see https://aka.ms/devcontainer.json
{
	"name": "a project", /* of mine */
	"$schema": "https://x",
	"image": "mcr.microsoft.com/devcontainers/base:bookworm",
	"features": {
		"ghcr.io/devcontainers/features/rust:1": {},
		"ghcr.io/devcontainers/features/node:1": { "version": "20" },
		"python": "3.11", "ghcr.io/devcontainers/features/rust:2": {},
		"ghcr.io/devcontainers/features/docker-in-docker:2": {},
		"ghcr.io/somebody/features/go:1": {},
	},
	"containerEnv": { "A": "1", "B": "${localEnv:HOME}", "RALPH_X": "x", "C D": "x" },
	"remoteEnv": { "E": "//no comment", "PATH": "${containerEnv:PATH}:/x", "F": null },
	"forwardPorts": [8080, "db:5432", 80, 8080, 3000.5, "3000"],
	"postCreateCommand": "make setup",
	"initializeCommand": ["touch", "x"],
	"mounts": [],
	"unheard": true,
}
`

func TestParse(t *testing.T) {
	f, err := Parse("/p/devcontainer.json", []byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	if (f.Image != Named{"mcr.microsoft.com/devcontainers/base:bookworm", "image", 5}) {
		t.Errorf("%+v", f.Image)
	}
	var profiles []string
	for _, n := range f.Profiles {
		profiles = append(profiles, n.Name)
	}
	if !reflect.DeepEqual(profiles, []string{"rust", "node", "python"}) || f.Profiles[0].Line != 7 {
		t.Errorf("%+v", f.Profiles)
	}
	if !reflect.DeepEqual(f.Env, map[string]string{"A": "1", "E": "//no comment"}) || !reflect.DeepEqual(f.Ports, []int{8080}) {
		t.Errorf("%v %v", f.Env, f.Ports)
	}
	want := []string{
		"8: features.ghcr.io/devcontainers/features/node:1.version: the profile node has no options",
		"9: features.python: the profile python installs the version of Debian",
		"10: features.ghcr.io/devcontainers/features/docker-in-docker:2: no profile stands for it",
		"11: features.ghcr.io/somebody/features/go:1: no profile stands for it",
		"13: containerEnv.B: it has a variable in it", "13: containerEnv.RALPH_X: ", "13: containerEnv.C D: ",
		"14: remoteEnv.PATH: it has a variable in it", "14: remoteEnv.F: its value is no string",
		`15: forwardPorts "db:5432": only a port of the sandbox itself`, "15: forwardPorts 80: only ports from 1024", "15: forwardPorts 3000.5: only a port", `15: forwardPorts "3000": only a port`,
		"16: postCreateCommand: no command of it runs", "17: initializeCommand: it would run on this host", "18: mounts: ", "19: unheard: it has no effect",
	}
	for i, ignored := range f.Ignored {
		if i >= len(want) || !strings.HasPrefix(ignored.String(), "/p/devcontainer.json:"+want[i]) {
			t.Errorf("%d: %s", i, ignored)
		}
	}
	if len(f.Ignored) != len(want) {
		t.Errorf("%d are told, not %d", len(f.Ignored), len(want))
	}
}

// What is no description at all is an error with its place.
func TestParseWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "f:1:1: ",
		"[]":                             "f:1:1: want an object",
		"{\n\t\"image\": x}":             "f:2:11: ",
		"{\"a\": 1,\n\"a\": 2}":          `f:2:1: "a" is there twice`,
		"{} {}":                          "f:1:4: ",
		strings.Repeat("[", maxSize):     "f:1:",
		strings.Repeat("{\"a\":", 1<<12): "f:1:",
	} {
		_, err := Parse("f", []byte(text))
		var problems *config.Problems
		if !errors.As(err, &problems) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.20q: %v, want %s", text, err, want)
		}
	}
	for _, text := range []string{
		`{"image": 1}`, `{"image": ""}`, `{"image": "a b"}`, `{"image": "${localEnv:IMAGE}"}`, `{"image": "a\u202eb"}`, `{"image": null}`, `{"image": "./Containerfile"}`, `{"image": "--x"}`, "{\"image\": \"a\xff\"}",
		`{"features": []}`, `{"containerEnv": "A=b"}`, `{"forwardPorts": 8080}`, `{"forwardPorts": [null]}`, `{"forwardPorts": [1e99]}`,
		`{"forwardPorts": [-1]}`, `{"containerEnv": {"A": "\u0000"}}`, `{"forwardPorts": [{}]}`,
	} {
		f, err := Parse("f", []byte(text))
		if err != nil || len(f.Ignored) != 1 || len(f.Settings()) > 0 || len(f.Env) > 0 {
			t.Errorf("%s: %+v, %v", text, f, err)
		}
	}
}

func TestRead(t *testing.T) {
	project, outside := t.TempDir(), t.TempDir()
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Read(project); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
	second, first := filepath.Join(project, ".devcontainer.json"), filepath.Join(project, ".devcontainer", "devcontainer.json")
	write(second, `{"image": "second"}`)
	if f, err := Read(project); err != nil || f.Image.Name != "second" || f.Path != second {
		t.Errorf("%+v, %v", f, err)
	}
	write(first, `{"image": "first"}`)
	if f, err := Read(project); err != nil || f.Image.Name != "first" || f.Path != first {
		t.Errorf("%+v, %v", f, err)
	}
	write(filepath.Join(outside, "x.json"), `{"image": "outside"}`)
	write(filepath.Join(project, "x.json"), `{"image": "inside"}`)
	for name, put := range map[string]func() error{
		"no regular file": func() error { return syscall.Mkfifo(first, 0o600) },
		"escapes":         func() error { return os.Symlink(filepath.Join(outside, "x.json"), first) },
		"is a directory":  func() error { return os.Mkdir(first, 0o700) },
		"larger than":     func() error { return os.WriteFile(first, make([]byte, maxSize+1), 0o600) },
		"":                func() error { return os.Symlink("../x.json", first) },
	} {
		if err := os.RemoveAll(first); err != nil {
			t.Fatal(err)
		}
		if err := put(); err != nil {
			t.Fatal(err)
		}
		f, err := Read(project)
		if name == "" {
			if err != nil || f.Image.Name != "inside" {
				t.Errorf("a link within the project: %+v, %v", f, err)
			}
		} else if err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
}

func TestApproved(t *testing.T) {
	f, err := Parse("f", []byte(`{"image": "x:1", "forwardPorts": [8080, 9090], "containerEnv": {"A": "file", "B": "file"}}`))
	if err != nil {
		t.Fatal(err)
	}
	list := f.Settings()
	if len(list) != 3 || list[0].Key != "forwardPorts" || list[2].Key != "image" {
		t.Fatalf("%+v", list)
	}
	state := t.TempDir()
	if err := trust.Approve(state, "/p", list, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	if d, err := trust.Check(state, "/p", list); err != nil || !d.Recorded() {
		t.Errorf("%+v, %v", d, err)
	}
	if now := f.Approved(trust.Unrecorded("/p", list)); now.Image.Name != "" || len(now.Ports) > 0 || len(f.Ports) != 2 {
		t.Errorf("%+v", now)
	}
	if now := f.Approved(trust.Difference{Added: File{Ports: []int{9090}}.Settings()}); now.Image.Name != "x:1" || !reflect.DeepEqual(now.Ports, []int{8080}) {
		t.Errorf("%+v", now)
	}
	c := config.Default()
	c.Sandbox.Env, c.Sandbox.Ports = map[string]string{"B": "toml"}, []int{9090, 7070}
	got := f.Under(c).Sandbox
	if !reflect.DeepEqual(got.Env, map[string]string{"A": "file", "B": "toml"}) || !reflect.DeepEqual(got.Ports, []int{9090, 7070, 8080}) || len(c.Sandbox.Env) != 1 {
		t.Errorf("%+v", got)
	}
}

// Whatever the text, it is read or refused with a place in it, and what is taken over is what a sandbox can have.
func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte(`{"forwardPorts": [1e3, "x"], "features": {"rust": {"a": 1}}, "remoteEnv": {"A": "b"}} // x`))
	f.Add([]byte("{\"a\":[[[[{}]]]],}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > maxSize {
			return
		}
		lines := 1 + strings.Count(string(text), "\n")
		file, err := Parse("f", text)
		var problems *config.Problems
		if errors.As(err, &problems) {
			if p := problems.List[0]; p.Line < 1 || p.Line > lines || p.Column < 1 {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range file.Ignored {
			if i.Line < 1 || i.Line > lines || i.Reason == "" {
				t.Errorf("%q: %+v", text, i)
			}
		}
		for name, value := range file.Env {
			if config.CheckVariable(name) != nil || strings.ContainsRune(value, 0) || strings.Contains(value, "${") {
				t.Errorf("%q: %q=%q", text, name, value)
			}
		}
		for _, port := range file.Ports {
			if port < firstPort || port > lastPort {
				t.Errorf("%q: port %d", text, port)
			}
		}
		for _, n := range append(file.Profiles, file.Image) {
			if n.Name != "" && (n.Line < 1 || n.Line > lines || strings.ContainsAny(n.Name, " \n\x1b")) {
				t.Errorf("%q: %+v", text, n)
			}
		}
	})
}
