package podman

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/containers/podman/v5/pkg/specgen"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/frame"
)

// view is what a sandbox sees of the host.
type view struct {
	mounts   []specs.Mount
	overlays []*specgen.OverlayVolume
	same     []frame.Identity
	copied   string // the copy that stands for the workspace, if any
}

func (e *Engine) view(ctx context.Context, spec sandbox.Spec) (view, error) {
	sources := []string{spec.Workspace.Source, spec.Input, spec.Sockets()}
	for _, m := range spec.Mounts {
		sources = append(sources, m.Source)
	}
	for _, source := range sources {
		if source == "" {
			continue
		}
		if _, err := os.Stat(source); err != nil { // Podman would say it only at the start, in its own words
			return view{}, err
		}
	}
	v := view{mounts: []specs.Mount{
		// By default shares of the memory that leave the host some, where no cgroup bounds the sandbox's.
		tmpfs("/tmp", "mode=1777", sized(spec.Limits.TmpBytes, "25%")),
		tmpfs("/var/tmp", "mode=1777", sized(spec.Limits.TmpBytes, "10%")),
		tmpfs(sandbox.HomeDir, "mode=1777", sized(spec.Limits.HomeBytes, "40%")),
		tmpfs("/run", "mode=755", "size=64m"), tmpfs(sandbox.OutputDir, "mode=1777", "size=64m"),
		bind(e.guest, guestPath, true),
		bind(e.hosts, "/etc/hosts", true),
	}}
	if len(spec.Secrets) > 0 {
		// Podman's own folder there is read-only before the secrets are mounted in it, and runc fails.
		v.mounts = append(v.mounts, tmpfs(sandbox.SecretsDir, "mode=755", "size=64k"))
	}
	if err := e.workspace(ctx, &v, spec); err != nil {
		return view{}, err
	}
	if spec.Input != "" {
		v.mounts = append(v.mounts, bind(spec.Input, sandbox.InputDir, true))
	}
	if sockets := spec.Sockets(); sockets != "" {
		v.mounts = append(v.mounts, bind(sockets, frame.SocketDir, true))
	}
	v.parents(spec)
	for _, m := range spec.Mounts {
		source, err := e.spellable(m.Source)
		if err != nil {
			return view{}, err
		}
		v.mounts = append(v.mounts, bind(source, m.Dest, m.ReadOnly))
		if m.Ino != 0 {
			v.same = append(v.same, frame.Identity{Path: m.Dest, Dev: m.Dev, Ino: m.Ino})
		}
	}
	return v, nil
}

// parents makes the folders between the home folder and what is mounted in it. Else the OCI runtime would, for the
// namespace's root, and a mount of ~/.config/tool would keep the sandbox from having anything else in ~/.config. A folder
// that is itself of a mount is left to that.
func (v *view) parents(spec sandbox.Spec) {
	made := map[string]bool{}
	for _, m := range spec.Mounts {
		for dir := path.Dir(m.Dest); strings.HasPrefix(dir, sandbox.HomeDir+"/"); dir = path.Dir(dir) {
			mounted := func(o sandbox.Mount) bool { return dir == o.Dest || strings.HasPrefix(dir, o.Dest+"/") }
			if made[dir] || slices.ContainsFunc(spec.Mounts, mounted) {
				continue
			}
			made[dir] = true
			v.mounts = append(v.mounts, tmpfs(dir, "mode=1777", sized(spec.Limits.HomeBytes, "10%")))
		}
	}
}

// inMemory are the sandbox's own file systems that take memory.
func (v view) inMemory() []string {
	paths := []string{"/dev/shm"} // which Podman adds
	for _, m := range v.mounts {
		if m.Type == "tmpfs" {
			paths = append(paths, m.Destination)
		}
	}
	return paths
}

func (e *Engine) workspace(ctx context.Context, v *view, spec sandbox.Spec) error {
	source := spec.Workspace.Source
	if source == "" {
		v.mounts = append(v.mounts, tmpfs(sandbox.WorkspaceDir, "mode=1777", "size=10%"))
		return nil
	}
	switch spec.Workspace.Access {
	case sandbox.ReadOnly:
		v.mounts = append(v.mounts, bind(source, sandbox.WorkspaceDir, true))
	case sandbox.Discard:
		// Commas and backslashes mean something in an overlay's options, and Podman does not escape them.
		if e.host.overlay && !strings.ContainsAny(source, `,\`) {
			v.overlays = append(v.overlays, &specgen.OverlayVolume{Destination: sandbox.WorkspaceDir, Source: source})
			return nil
		}
		copied, err := e.copyWorkspace(ctx, spec.Name, source)
		if err != nil {
			return err
		}
		v.copied = copied
		v.mounts = append(v.mounts, bind(copied, sandbox.WorkspaceDir, false))
	case sandbox.ReadWrite, "":
		v.mounts = append(v.mounts, bind(source, sandbox.WorkspaceDir, false))
		return v.protect(source)
	default:
		return fmt.Errorf("unknown access %q", spec.Workspace.Access)
	}
	return nil
}

// protect keeps the sandbox from changing what the host would later run: git's hooks and configuration, and ours. `.git`
// is bound onto itself, because a parent of a mount point can be renamed and replaced, but a mount point cannot.
//
// Symbolic links are left alone: the mount would follow them on the host, wherever an earlier sandbox let them point to.
// The guest looks again after the mount (frame.Job.Same).
func (v *view) protect(source string) error {
	git := filepath.Join(source, ".git")
	switch fi, err := os.Lstat(git); {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return err
	case fi.IsDir():
		// An absent folder could not be protected, and git itself makes it with every repository.
		if err := os.Mkdir(filepath.Join(git, "hooks"), 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
		if err := v.pin(git, ".git", false); err != nil {
			return err
		}
		for _, name := range []string{"hooks", "config"} {
			if err := v.pin(filepath.Join(git, name), ".git/"+name, true); err != nil {
				return err
			}
		}
	default:
		if err := v.pin(git, ".git", true); err != nil { // of a worktree
			return err
		}
	}
	return v.pin(filepath.Join(source, "wrapix.toml"), "wrapix.toml", true)
}

// pin binds a file or folder of the workspace onto its own place, if it exists and is no link.
func (v *view) pin(source, name string, readOnly bool) error {
	fi, err := os.Lstat(source)
	if errors.Is(err, os.ErrNotExist) || err == nil && !fi.IsDir() && !fi.Mode().IsRegular() {
		return nil
	}
	if err != nil {
		return err
	}
	dest := sandbox.WorkspaceDir + "/" + name
	v.mounts = append(v.mounts, bind(source, dest, readOnly))
	st := fi.Sys().(*syscall.Stat_t)
	v.same = append(v.same, frame.Identity{Path: dest, Dev: uint64(st.Dev), Ino: st.Ino})
	return nil
}

// spellable returns a path that Podman's API can carry: it speaks JSON, where a name is text, and names of files are
// bytes. For a name that is no text it is a link, and the OCI runtime follows it.
func (e *Engine) spellable(source string) (string, error) {
	if utf8.ValidString(source) {
		return source, nil
	}
	link := filepath.Join(filepath.Dir(e.guest), fmt.Sprintf("name-%x", sha256.Sum256([]byte(source))))
	if to, err := os.Readlink(link); err == nil && to == source {
		return link, nil
	}
	if err := os.Symlink(source, link); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("make a link to a folder whose name is no text: %w", err)
	}
	return link, nil
}

func bind(source, dest string, readOnly bool) specs.Mount {
	mode := "rw"
	if readOnly {
		mode = "ro"
	}
	return specs.Mount{Type: "bind", Source: source, Destination: dest, Options: []string{"rbind", "rprivate", "nosuid", "nodev", mode}}
}

// sized is the option of a tmpfs that says what it can hold.
func sized(bytes int64, otherwise string) string {
	if bytes > 0 {
		return fmt.Sprintf("size=%d", bytes)
	}
	return "size=" + otherwise
}

// tmpfs belongs to the namespace's root, so what the sandbox may write must be writable for all; there is only one user
// inside. Where the image has the folder, runc gives the tmpfs the folder's mode instead.
func tmpfs(dest string, options ...string) specs.Mount {
	return specs.Mount{Type: "tmpfs", Source: "tmpfs", Destination: dest, Options: append([]string{"rw", "nosuid", "nodev"}, options...)}
}
