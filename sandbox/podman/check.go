package podman

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/containers/podman/v5/libpod/define"
	"github.com/containers/podman/v5/pkg/bindings/system"

	"github.com/wrapix/wrapix/sandbox"
)

// The severities of a Finding.
const (
	ok      = "ok"
	warning = "warning"
	failure = "error"
)

const unifiedCgroups = "boot the kernel with systemd.unified_cgroup_hierarchy=1"

// Check connects, looks at everything that sandboxes need of the host, and says what is missing or slow, each with the
// way to mend it. It is for `doctor`.
func Check(ctx context.Context, opts Options) []sandbox.Finding {
	e, err := Connect(ctx, opts)
	if err != nil {
		f := sandbox.Finding{Severity: failure, Code: "podman", Text: err.Error()}
		var hinted *sandbox.Error
		if errors.As(err, &hinted) {
			f.Fix = hinted.Hint
		}
		return []sandbox.Finding{f}
	}
	defer e.Close()
	return e.Check(ctx)
}

// Check is as the function Check, for an Engine that is connected already.
func (e *Engine) Check(ctx context.Context) []sandbox.Finding {
	findings := []sandbox.Finding{{Severity: ok, Code: "podman", Text: "Podman " + e.Version() + " answers"}}
	info, err := system.Info(e.with(ctx), nil)
	if err != nil {
		return append(findings, sandbox.Finding{Severity: failure, Code: "podman-info", Text: err.Error(), Fix: "podman info"})
	}
	findings = append(findings, checkStorage(info),
		sandbox.CheckRoom("storage-room", "Podman's images and containers", info.Store.GraphRoot, "free some room, for example with: podman image prune"), e.host.checkRuntime(info), e.checkNetwork(info))
	if !info.Host.Security.SECCOMPEnabled {
		findings = append(findings, sandbox.Finding{Severity: failure, Code: "seccomp", Text: "Podman filters no system calls (seccomp is off)", Fix: "install a Podman that was built with seccomp"})
	}
	if !e.host.overlay {
		findings = append(findings, sandbox.Finding{
			Severity: warning, Code: "overlay",
			Text: "checks run on a copy of the project, because this kernel lets no user mount an overlay",
			Fix:  "sudo apt-get install fuse-overlayfs",
		})
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
	return out
}

func checkStorage(info *define.Info) sandbox.Finding {
	driver := info.Store.GraphDriverName
	if driver == "vfs" {
		return sandbox.Finding{
			Severity: warning, Code: "storage-vfs",
			Text: "Podman stores whole copies (driver vfs): each sandbox takes a second longer, and space",
			Fix: `mkdir -p ~/.config/containers && printf '[storage]\ndriver = "overlay"\n' > ~/.config/containers/storage.conf` +
				" && podman system reset (which removes all of the user's images and containers)",
		}
	}
	return sandbox.Finding{Severity: ok, Code: "storage", Text: "storage driver " + driver}
}

func (h host) checkRuntime(info *define.Info) sandbox.Finding {
	name := "unknown"
	if info.Host.OCIRuntime != nil {
		name = info.Host.OCIRuntime.Name
	}
	switch {
	case h.cgroups != cgroupsHybrid:
		return sandbox.Finding{Severity: ok, Code: "oci-runtime", Text: "OCI runtime " + name}
	case h.ociRuntime != "":
		return sandbox.Finding{Severity: ok, Code: "oci-runtime", Text: "OCI runtime " + h.ociRuntime + ", because crun refuses this host's hybrid cgroups"}
	default:
		return sandbox.Finding{Severity: failure, Code: "oci-runtime", Text: "crun refuses this host's hybrid cgroups, and runc is not there", Fix: "sudo apt-get install runc"}
	}
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
	if found == "" {
		return sandbox.Finding{Severity: failure, Code: "network", Text: program + " is not there: a sandbox can have no network", Fix: "sudo apt-get install " + pkg}
	}
	f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err != nil {
		return sandbox.Finding{Severity: failure, Code: "network-tun", Text: fmt.Sprintf("%s cannot make a network: %v", program, err), Fix: "sudo modprobe tun && sudo chmod 666 /dev/net/tun"}
	}
	f.Close()
	return sandbox.Finding{Severity: ok, Code: "network", Text: "network by " + program}
}

// checkLimits tells which limits hold. The one for processes always does: see (*Engine).limit.
func (h host) checkLimits() []sandbox.Finding {
	var out []sandbox.Finding
	for _, c := range []struct{ controller, what string }{{"memory", "memory"}, {"cpu", "CPU"}} {
		if h.canLimit(c.controller) {
			continue
		}
		fix := unifiedCgroups
		if h.cgroups == cgroupsV2 {
			fix = "sudo mkdir -p /etc/systemd/system/user@.service.d && " +
				`printf '[Service]\nDelegate=cpu cpuset io memory pids\n' | sudo tee /etc/systemd/system/user@.service.d/delegate.conf && sudo systemctl daemon-reload, then log in anew`
		}
		text := fmt.Sprintf("a %s limit of a sandbox is not enforced (cgroups %s)", c.what, h.cgroups)
		if c.controller == "memory" {
			text = fmt.Sprintf("the kernel does not enforce a memory limit of a sandbox (cgroups %s): the sandbox looks itself, five times a second", h.cgroups)
		}
		out = append(out, sandbox.Finding{Severity: warning, Code: "limit-" + c.controller, Text: text, Fix: fix})
	}
	if len(out) == 0 {
		out = append(out, sandbox.Finding{Severity: ok, Code: "limits", Text: "memory, CPU and process limits are enforced"})
	}
	return out
}
