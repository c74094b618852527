package doctor

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wrapix/wrapix/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func found(check string, severity sandbox.Severity) sandbox.Finding {
	return sandbox.Finding{Severity: severity, Check: check, Code: check, Text: check}
}

// One check that hangs keeps no other from being told, and all are told in their order.
func TestRun(t *testing.T) {
	hangs := make(chan struct{})
	defer close(hangs)
	checks := []Check{
		{"slow", func(context.Context) []sandbox.Finding { <-hangs; return nil }},
		{"heeds", func(ctx context.Context) []sandbox.Finding { return []sandbox.Finding{found("a", sandbox.SeverityOK)} }},
		{"two", func(context.Context) []sandbox.Finding {
			return []sandbox.Finding{found("b", sandbox.SeverityOK), found("c", sandbox.SeverityWarning)}
		}},
	}
	all := run(t.Context(), checks, 50*time.Millisecond)
	if len(all) != 4 || all[0].Code != "no-answer" || !strings.Contains(all[0].Text, "slow") || all[1].Code != "a" || all[2].Code != "b" || all[3].Code != "c" {
		t.Errorf("%+v", all)
	}
	if !Failed(all) || Failed(all[1:]) {
		t.Error("a check without an answer is a failure, a warning is none")
	}
}

func TestAgain(t *testing.T) {
	now := []sandbox.Finding{found("x", sandbox.SeverityWarning), found("y", sandbox.SeverityOK)}
	all := Run(t.Context(), []Check{{"both", func(context.Context) []sandbox.Finding { return now }}})
	now[0].Severity, now[0].Code = sandbox.SeverityOK, "x-mended"
	again := all[0].Again(t.Context())
	if len(again) != 1 || again[0].Code != "x-mended" {
		t.Errorf("%+v", again)
	}
	now = now[1:]
	if again := all[0].Again(t.Context()); len(again) != 0 {
		t.Errorf("%+v", again)
	}
}

func TestLingering(t *testing.T) {
	for _, c := range []struct {
		systemd, lingers bool
		want             sandbox.Severity
	}{{true, true, "ok"}, {true, false, "warning"}, {false, false, "ok"}} {
		if f := lingeringOn(c.systemd, c.lingers); f.Severity != c.want || (f.By == sandbox.ByUser) != (c.want == "warning") {
			t.Errorf("%+v: %+v", c, f)
		}
	}
}

func TestNotifications(t *testing.T) {
	none := errors.New("no bus")
	for _, c := range []struct {
		err     error
		desktop bool
		want    sandbox.Severity
		by      sandbox.FixBy
	}{{nil, true, "ok", ""}, {none, true, "warning", sandbox.ByRoot}, {none, false, "warning", sandbox.ByHand}} {
		if f := notificationsBy(c.err, c.desktop); f.Severity != c.want || f.By != c.by || (f.Fix == "") != (c.want == "ok") {
			t.Errorf("%+v: %+v", c, f)
		}
	}
}

func TestClock(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for _, c := range []struct {
		r    readings
		code string
	}{
		{readings{now: now, latest: now.Add(-time.Hour), kept: keptRight}, "clock"},
		{readings{now: now, latest: now.Add(time.Second), files: now.Add(-time.Second), kept: keptUnknown}, "clock"},
		{readings{now: now, latest: now.Add(time.Hour), of: "/x", kept: keptRight}, "clock-behind"},
		{readings{now: now, files: now.Add(-time.Minute), folder: "/x", kept: keptRight}, "clock-files"},
		{readings{now: now, files: now.Add(time.Minute), folder: "/x"}, "clock-files"},
		{readings{now: now, kept: keptNot}, "clock-unkept"},
		{readings{now: now, kept: keptNot, systemd: true}, "clock-unkept"},
	} {
		f := c.r.finding()
		if f.Code != c.code || f.Check != "clock" || (f.Severity == sandbox.SeverityOK) != (c.code == "clock") || (f.Fix == "") != (c.code == "clock") || strings.Contains(f.Fix, "timedatectl") && !c.r.systemd {
			t.Errorf("%+v: %+v", c, f)
		}
	}
}

// A file from tomorrow in the state folder's place says that the clock is behind, and nothing is left there.
func TestClockOfThisHost(t *testing.T) {
	dir := t.TempDir()
	o := Options{State: dir}
	if f := o.clock(t.Context()); len(f) != 1 || f[0].Code == "clock-behind" || f[0].Code == "clock-files" {
		t.Errorf("%+v", f)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	tomorrow := time.Now().Add(24 * time.Hour)
	if err := os.Chtimes(dir, tomorrow, tomorrow); err != nil {
		t.Fatal(err)
	}
	if f := o.clock(t.Context()); len(f) != 1 || f[0].Code != "clock-behind" || !strings.Contains(f[0].Text, dir) {
		t.Errorf("%+v", f)
	}
}

func TestMend(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	var out bytes.Buffer
	fix := sandbox.Finding{Fix: "echo done >&2; cat; touch mended", By: sandbox.ByUser}
	if err := Mend(t.Context(), fix, "/bin/echo", &out); err != nil || out.String() != "done\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
	if _, err := os.Stat(filepath.Join(dir, "mended")); err != nil {
		t.Error(err)
	}
	fix.Fix = "exit 3"
	if err := Mend(t.Context(), fix, "/bin/echo", &out); err == nil || !strings.Contains(err.Error(), "exit 3: exit status 3") {
		t.Error(err)
	}
	out.Reset()
	fix.Fix = "wrapix image build --force mine"
	if err := Mend(t.Context(), fix, "/bin/echo", &out); err != nil || out.String() != "image build --force mine\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
	for _, by := range []sandbox.FixBy{sandbox.ByRoot, sandbox.ByHand} {
		if err := Mend(t.Context(), sandbox.Finding{Fix: "touch ran", By: by}, "", &out); err == nil {
			t.Errorf("%q: it ran", by)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
		t.Error("it ran")
	}
}
