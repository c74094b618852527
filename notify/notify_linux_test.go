package notify

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// startBus starts a session bus of the test's own.
func startBus(t *testing.T) {
	t.Helper()
	need(t, "dbus-daemon")
	cmd := exec.Command("dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	start(t, cmd)
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", strings.TrimSpace(address))
}

// startDesktop starts a screen that nobody sees and a real notification daemon on it.
func startDesktop(t *testing.T) {
	t.Helper()
	need(t, "Xvfb", "dunst")
	startBus(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	screen := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "800x600x24", "-nolisten", "tcp")
	screen.ExtraFiles = []*os.File{write}
	start(t, screen)
	write.Close()
	number, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DISPLAY", ":"+strings.TrimSpace(number))

	conn, err := dbus.ConnectSessionBus()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	owners := make(chan *dbus.Signal, 10)
	conn.Signal(owners)
	if err := conn.AddMatchSignal(dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, service)); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "dunstrc")
	if err := os.WriteFile(config, []byte("[global]\nmarkup = full\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, exec.Command("dunst", "-config", config))
	patience := time.After(20 * time.Second)
	for {
		select {
		case signal := <-owners:
			if signal.Name == "org.freedesktop.DBus.NameOwnerChanged" && signal.Body[0] == service {
				return
			}
		case <-patience:
			t.Fatal("dunst does not come up")
		}
	}
}

func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skip("needs a desktop to look at: ", err)
		}
	}
}

func start(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
}

// shown returns what the daemon displays: title and body, as text. It is asked as dunstctl asks, which needs a program
// of systemd's for that.
func shown(t *testing.T) (notifications [][2]string) {
	t.Helper()
	conn, err := dbus.ConnectSessionBus()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	daemon := conn.Object(service, "/org/freedesktop/Notifications")
	// What is on screen counts as history once it is closed.
	if err := daemon.Call("org.dunstproject.cmd0.NotificationCloseAll", 0).Err; err != nil {
		t.Fatal(err)
	}
	var history []map[string]dbus.Variant
	if err := daemon.Call("org.dunstproject.cmd0.NotificationListHistory", 0).Store(&history); err != nil {
		t.Fatal(err)
	}
	for _, n := range history {
		title, _ := n["summary"].Value().(string)
		body, _ := n["body"].Value().(string)
		notifications = append(notifications, [2]string{title, body})
	}
	return notifications
}

func TestDesktopShowsHarmlessText(t *testing.T) {
	startDesktop(t)
	var fallback bytes.Buffer
	d := NewDesktop(Options{Fallback: &fallback})
	title := "demo <b>waits</b>\x1b[31m for\nyou"
	body := "--icon=/etc/passwd <b>bold</b> <a href=\"http://x\">link</a>\n\"quoted\" & 'so' \u202e\x1b]0;owned\x07 done"
	if err := d.Notify(t.Context(), Notification{Title: title, Body: body}); err != nil {
		t.Fatal(err)
	}
	d.Close()
	got := shown(t)
	if fallback.Len() > 0 || len(got) != 1 {
		t.Fatalf("shown: %q, fallback: %q", got, &fallback)
	}
	if got[0][0] != "demo <b>waits</b> for you" {
		t.Errorf("title: %q", got[0][0])
	}
	// The daemon keeps the body as the markup it got: in this form it shows the characters of the original.
	want := "‐-icon=/etc/passwd &lt;b&gt;bold&lt;/b&gt; &lt;a href=\"http://x\"&gt;link&lt;/a&gt;\n\"quoted\" &amp; 'so'  done"
	if got[0][1] != want {
		t.Errorf("body: %q\nwant: %q", got[0][1], want)
	}
}

func TestManyNotifications(t *testing.T) {
	startDesktop(t)
	d := NewDesktop(Options{})
	for i := range 5 {
		if err := d.Notify(t.Context(), Notification{Title: "number " + strconv.Itoa(i), Body: "text"}); err != nil {
			t.Fatal(err)
		}
	}
	d.Close()
	if got := shown(t); len(got) != 5 {
		t.Errorf("shown: %q", got)
	}
}

func TestWithoutDesktop(t *testing.T) {
	empty := t.TempDir()
	for name, address := range map[string]string{
		"no bus":       "",
		"dead bus":     "unix:path=" + empty + "/none",
		"broken":       "nonsense",
		"autolaunched": "autolaunch:",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := os.Stat(fmt.Sprintf("/run/user/%d/bus", os.Getuid())); err == nil && !strings.Contains(address, "none") {
				t.Skip("this user has a real desktop, which would be found")
			}
			// A bus that is started by accident would be seen: the program that does it writes a file.
			trace := filepath.Join(t.TempDir(), "started")
			script := "#!/bin/sh\ntouch " + trace + "\nexit 1\n"
			bin := t.TempDir()
			for _, program := range []string{"dbus-launch", "notify-send", "kdialog"} {
				if err := os.WriteFile(filepath.Join(bin, program), []byte(script), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
			t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
			assertFallback(t, Options{}, 2*time.Second)
			if _, err := os.Stat(trace); err == nil {
				t.Error("a program was started")
			}
		})
	}
	t.Run("no daemon", func(t *testing.T) {
		startBus(t)
		assertFallback(t, Options{}, 2*time.Second)
	})
}

// A daemon that takes the call and never answers, as one does that was stopped in a debugger.
func TestSilentDaemon(t *testing.T) {
	startBus(t)
	conn, err := dbus.ConnectSessionBus()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	release := make(chan struct{})
	defer close(release)
	if err := conn.Export(silent(release), "/org/freedesktop/Notifications", service); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.RequestName(service, 0); err != nil {
		t.Fatal(err)
	}
	assertFallback(t, Options{Timeout: 300 * time.Millisecond}, 3*time.Second)
}

type silent chan struct{}

func (s silent) GetCapabilities() ([]string, *dbus.Error) {
	<-s
	return nil, nil
}

// The same, but only after the probe has passed.
func TestDaemonFallsSilent(t *testing.T) {
	startBus(t)
	conn, err := dbus.ConnectSessionBus()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	release := make(chan struct{})
	defer close(release)
	if err := conn.Export(fallingSilent(release), "/org/freedesktop/Notifications", service); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.RequestName(service, 0); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", t.TempDir()) // no notify-send to try next
	assertFallback(t, Options{Timeout: 300 * time.Millisecond}, 3*time.Second)
}

type fallingSilent chan struct{}

func (s fallingSilent) GetCapabilities() ([]string, *dbus.Error) { return []string{"body"}, nil }

func (s fallingSilent) Notify(string, uint32, string, string, string, []string, map[string]dbus.Variant, int32) (uint32, *dbus.Error) {
	<-s
	return 0, nil
}

func assertFallback(t *testing.T, opts Options, within time.Duration) {
	t.Helper()
	var fallback bytes.Buffer
	opts.Fallback = &fallback
	began := time.Now()
	d := NewDesktop(opts)
	if err := d.Notify(t.Context(), Notification{Title: "demo waits", Body: "which\x1b[1m port?\a"}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 100*time.Millisecond {
		t.Errorf("Notify blocked for %s", took)
	}
	d.Close()
	if took := time.Since(began); took > within {
		t.Errorf("Close took %s", took)
	}
	if got := fallback.String(); got != "\ademo waits: which port?\n" {
		t.Errorf("fallback: %q", got)
	}
}

func TestAfterTheEnd(t *testing.T) {
	d := NewDesktop(Options{})
	d.Close()
	d.Close()
	if err := d.Notify(t.Context(), Notification{Title: "late"}); !errors.Is(err, ErrDropped) {
		t.Errorf("err = %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Notify(ctx, Notification{}); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}
