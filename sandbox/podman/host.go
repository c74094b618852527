package podman

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// host is what the kernel and its set-up let us do. All of it is read from files, in well under a millisecond.
type host struct {
	uid, gid    int
	cgroups     cgroups
	controllers []string // that a limit of ours can use
	ociRuntime  string   // empty: Podman's own choice
	overlay     bool     // an ordinary user can mount an overlay
	// kernelOverlay says that this needs no fuse-overlayfs.
	kernelOverlay bool
	nofile        uint64 // hard limits of ours, which the OCI runtime cannot raise
	nproc         uint64
}

type cgroups string

const (
	cgroupsV1     cgroups = "v1"
	cgroupsHybrid cgroups = "hybrid"
	cgroupsV2     cgroups = "v2"
)

func readHost() host {
	h := host{uid: os.Getuid(), gid: os.Getgid(), cgroups: readCgroups()}
	if h.cgroups == cgroupsV2 {
		h.controllers = readControllers(h.uid)
	} else if h.uid == 0 {
		h.controllers = []string{"cpu", "memory", "pids"}
	}
	// crun refuses hybrid cgroups ("cgroups in hybrid mode not supported"), runc takes them. Podman prefers crun.
	if h.cgroups == cgroupsHybrid && lookPath("runc") != "" {
		h.ociRuntime = "runc"
	}
	h.kernelOverlay = h.uid == 0 || overlayForUsers()
	h.overlay = h.kernelOverlay || lookPath("fuse-overlayfs") != ""
	h.nofile, h.nproc = hardLimit(unix.RLIMIT_NOFILE), min(hardLimit(unix.RLIMIT_NPROC), podmanProcs)
	return h
}

// podmanProcs is what Podman lowers its own limit of processes to; what it starts cannot raise it again.
const podmanProcs = 1 << 15

// canLimit tells if a container's cgroup can have the controller.
func (h host) canLimit(controller string) bool { return slices.Contains(h.controllers, controller) }

func readCgroups() cgroups {
	if fsType("/sys/fs/cgroup") == unix.CGROUP2_SUPER_MAGIC {
		return cgroupsV2
	}
	if fsType("/sys/fs/cgroup/unified") == unix.CGROUP2_SUPER_MAGIC {
		return cgroupsHybrid
	}
	return cgroupsV1
}

func fsType(path string) int64 {
	var st unix.Statfs_t
	if unix.Statfs(path, &st) != nil {
		return 0
	}
	return int64(st.Type)
}

// readControllers returns what systemd has delegated to the user's manager, below which Podman makes its cgroups; root
// has all.
func readControllers(uid int) []string {
	path := "/sys/fs/cgroup/cgroup.controllers"
	if uid != 0 {
		path = fmt.Sprintf("/sys/fs/cgroup/user.slice/user-%d.slice/user@%d.service/cgroup.controllers", uid, uid)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return strings.Fields(string(b))
}

// overlayForUsers tells if Podman can have the kernel mount an overlay over a workspace: Linux lets users do it since 5.11
// (Podman asks for 5.13). Before, fuse-overlayfs does it.
func overlayForUsers() bool {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return false
	}
	var major, minor int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &major, &minor); err != nil {
		return false
	}
	return major > 5 || major == 5 && minor >= 13
}

func hardLimit(which int) uint64 {
	var l unix.Rlimit
	if unix.Getrlimit(which, &l) != nil {
		return 0
	}
	return l.Max
}

// lookPath finds a program that an ordinary user's PATH may lack.
func lookPath(program string) string {
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/sbin", "/usr/libexec/podman", "/usr/lib/podman"} {
		path := filepath.Join(dir, program)
		if fi, err := os.Stat(path); err == nil && fi.Mode()&0o111 != 0 && !fi.IsDir() {
			return path
		}
	}
	return ""
}
