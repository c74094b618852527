//go:build failpoints

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/sandbox/sandboxtest"
)

// wipeable is a Podman with storage and a runtime folder of its own, which can be wiped and rebooted while others use the
// user's.
type wipeable struct {
	t       *testing.T
	runtime string // XDG_RUNTIME_DIR
	env     []string
}

func newWipeable(t *testing.T) *wipeable {
	dir := t.TempDir()
	m := &wipeable{t: t, runtime: filepath.Join(dir, "run")}
	for name, text := range map[string]string{
		"storage.conf": "[storage]\ndriver = \"overlay\"\n",
		// The locks would be in a memory that all of the user's Podmans share.
		"containers.conf": "[engine]\nlock_type = \"file\"\nevents_logger = \"file\"\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(m.runtime, 0o700); err != nil {
		t.Fatal(err)
	}
	m.env = []string{
		"CONTAINERS_STORAGE_CONF=" + filepath.Join(dir, "storage.conf"), "CONTAINERS_CONF=" + filepath.Join(dir, "containers.conf"),
		"XDG_RUNTIME_DIR=" + m.runtime, "XDG_DATA_HOME=" + filepath.Join(dir, "data"),
		"DBUS_SESSION_BUS_ADDRESS=unix:path=" + filepath.Join(dir, "no-bus"), // or Podman starts one, and leaves it
	}
	m.importImage()
	t.Cleanup(func() {
		// Much of it belongs to the subordinate users, so only Podman can remove it.
		m.reset()
		m.night().podman("unshare", "rm", "-rf", m.before())
		m.endPause()
	})
	return m
}

// night stands for a project where only Podman is wanted.
func (m *wipeable) night() *night { return &night{t: m.t, dir: filepath.Dir(m.runtime), env: m.env} }

// before is where powerOff puts the runtime folder out of the way.
func (m *wipeable) before() string { return m.runtime + "-before" }

func (m *wipeable) importImage() {
	m.t.Helper()
	tar, err := os.Create(filepath.Join(m.t.TempDir(), "image.tar"))
	if err != nil {
		m.t.Fatal(err)
	}
	if err := errors.Join(sandboxtest.ImageTar(tar), tar.Close()); err != nil {
		m.t.Fatal(err)
	}
	m.night().podman("import", tar.Name(), testImage)
}

// reset wipes the storage. Podman says that it failed when a clean-up after one of its containers meets it, and removes
// all the same.
func (m *wipeable) reset() {
	m.t.Helper()
	out, err := m.night().command("", "podman", "system", "reset", "--force").CombinedOutput()
	if left := m.night().podman("ps", "-a", "-q") + m.night().podman("images", "-q"); left != "" {
		m.t.Fatalf("podman system reset: %v, left %s\n%s", err, left, out)
	}
}

// endPause ends the process that keeps the user namespace of this Podman.
func (m *wipeable) endPause() {
	text, err := os.ReadFile(filepath.Join(m.runtime, "libpod", "tmp", "pause.pid"))
	if err != nil {
		return
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
		killProcess(m.t, pid)
	}
}

// powerOff ends what runs of the attempt, all at once as far as anybody could tell, and takes what lies in memory away.
func (m *wipeable) powerOff(n *night) {
	m.t.Helper()
	var monitor, guest int
	if _, err := fmt.Sscan(n.podman("inspect", "-f", "{{.State.ConmonPid}} {{.State.Pid}}", n.container()), &monitor, &guest); err != nil {
		m.t.Fatal(err)
	}
	for _, pid := range []int{monitor, guest} {
		if pid > 0 {
			killProcess(m.t, pid)
		}
	}
	m.endPause()
	if err := os.Rename(m.runtime, m.before()); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Mkdir(m.runtime, 0o700); err != nil {
		m.t.Fatal(err)
	}
}

// killProcess kills a process, which need not be a child of ours, and waits for its end.
func killProcess(t *testing.T, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, syscall.ESRCH) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Fatal(err)
	}
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 30_000)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if n != 1 {
			t.Fatalf("process %d is still there: %v", pid, err)
		}
		return
	}
}

// After a reboot the containers did not end and do not run, Podman's runtime folder is empty, and the record ends
// where the power went away.
func TestReboot(t *testing.T) {
	record := func(n *night) string {
		return filepath.Join(n.state, "attempts", "spec-1", "T1", "1", "record.log")
	}
	t.Run("running", func(t *testing.T) {
		t.Parallel()
		m := newWipeable(t)
		n := newNight(t, m.env...)
		l := n.loop("")
		n.await()
		l.kill()
		m.powerOff(n)
		was, err := os.Stat(record(n))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(record(n), was.Size()-37); err != nil { // in the middle of a line
			t.Fatal(err)
		}
		if _, err := n.ralph("", "loop"); err != nil {
			t.Fatal(err)
		}
		if was := n.morning(2); len(was) == 1 && was[0].Data.Fault {
			t.Errorf("it is told as %+v", was[0])
		}
	})
	t.Run("ended", func(t *testing.T) {
		t.Parallel()
		m := newWipeable(t)
		n := newNight(t, m.env...)
		l := n.loop("")
		n.await()
		l.kill()
		n.let("end")
		n.podman("wait", n.container())
		m.powerOff(n)
		if _, err := n.ralph("", "loop"); err != nil {
			t.Fatal(err)
		}
		n.morning(1)
		n.transcript(true, "one")
	})
}

// When all that Podman had is gone, the container and the image of an unfinished attempt too, the attempt is
// interrupted, and the loop says which image it needs. Once that is there again it goes on.
func TestStorageWiped(t *testing.T) {
	wipes := map[string]func(m *wipeable, n *night){
		"container and image removed": func(_ *wipeable, n *night) {
			n.podman("rm", "-f", "-t", "0", n.container())
			n.podman("rmi", "-f", testImage)
		},
		"system reset": func(m *wipeable, _ *night) {
			m.reset()
			m.endPause()
		},
	}
	for name, wipe := range wipes {
		for _, loop := range []string{"dead", "alive"} {
			if name == "system reset" && loop == "alive" {
				continue // Podman's own service, which the loop uses, does not survive that
			}
			t.Run(name+"/loop "+loop, func(t *testing.T) {
				t.Parallel()
				m := newWipeable(t)
				n := newNight(t, m.env...)
				l := n.loop("")
				n.await()
				attempts := 3
				if loop == "dead" {
					l.kill()
					wipe(m, n)
					l = n.loop("")
				} else {
					wipe(m, n)
				}
				if said := l.ends(exitFailed); !strings.Contains(said, testImage) || !strings.Contains(said, "try: podman images") {
					t.Errorf("it does not say what it needs:\n%s", said)
				}
				if out, err := n.ralph("", "status"); err != nil || !strings.Contains(out, "T1") || strings.Contains(out, "failed") {
					t.Errorf("status: %v\n%s", err, out)
				}
				m.importImage()
				if _, err := n.ralph("", "loop"); err != nil {
					t.Fatal(err)
				}
				n.morning(attempts)
				n.transcript(false, "one")
			})
		}
	}
}
