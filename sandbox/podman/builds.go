package podman

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/containers/buildah/define"
	"github.com/containers/podman/v5/pkg/bindings/containers"
	"github.com/containers/podman/v5/pkg/bindings/images"
	"github.com/containers/podman/v5/pkg/bindings/system"
	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/image"
)

// markArg is the build argument that carries a build's mark. Where no Containerfile declares one of this name, it is in no
// image.
const markArg = "wrapix.build"

// buildDirPrefix is how the folders begin that builds are handed over in.
const buildDirPrefix = "wrapix-build-"

// BuildImage makes an image from a Containerfile. Its steps run in a chroot with the host's network and without an OCI
// runtime, which may not work on this host with its defaults (see host.ociRuntime) and which a build cannot choose.
func (e *Engine) BuildImage(ctx context.Context, build image.Build, progress io.Writer) error {
	dir, err := openBuildDir()
	if err != nil {
		return fmt.Errorf("build %s: %w", build.Ref, err)
	}
	defer dir.Close()
	defer os.RemoveAll(dir.Name())
	file := filepath.Join(dir.Name(), "Containerfile")
	if err := os.WriteFile(file, []byte(build.Containerfile), 0o600); err != nil {
		return fmt.Errorf("build %s: %w", build.Ref, err)
	}
	opts := images.BuildOptions{}
	opts.ContextDirectory = cmp.Or(build.Context, dir.Name()) // from outside of it the file would be added by its path
	opts.Output = build.Ref
	opts.OutputFormat = define.OCIv1ImageManifest
	opts.PullPolicy = define.PullNever
	if build.Pull {
		opts.PullPolicy = define.PullIfMissing
	}
	opts.Isolation = define.IsolationChroot
	opts.ForceRmIntermediateCtrs = true
	opts.RemoveIntermediateCtrs = true
	opts.Timestamp = &build.Created
	opts.CommonBuildOpts = &define.CommonBuildOptions{HTTPProxy: true}
	if build.Mark != "" {
		opts.Args = map[string]string{markArg: build.Mark}
	}
	for _, key := range slices.Sorted(maps.Keys(build.Labels)) { // in an order, which the image's history keeps
		opts.Labels = append(opts.Labels, key+"="+build.Labels[key])
	}
	for try := 1; ; try++ {
		said := &fullWatch{Writer: progress}
		opts.Out, opts.Err, opts.ReportWriter = said, said, said
		_, err := images.Build(e.with(ctx), []string{file}, opts)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil || !cutShort(err):
			return fmt.Errorf("build %s: %w", build.Ref, e.withErrno(ctx, said.explain(err)))
		case try == buildTries:
			return &sandbox.Error{
				Op: "build " + build.Ref, Err: fmt.Errorf("the service of Podman ended %d times while it built: %w", try, err),
				Hint: "see who ends it: the kernel does where memory is short (sudo dmesg)",
			}
		}
		// What the killed service had made by then is in the way of nothing, but nobody else would take it away.
		if err := e.RemoveBuilds(ctx, func(_, mark string) bool { return mark == build.Mark && mark != "" }); err != nil {
			return err
		}
	}
}

// buildTries bounds how often a build is begun anew whose service was killed.
const buildTries = 3

// cutShort says whether an answer ended with the service that gave it.
func cutShort(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// openBuildDir makes a folder and keeps it locked as long as it is open, so that one of a killed build is known.
func openBuildDir() (*os.File, error) {
	path, err := os.MkdirTemp("", buildDirPrefix)
	if err != nil {
		return nil, err
	}
	dir, err := os.Open(path)
	if err == nil {
		err = unix.Flock(int(dir.Fd()), unix.LOCK_EX) // one that sweeps may have it for a moment
	}
	return dir, err
}

// RemoveBuilds removes the containers of such builds, and what those were handed over in that were killed. Podman lists
// such containers apart, and keeps them for ever, with what the builds had made by then.
func (e *Engine) RemoveBuilds(ctx context.Context, of func(image, mark string) bool) error {
	list, err := containers.List(e.with(ctx), new(containers.ListOptions).WithAll(true).WithExternal(true))
	if err != nil {
		return fmt.Errorf("look for builds that are left: %w", err)
	}
	for _, c := range list {
		if slices.Equal(c.Command, []string{"buildah"}) && of(c.Image, e.mark(ctx, c.ID)) {
			if err := e.remove(ctx, c.ID); err != nil {
				return fmt.Errorf("remove a build that is left: %w", e.withErrno(ctx, err))
			}
		}
	}
	left, _ := filepath.Glob(filepath.Join(os.TempDir(), buildDirPrefix+"*"))
	for _, path := range left {
		removeBuildDir(path)
	}
	return nil
}

// removeBuildDir removes a folder of ours that nobody has locked. One that was made this instant may not be locked yet, but
// has nothing in it: it is removed only if that is so still.
func removeBuildDir(path string) {
	dir, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return
	}
	defer dir.Close()
	info, err := dir.Stat()
	if err != nil || int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() || unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		return
	}
	if names, err := dir.Readdirnames(1); err == nil && len(names) > 0 {
		_ = os.RemoveAll(path)
	}
}

// mark reads the mark of a build from what the engine's builder notes beside its container: Podman's API does not tell.
// It is empty where that cannot be read.
func (e *Engine) mark(ctx context.Context, id string) string {
	info, err := system.Info(e.with(ctx), nil)
	if err != nil || info.Store == nil {
		return ""
	}
	path := filepath.Join(info.Store.GraphRoot, info.Store.GraphDriverName+"-containers", id, "userdata", "buildah.json")
	text, err := os.ReadFile(path)
	var noted struct{ Args map[string]string }
	if err != nil || json.Unmarshal(text, &noted) != nil {
		return ""
	}
	return noted.Args[markArg]
}
