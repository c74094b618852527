package mounts

import (
	"fmt"
	"path"
	"slices"

	"github.com/wrapix/wrapix/sandbox"
)

// taken are the places inside that are made for every sandbox, or by the engine. A mount there would replace what
// protects the sandbox, or us from it.
var taken = []string{
	"/proc", "/sys", "/dev", "/run", // the kernel's, our guest, input and output, secrets
	"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/passwd", "/etc/group", "/etc/mtab", // the engine's
	sandbox.CacheDir, // the profiles'
}

// whole are places that can have mounts in them, and cannot be replaced themselves.
var whole = []string{
	"/", "/tmp", "/var/tmp", sandbox.HomeDir, // ours
	"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/usr", "/usr/bin", "/usr/sbin", "/usr/lib", // the image's programs
}

// checkDest returns the cleaned place, or says why nothing can be mounted there.
func checkDest(dest string) (string, error) {
	if !path.IsAbs(dest) {
		return "", fmt.Errorf("the place inside, %s, is not absolute", dest)
	}
	dest = path.Clean(dest)
	if dest == sandbox.WorkspaceDir || below(dest, sandbox.WorkspaceDir) {
		// The folder is the agents': a link of theirs would lead the mount anywhere inside, over our guest too.
		return "", &hinted{dest + " is in the workspace, where an agent can turn a path elsewhere", "mount it outside of " + sandbox.WorkspaceDir + ", and name that place to the program that needs it"}
	}
	for _, t := range taken {
		if dest == t || below(dest, t) || below(t, dest) {
			return "", fmt.Errorf("%s is not free inside: %s is the sandbox's own", dest, t)
		}
	}
	for _, w := range whole {
		if dest == w || below(w, dest) {
			return "", fmt.Errorf("%s is not free inside: %s is the sandbox's own; a folder in it can be", dest, w)
		}
	}
	return dest, nil
}

// checkDests refuses mounts within mounts: what lies in the outer one may be an agent's, and a link there would lead the
// inner one elsewhere.
func checkDests(list []sandbox.Mount) error {
	for i, m := range list {
		at := slices.IndexFunc(list, func(o sandbox.Mount) bool { return below(m.Dest, o.Dest) })
		if at < 0 {
			at = i + 1 + slices.IndexFunc(list[i+1:], func(o sandbox.Mount) bool { return o.Dest == m.Dest })
			if at == i {
				continue
			}
		}
		return &sandbox.Error{Op: fmt.Sprintf("mount %s at %s", m.Source, m.Dest), Err: fmt.Errorf("%s is mounted at %s, so the place is not free", list[at].Source, list[at].Dest)}
	}
	return nil
}
