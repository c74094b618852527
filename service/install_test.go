package service

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestUnitIsInstalled installs, updates and removes the unit in a home of its own, where no systemd runs.
func TestUnitIsInstalled(t *testing.T) {
	if _, err := exec.LookPath("systemctl"); err != nil {
		t.Skip("NO SYSTEMCTL on this host: installing a unit was not tried (make deps installs it)")
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	o := plainOptions
	o.Home = home
	s := made(t, Systemd, o)
	place := filepath.Join(home, ".config/systemd/user/ralph-resume.service")
	link := filepath.Join(home, ".config/systemd/user/default.target.wants/ralph-resume.service")
	if s.Place() != place {
		t.Fatal(s.Place())
	}
	checkStatus(t, s, false, false)
	if c := must(s.Remove(t.Context()))(t); c.Was != "" {
		t.Errorf("removed %q", c.Was)
	}
	c := must(s.Install(t.Context()))(t)
	if c.Was != "" || c.Is != s.Text() || text(t, place) != s.Text() || len(c.Notes) != 1 {
		t.Errorf("%+v", c)
	}
	if _, err := os.Stat(link); err != nil {
		t.Error(err)
	}
	checkStatus(t, s, true, true)
	if c = must(s.Install(t.Context()))(t); c.Was != c.Is {
		t.Errorf("%+v", c)
	}
	// An older one is brought up to date.
	o.Program = "/opt/ralph"
	newer := made(t, Systemd, o)
	checkStatus(t, newer, true, false)
	if c = must(newer.Install(t.Context()))(t); c.Was != s.Text() || c.Is != newer.Text() || text(t, place) != newer.Text() {
		t.Errorf("%+v", c)
	}
	if c = must(newer.Remove(t.Context()))(t); c.Was != newer.Text() || c.Is != "" {
		t.Errorf("%+v", c)
	}
	for _, path := range []string{place, link} {
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
	foreign(t, s)
}

// TestAgentIsInstalled does the same with the file of launchd, as far as that is possible elsewhere.
func TestAgentIsInstalled(t *testing.T) {
	o := plainOptions
	o.Home = t.TempDir()
	s := made(t, Launchd, o)
	checkStatus(t, s, false, false)
	if c := must(s.Install(t.Context()))(t); c.Was != "" || text(t, s.Place()) != s.Text() {
		t.Errorf("%+v", c)
	}
	checkStatus(t, s, true, true)
	if c := must(s.Install(t.Context()))(t); c.Was != c.Is {
		t.Errorf("%+v", c)
	}
	if c := must(s.Remove(t.Context()))(t); c.Was != s.Text() {
		t.Errorf("%+v", c)
	}
	checkStatus(t, s, false, false)
	foreign(t, s)
}

// foreign holds that what somebody else put there is left alone.
func foreign(t *testing.T, s Service) {
	t.Helper()
	const theirs = "[Unit]\nDescription=mine\n"
	if err := os.MkdirAll(filepath.Dir(s.Place()), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.Place(), []byte(theirs), 0o644); err != nil {
		t.Fatal(err)
	}
	_, installErr := s.Install(t.Context())
	_, removeErr := s.Remove(t.Context())
	_, statusErr := s.Status(t.Context())
	for _, err := range []error{installErr, removeErr, statusErr} {
		if !errors.Is(err, ErrForeign) {
			t.Error(err)
		}
	}
	if text(t, s.Place()) != theirs {
		t.Error("it was changed")
	}
}

// TestCrontab works on the real crontab of the user, where that has none.
func TestCrontab(t *testing.T) {
	if _, err := exec.LookPath("crontab"); err != nil {
		t.Skip("NO CRONTAB on this host: the line was not installed (make deps installs it)")
	}
	before, err := readTable(t.Context())
	if err != nil || before != "" {
		t.Skipf("THE CRONTAB OF THIS USER IS NOT TOUCHED: it is not empty, or cannot be read (%v)", err)
	}
	t.Cleanup(func() {
		if _, err := run(context.Background(), "", "crontab", "-r"); err != nil && !strings.Contains(err.Error(), "no crontab") {
			t.Error(err)
		}
	})
	s := made(t, Cron, hostileOptions)
	checkStatus(t, s, false, false)
	if c := must(s.Install(t.Context()))(t); c.Was != "" || table(t) != s.Text()+"\n" {
		t.Errorf("%+v: %q", c, table(t))
	}
	checkStatus(t, s, true, true)
	if c := must(s.Remove(t.Context()))(t); c.Was != s.Text() || table(t) != "" {
		t.Errorf("%+v: %q", c, table(t))
	}
	// What a person has there stays.
	const theirs = "# mine\nMAILTO=\"\"\n\n  5 4 * * *   date '+\\%F'  \t\n@reboot true # ralph service install of mine\n"
	if _, err := run(t.Context(), theirs, "crontab", "-"); err != nil {
		t.Fatal(err)
	}
	must(s.Install(t.Context()))(t)
	if got := table(t); got != theirs+s.Text()+"\n" {
		t.Errorf("%q", got)
	}
	newer := made(t, Cron, plainOptions)
	checkStatus(t, newer, true, false)
	if c := must(newer.Install(t.Context()))(t); c.Was != s.Text() || table(t) != theirs+newer.Text()+"\n" {
		t.Errorf("%+v: %q", c, table(t))
	}
	must(newer.Remove(t.Context()))(t)
	if got := table(t); got != theirs {
		t.Errorf("%q", got)
	}
}

func table(t *testing.T) string {
	t.Helper()
	return must(readTable(t.Context()))(t)
}

func made(t *testing.T, kind Kind, o Options) Service {
	t.Helper()
	return must(New(kind, o))(t)
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func text(t *testing.T, path string) string {
	t.Helper()
	return string(must(os.ReadFile(path))(t))
}

func checkStatus(t *testing.T, s Service, installed, current bool) {
	t.Helper()
	status := must(s.Status(t.Context()))(t)
	if status.Installed != installed || status.Enabled != installed || status.Current != current {
		t.Errorf("%+v", status)
	}
	if (status.Lingering != nil) != (s.Kind() == Systemd) {
		t.Errorf("lingering: %v", status.Lingering)
	}
}
