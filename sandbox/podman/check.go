package podman

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/containers/podman/v5/libpod/define"
	"github.com/containers/podman/v5/pkg/bindings/system"

	"github.com/wrapix/wrapix/sandbox"
)

const (
	ok      = sandbox.SeverityOK
	warning = sandbox.SeverityWarning
	failure = sandbox.SeverityError
)

const unifiedCgroups = "boot the kernel with systemd.unified_cgroup_hierarchy=1"

// NotConnected makes a finding of an error of Connect.
func NotConnected(err error) sandbox.Finding {
	f := sandbox.Finding{Severity: failure, Check: "podman", Code: "podman", Text: err.Error(), Fix: "podman info"}
	var hinted *sandbox.Error
	if errors.As(err, &hinted) && hinted.Hint != "" {
		f.Fix, f.By = hinted.Hint, sandbox.FixOf(hinted.Hint)
	}
	return f
}

// Check looks at everything that sandboxes need of the host, and says what is missing or slow, each with the way to mend
// it. It is for `doctor`.
func (e *Engine) Check(ctx context.Context) []sandbox.Finding {
	findings := []sandbox.Finding{{Severity: ok, Check: "podman", Code: "podman", Text: "Podman " + e.Version() + " answers"}}
	info, err := system.Info(e.with(ctx), nil)
	if err != nil {
		return append(findings, sandbox.Finding{Severity: failure, Check: "podman", Code: "podman-info", Text: err.Error(), Fix: "podman info"})
	}
	room := sandbox.CheckRoom("storage-room", "Podman's images and containers", info.Store.GraphRoot, "wrapix image prune")
	if room.Fix != "" {
		room.By = sandbox.ByUser
	}
	findings = append(findings, checkStorage(info), room, e.host.checkRuntime(info), e.checkNetwork(info))
	if !info.Host.Security.SECCOMPEnabled {
		findings = append(findings, sandbox.Finding{
			Severity: failure, Check: "seccomp", Code: "seccomp", Text: "Podman filters no system calls (seccomp is off)",
			Fix: "install a Podman that was built with seccomp",
		})
	}
	if !e.host.overlay {
		findings = append(findings, sandbox.Finding{
			Severity: warning, Check: "overlay", Code: "overlay",
			Text: "checks run on a copy of the project, because this kernel lets no user mount an overlay",
			Fix:  "sudo apt-get install fuse-overlayfs", By: sandbox.ByRoot,
		})
	}
	if f, asked := e.host.checkFuse(info, openDevice); asked {
		findings = append(findings, f)
	}
	return append(findings, e.host.checkLimits()...)
}

// Warnings says which of the limits the kernel does not enforce on this host, and what becomes of them. It does not ask
// Podman.
func Warnings(l sandbox.Limits) []string { return readHost().warnings(l) }

func (h host) warnings(l sandbox.Limits) []string {
	var out []string
	if l.MemoryBytes > 0 && !h.canLimit("memory") {
		out = append(out, "the kernel does not hold sandboxes to the memory limit on this host: a sandbox looks at its memory itself, and ends what has more")
	}
	if l.CPUs > 0 && !h.canLimit("cpu") {
		out = append(out, "the CPU limit is not enforced on this host")
	}
	if l.Files > 0 && uint64(l.Files) > h.nofile {
		out = append(out, fmt.Sprintf("a process of a sandbox can have %d files open, not %d: you cannot have more on this host (ulimit -Hn)", h.nofile, l.Files))
	}
	return out
}

func checkStorage(info *define.Info) sandbox.Finding {
	f := sandbox.Finding{Severity: ok, Check: "storage", Code: "storage", Text: "storage driver " + info.Store.GraphDriverName}
	if info.Store.GraphDriverName != "vfs" {
		return f
	}
	f.Severity, f.Code = warning, "storage-vfs"
	f.Text = "Podman stores whole copies (driver vfs): each sandbox takes a second longer, and space"
	write, whole := useOverlay(info.Store.ConfigFile)
	f.Fix = "podman system reset --force && " + write
	switch {
	case !whole:
	case storesNothing(info.Store):
		f.By = sandbox.ByUser
	default:
		f.Text += "; changing that removes all of the user's images, containers and volumes"
	}
	return f
}

var driverLine = regexp.MustCompile(`(?m)^[ \t]*driver[ \t]*=`)

// useOverlay is the command line that has Podman use the driver overlay, and whether it does so whatever else the file
// has. Podman keeps to the driver that its storage was made with, so it comes after a reset.
func useOverlay(file string) (command string, whole bool) {
	quoted := quote(file)
	switch text, err := os.ReadFile(file); {
	case errors.Is(err, os.ErrNotExist):
		return "mkdir -p " + quote(filepath.Dir(file)) + ` && printf '[storage]\ndriver = "overlay"\n' > ` + quoted, true
	case err == nil && driverLine.Match(text):
		return `sed -i 's/^[[:space:]]*driver[[:space:]]*=.*/driver = "overlay"/' ` + quoted, true
	}
	return `write driver = "overlay" below [storage] in ` + file, false
}

// storesNothing says whether a reset of the storage takes nothing away that somebody put there.
func storesNothing(s *define.StoreInfo) bool {
	if s.ImageStore.Number > 0 || s.ContainerStore.Number > 0 {
		return false
	}
	for _, dir := range []string{s.VolumePath, filepath.Join(s.GraphRoot, "secrets")} {
		entries, err := os.ReadDir(dir)
		if len(entries) > 0 || err != nil && !errors.Is(err, os.ErrNotExist) {
			return false
		}
	}
	// A reset takes networks along; these are Podman's own.
	for pattern, own := range map[string]string{
		filepath.Join(s.GraphRoot, "networks", "*.json"):                              "podman.json",
		filepath.Join(filepath.Dir(s.ConfigFile), "..", "cni", "net.d", "*.conflist"): "87-podman.conflist",
	} {
		found, _ := filepath.Glob(pattern)
		if slices.ContainsFunc(found, func(path string) bool { return filepath.Base(path) != own }) {
			return false
		}
	}
	return true
}

// quote writes a path for sh.
func quote(path string) string { return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'" }

func (h host) checkRuntime(info *define.Info) sandbox.Finding {
	name := "unknown"
	if info.Host.OCIRuntime != nil {
		name = info.Host.OCIRuntime.Name
	}
	f := sandbox.Finding{Severity: ok, Check: "oci-runtime", Code: "oci-runtime", Text: "OCI runtime " + name}
	switch {
	case h.cgroups != cgroupsHybrid:
	case h.ociRuntime != "":
		f.Text = "OCI runtime " + h.ociRuntime + ", because crun refuses this host's hybrid cgroups"
	default:
		f.Severity, f.Text = failure, "crun refuses this host's hybrid cgroups, and runc is not there"
		f.Fix, f.By = "sudo apt-get install runc", sandbox.ByRoot
	}
	return f
}

// checkNetwork looks for the program that gives a sandbox of an ordinary user its network.
func (e *Engine) checkNetwork(info *define.Info) sandbox.Finding {
	program, found, pkg := "slirp4netns", info.Host.Slirp4NetNS.Executable, "slirp4netns"
	if e.version.Major >= 5 {
		program, found, pkg = "pasta", info.Host.Pasta.Executable, "passt"
	}
	if found == "" {
		found = lookPath(program)
	}
	return networkBy(program, pkg, found != "", openDevice)
}

// networkBy is what checkNetwork finds. The program makes the sandbox's network card with the device /dev/net/tun.
func networkBy(program, pkg string, found bool, open func(string) error) sandbox.Finding {
	f := sandbox.Finding{Severity: failure, Check: "network", Code: "network", By: sandbox.ByRoot}
	if !found {
		f.Text, f.Fix = program+" is not there: a sandbox can have no network", "sudo apt-get install "+pkg
		return f
	}
	if err := open("/dev/net/tun"); err != nil {
		f.Code, f.Text = "network-tun", fmt.Sprintf("%s cannot make a network: %v", program, err)
		f.Fix = "sudo modprobe tun && sudo chmod 666 /dev/net/tun"
		return f
	}
	return sandbox.Finding{Severity: ok, Check: "network", Code: "network", Text: "network by " + program}
}

// checkFuse looks at /dev/fuse where Podman mounts with fuse-overlayfs; elsewhere nobody needs it, and nothing was asked.
func (h host) checkFuse(info *define.Info, open func(string) error) (f sandbox.Finding, asked bool) {
	if info.Store.GraphOptions["overlay.mount_program"] == nil && (h.kernelOverlay || !h.overlay) {
		return f, false
	}
	f = sandbox.Finding{Severity: ok, Check: "fuse", Code: "fuse", Text: "fuse-overlayfs mounts what sandboxes see"}
	if err := open("/dev/fuse"); err != nil {
		f.Severity, f.Text = failure, fmt.Sprintf("fuse-overlayfs cannot mount what sandboxes see: %v", err)
		f.Fix, f.By = "sudo modprobe fuse && sudo chmod 666 /dev/fuse", sandbox.ByRoot
	}
	return f, true
}

func openDevice(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err == nil {
		f.Close()
	}
	return err
}

// checkLimits tells which limits hold. The one for processes always does: see (*Engine).limit.
func (h host) checkLimits() []sandbox.Finding {
	var out []sandbox.Finding
	for _, c := range []struct{ controller, what string }{{"memory", "memory"}, {"cpu", "CPU"}} {
		if h.canLimit(c.controller) {
			continue
		}
		f := sandbox.Finding{
			Severity: warning, Check: "limits", Code: "limit-" + c.controller, Fix: unifiedCgroups,
			Text: fmt.Sprintf("a %s limit of a sandbox is not enforced (cgroups %s)", c.what, h.cgroups),
		}
		if c.controller == "memory" {
			f.Text = fmt.Sprintf("the kernel does not enforce a memory limit of a sandbox (cgroups %s): the sandbox looks itself, five times a second", h.cgroups)
		}
		if h.cgroups == cgroupsV2 {
			f.By, f.Fix = sandbox.ByRoot, "sudo mkdir -p /etc/systemd/system/user@.service.d && "+
				`printf '[Service]\nDelegate=cpu cpuset io memory pids\n' | sudo tee /etc/systemd/system/user@.service.d/delegate.conf && sudo systemctl daemon-reload # then log in anew`
		}
		out = append(out, f)
	}
	if len(out) == 0 {
		out = append(out, sandbox.Finding{Severity: ok, Check: "limits", Code: "limits", Text: "memory, CPU and process limits are enforced"})
	}
	return out
}
