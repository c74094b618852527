package service

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"
)

// UnitName is the systemd user unit.
const UnitName = "ralph-resume.service"

// unit is a user unit of systemd.
type unit struct{ Options }

func (u *unit) Kind() Kind { return Systemd }

// Place is where systemd looks for units of the user.
func (u *unit) Place() string { return filepath.Join(u.config(), "systemd", "user", UnitName) }

func (u *unit) config() string {
	if filepath.IsAbs(u.ConfigHome) {
		return u.ConfigHome
	}
	return filepath.Join(u.Home, ".config")
}

// systemctl speaks to the user's systemd, or works on its files where none runs. These have to be in the place that we
// say: an empty XDG_CONFIG_HOME would be one of its own.
func (u *unit) systemctl(ctx context.Context, args ...string) (string, error) {
	env := []string{"XDG_CONFIG_HOME=" + u.config()}
	if !reachable() {
		env = append(env, "SYSTEMD_OFFLINE=1")
	}
	return runIn(ctx, env, "", "systemctl", append([]string{"--user"}, args...)...)
}

func (u *unit) Text() string {
	var b strings.Builder
	b.WriteString("# Written by \"" + mark + "\"; what is changed here is lost when it is run again.\n" + `[Unit]
Description=ralph takes up the workflows that were interrupted
# There is no After=network-online.target: a unit of a user does not see those of the system. What fails without the
# network is tried again after a time.
StartLimitIntervalSec=1h
StartLimitBurst=5

[Service]
# It runs until nothing is left to do, and nobody has to wait for that.
Type=exec
`)
	b.WriteString("ExecStart=")
	for i, word := range u.words() {
		if i > 0 {
			b.WriteString(" ")
		}
		b.WriteString(systemdWord(word, true))
	}
	b.WriteString("\n")
	for _, v := range u.Environment {
		b.WriteString("Environment=" + systemdWord(v.Name+"="+v.Value, false) + "\n")
	}
	b.WriteString(`# Waiting for a person (101), a limit (102), another process (75) and an end in order (130) are no failures.
SuccessExitStatus=75 101 102 130
# A crash and a lack of memory deserve another start. No exit code does: what it tells is there after it too.
Restart=on-abnormal
RestartSec=30
# SIGTERM goes to the one process that stops all others in order and records it. Sandboxes have scopes of their own.
KillMode=mixed
TimeoutStopSec=90
# Rootless Podman needs newuidmap, which gains privileges, user namespaces, mounts, and the /tmp, /dev and home of
# everybody else. So nothing of the kind of NoNewPrivileges=, Private...=, Protect...= or Restrict...= stands here: the
# sandboxes are where agents are contained.
NoNewPrivileges=no

[Install]
WantedBy=default.target
`)
	return b.String()
}

// Install writes the unit and enables it. Enabling needs no running systemd, so it works in an image too.
func (u *unit) Install(ctx context.Context) (Change, error) {
	was, err := readOurs(u.Place())
	if err != nil {
		return Change{}, err
	}
	c := Change{Was: was, Is: u.Text()}
	if c.Was != c.Is {
		if err := write(u.Place(), c.Is); err != nil {
			return c, err
		}
	}
	if _, err := u.systemctl(ctx, "enable", "--no-reload", UnitName); err != nil {
		return c, err
	}
	if !reachable() {
		c.Notes = append(c.Notes, "no systemd of this user runs now; it takes effect when one begins")
	} else if _, err := u.systemctl(ctx, "daemon-reload"); err != nil {
		return c, err
	}
	return c, nil
}

// Remove stops the command in order, which may take a while, and removes the unit.
func (u *unit) Remove(ctx context.Context) (Change, error) {
	was, err := readOurs(u.Place())
	if err != nil || was == "" {
		return Change{}, err
	}
	c := Change{Was: was}
	if reachable() {
		if _, err := u.systemctl(ctx, "stop", UnitName); err != nil {
			return c, err
		}
	}
	if _, err := u.systemctl(ctx, "disable", "--no-reload", UnitName); err != nil {
		return c, err
	}
	if err := os.Remove(u.Place()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	if reachable() {
		_, err = u.systemctl(ctx, "daemon-reload")
	}
	return c, err
}

func (u *unit) Status(ctx context.Context) (Status, error) {
	var s Status
	was, err := readOurs(u.Place())
	if err != nil {
		return s, err
	}
	s.Installed, s.Current = was != "", was == u.Text()
	lingering := Lingers()
	s.Lingering = &lingering
	if !s.Installed {
		return s, nil
	}
	// It fails for a unit that is not enabled, and says so all the same.
	said, err := u.systemctl(ctx, "is-enabled", UnitName)
	if s.Enabled = strings.TrimSpace(said) == "enabled"; !s.Enabled && said == "" && err != nil {
		return s, err
	}
	if reachable() {
		if said, err = u.systemctl(ctx, "show", "--property=ActiveState,SubState", "--value", UnitName); err != nil {
			return s, err
		}
		s.State = strings.Join(strings.Fields(said), ", ")
	}
	return s, nil
}

// reachable says whether a systemd of this user runs and we can speak to it.
func reachable() bool {
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		return false
	}
	_, err := os.Stat(filepath.Join(dir, "systemd", "private"))
	return err == nil
}

// Lingers says whether the user's services go on after the last logout. It looks where logind keeps it, so that it can be
// told where logind does not run.
func Lingers() bool {
	me, err := user.Current()
	if err != nil {
		return false
	}
	_, err = os.Stat(filepath.Join("/var/lib/systemd/linger", me.Username))
	return err == nil
}
