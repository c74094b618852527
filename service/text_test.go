package service

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// hostile has what each of the forms gives a meaning to.
const hostile = `/ho me/a=b/%u%%h $HOME ${X}/"d" 's'/\n\x41/;&|<x>/# !/über`

var plainOptions = Options{
	Program: "/usr/local/bin/ralph", Arguments: []string{"resume", "--all"}, Home: "/home/ada",
	Environment: []Variable{{"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"XDG_STATE_HOME", "/home/ada/.state"}},
	Log:         "/home/ada/.state/ralph/resume.log",
}

var hostileOptions = Options{
	Program: hostile + "/ralph", Arguments: []string{"resume", "--all", hostile, ""}, Home: hostile,
	Environment: []Variable{{"PATH", hostile + ":/bin"}, {"EMPTY", ""}},
	Log:         hostile + "/resume.log",
}

// TestText holds every form against a file, on every platform.
func TestText(t *testing.T) {
	for name, o := range map[string]Options{"plain": plainOptions, "hostile": hostileOptions} {
		for _, kind := range []Kind{Systemd, Launchd, Cron} {
			s, err := New(kind, o)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", string(kind)+"-"+name)
			if *update {
				if err := os.WriteFile(file, []byte(s.Text()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if s.Text() != string(want) {
				t.Errorf("%s is not as in %s:\n%s", kind, file, s.Text())
			}
		}
	}
}

// TestRefused holds that what cannot be written is refused instead of being written as something else.
func TestRefused(t *testing.T) {
	for _, text := range []string{"/a\nExecStart=/bin/evil", "/a\x00", "/a\r", "/a\x7f", "/a\xff"} {
		for _, o := range []Options{
			{Program: text, Home: "/h"}, {Program: "/p", Home: "/h" + text}, {Program: "/p", Home: "/h", Arguments: []string{text}},
			{Program: "/p", Home: "/h", Environment: []Variable{{"A", text}}}, {Program: "/p", Home: "/h", Log: text},
		} {
			if _, err := New(Cron, o); err == nil {
				t.Errorf("%+v was accepted", o)
			}
		}
	}
	for _, o := range []Options{{Program: "ralph", Home: "/h"}, {Program: "/p"}} {
		if _, err := New(Systemd, o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
	if _, err := New("upstart", plainOptions); err == nil {
		t.Error("an unknown kind was accepted")
	}
}

// tellsItself makes a program in a folder with a hostile name that writes its arguments and one variable, each ended by
// a zero, and returns options that start it.
func tellsItself(t *testing.T) (o Options, want string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), hostile)
	o = hostileOptions
	o.Program, o.Log = filepath.Join(dir, "ra lph"), filepath.Join(dir, "log")
	o.Environment = []Variable{{"PATH", "/bin:/usr/bin:" + hostile}, {"HOSTILE", hostile}}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(o.Program, []byte("#!/bin/sh\nprintf '%s\\0' \"$@\" \"$HOSTILE\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return o, strings.Join(append(slices.Clone(o.Arguments), hostile), "\x00") + "\x00"
}

// TestCronLineRuns does with the line what cron does, and looks at what the program got.
func TestCronLineRuns(t *testing.T) {
	o, want := tellsItself(t)
	s, err := New(Cron, o)
	if err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(s.Text(), "@reboot ")
	if !ok {
		t.Fatal(s.Text())
	}
	var command strings.Builder
	for i := 0; i < len(text); i++ { // do_command.c of Vixie's cron
		switch {
		case text[i] == '%':
			t.Fatalf("the command ends before its end: %s", text[i:])
		case text[i] == '\\' && i+1 < len(text) && text[i+1] == '%':
			i++
		}
		command.WriteByte(text[i])
	}
	cmd := exec.Command("/bin/sh", "-c", command.String())
	cmd.Env = []string{"HOME=/", "PATH=/usr/bin:/bin"}
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%s: %v", out, err)
	}
	if got, err := os.ReadFile(o.Log); err != nil || string(got) != want {
		t.Errorf("the program got %q, not %q (%v)", got, want, err)
	}
}

// TestAgentIsRead reads the property list as XML.
func TestAgentIsRead(t *testing.T) {
	s, err := New(Launchd, hostileOptions)
	if err != nil {
		t.Fatal(err)
	}
	var strings []string
	decoder := xml.NewDecoder(bytes.NewBufferString(s.Text()))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "string" {
			var text string
			if err := decoder.DecodeElement(&text, &start); err != nil {
				t.Fatal(err)
			}
			strings = append(strings, text)
		}
	}
	o := hostileOptions
	want := []string{AgentLabel, o.Program, "resume", "--all", hostile, "", hostile + ":/bin", "", o.Log, o.Log, "Background"}
	if !slices.Equal(strings, want) {
		t.Errorf("%q, not %q", strings, want)
	}
}

// TestUnitIsVerified has systemd look at the unit.
func TestUnitIsVerified(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("NO SYSTEMD-ANALYZE on this host: the unit was not verified (make deps installs it)")
	}
	hostile, _ := tellsItself(t)
	plain := plainOptions
	plain.Program = "/bin/true"
	for _, o := range []Options{plain, hostile} {
		s, err := New(Systemd, o)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), UnitName)
		if err := os.WriteFile(file, []byte(s.Text()), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("systemd-analyze", "--user", "verify", file).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("%v: %s\n%s", err, out, s.Text())
		}
	}
}
