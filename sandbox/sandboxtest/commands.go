package sandboxtest

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wrapix/wrapix/sandbox"
)

var commandTests = []test{
	{"ExitCode", func(t *testing.T, s *suite) {
		o := s.do(t, s.spec(t, "exit 7"))
		check(t, "ended", o.Ended, sandbox.EndedExited)
		check(t, "exits", len(o.Exits), 1)
		check(t, "code", o.Exits[0].Code, 7)
		check(t, "signal", o.Exits[0].Signal, "")
		check(t, "name", o.Exits[0].Name, "sh")
	}},
	{"Signal", func(t *testing.T, s *suite) {
		o := s.do(t, s.spec(t, "kill -KILL $$"))
		check(t, "ended", o.Ended, sandbox.EndedExited)
		check(t, "code", o.Exits[0].Code, 137)
		check(t, "signal", o.Exits[0].Signal, "SIGKILL")
	}},
	{"Several", func(t *testing.T, s *suite) {
		spec := s.spec(t, "")
		spec.Commands = []sandbox.Command{
			{Name: "one", Args: []string{"sh", "-c", "echo first; echo bad >&2; exit 3"}},
			{Name: "two", Args: []string{"/bin/echo", "second", "a b", "$HOME"}},
		}
		var events []string
		var out bytes.Buffer
		result, err := sandbox.Run(testContext(t), s.rt, spec, sandbox.Sink{
			Stdout: &out,
			Begin:  func(name string) { events = append(events, "begin "+name) },
			End:    func(e sandbox.Exit) { events = append(events, "end "+e.Name) },
		})
		if err != nil {
			t.Fatal(err)
		}
		check(t, "order", strings.Join(events, ", "), "begin one, end one, begin two, end two")
		check(t, "output", out.String(), "first\nsecond a b $HOME\n")
		check(t, "exits", len(result.Exits), 2)
		check(t, "code of one", result.Exits[0].Code, 3)
		contains(t, "output of one", result.Exits[0].Output, "first\n")
		contains(t, "output of one", result.Exits[0].Output, "bad\n")
		check(t, "code of two", result.Exits[1].Code, 0)
		check(t, "output of two", result.Exits[1].Output, "second a b $HOME\n")
	}},
	{"NotFound", func(t *testing.T, s *suite) {
		spec := s.spec(t, "")
		spec.Commands = []sandbox.Command{{Name: "x", Args: []string{"no-such-program"}}, {Name: "y", Args: []string{"true"}}}
		o := s.do(t, spec)
		check(t, "ended", o.Ended, sandbox.EndedStartFailed)
		check(t, "exits", len(o.Exits), 0)
		contains(t, "error", o.Error, "no-such-program")
	}},
	{"Environment", func(t *testing.T, s *suite) {
		t.Setenv("WRAPIX_TEST_SECRET", "of the host")
		t.Setenv("http_proxy", "http://user:secret@127.0.0.1:1")
		spec := s.spec(t, `env; cd; echo "home $PWD"; echo x > "$HOME/file"; id -un; cat /etc/hosts`)
		spec.Env = map[string]string{"A": "1 2\n3", "LANG": "de_DE"}
		o := s.want0(t, spec)
		for _, want := range []string{"A=1 2\n3\n", "LANG=de_DE\n", "HOME=" + sandbox.HomeDir + "\n", "PATH=/usr/local/sbin:", "home " + sandbox.HomeDir + "\n", "\nagent\n", "127.0.0.1 localhost"} {
			contains(t, "environment", o.stdout, want)
		}
		for _, not := range []string{"secret", "SECRET", "host.containers", "host.docker", "of the host"} {
			if strings.Contains(o.stdout, not) {
				t.Errorf("%q is visible in:\n%s", not, o.stdout)
			}
		}
	}},
	{"Stdin", func(t *testing.T, s *suite) {
		input := t.TempDir()
		writeFile(t, filepath.Join(input, "prompt.md"), "do it\n")
		spec := s.spec(t, "cat; pwd")
		spec.Input = input
		spec.Commands[0].Stdin = sandbox.InputDir + "/prompt.md"
		check(t, "output", s.want0(t, spec).stdout, "do it\n/workspace\n")
	}},
	{"StdinMissing", func(t *testing.T, s *suite) {
		spec := s.spec(t, "cat")
		spec.Commands[0].Stdin = "/run/ralph/nothing"
		check(t, "ended", s.do(t, spec).Ended, sandbox.EndedStartFailed)
	}},
	{"StdinEmpty", func(t *testing.T, s *suite) {
		check(t, "output", s.sh(t, "cat; echo end").stdout, "end\n")
	}},
	{"Collect", func(t *testing.T, s *suite) {
		spec := s.spec(t, `cd /run/out; printf 'a\0b' > result.json; ln -s /etc/passwd link; mkfifo pipe; mkdir dir
			dd if=/dev/zero of=big bs=1M count=5 2>/dev/null`)
		for _, name := range []string{"result.json", "link", "pipe", "dir", "absent", "big"} {
			spec.Collect = append(spec.Collect, sandbox.OutputDir+"/"+name)
		}
		o := s.want0(t, spec)
		check(t, "files", len(o.Files), 2)
		check(t, "content", string(o.Files[sandbox.OutputDir+"/result.json"]), "a\x00b")
		check(t, "bounded", len(o.Files[sandbox.OutputDir+"/big"]), 4<<20)
	}},
	{"Leftovers", func(t *testing.T, s *suite) {
		spec := s.spec(t, "")
		spec.Commands = []sandbox.Command{
			// Daemons that hold the output open, one of which has left its session and ignores what it can.
			{Name: "one", Args: []string{"sh", "-c", `sleep 1000 & (setsid sh -c 'trap "" TERM HUP INT; while :; do sleep 1; done' &) ; echo started`}},
			{Name: "two", Args: []string{"sh", "-c", "ls -d /proc/[0-9]*"}},
		}
		started := time.Now()
		o := s.want0(t, spec)
		if d := time.Since(started); d > time.Minute {
			t.Errorf("waited %v for leftovers", d)
		}
		check(t, "processes of the second command", len(strings.Fields(o.Exits[1].Output)), 2) // the guest and ls
	}},
	{"Orphans", func(t *testing.T, s *suite) {
		o := s.sh(t, `for i in $(seq 50); do (true &); done; sleep 0.2; ls -d /proc/[0-9]* | wc -l`)
		if n := strings.TrimSpace(o.stdout); n != "3" && n != "4" { // guest, sh, ls, wc
			t.Errorf("%s processes left: orphans are not buried", n)
		}
	}},
}
