package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/sandbox"
)

// workPrefix names the folders that trees are built in, so that the next build can find what a killed one left.
const workPrefix = "/var/tmp/wrapix-image-"

// bootstrap makes the root file system with mmdebstrap, unprivileged, and loads it.
func (r recipe) bootstrap(ctx context.Context, eng Engine, opts Options, ref string) error {
	program, err := exec.LookPath("mmdebstrap")
	if err != nil {
		return &sandbox.Error{
			Op:   "bootstrap an image",
			Err:  errors.New("no container registry can be reached, and mmdebstrap is not installed"),
			Hint: "sudo apt-get install mmdebstrap",
		}
	}
	mirrors, err := aptSources(ctx, r.suite)
	if err != nil {
		return err
	}
	removeLeftovers(program)
	defer removeLeftovers(program) // one that was killed just before us cleans up after itself, but for its folder
	work, err := makeWork()
	if err != nil {
		return fmt.Errorf("bootstrap an image: %w", err)
	}
	defer work.Close()
	defer removeWork(program, work.Name())
	tree, err := os.Create(filepath.Join(work.Name(), "tree.tar"))
	if err != nil {
		return fmt.Errorf("bootstrap an image: %w", err)
	}
	defer tree.Close()
	os.Remove(tree.Name()) // it is read and written by its descriptor, and gone with us however we end

	cmd := exec.CommandContext(ctx, program, r.bootstrapArgs(mirrors)...)
	// No file is newer than the epoch.
	cmd.Env = append(os.Environ(), "TMPDIR="+work.Name(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", epoch.Unix()))
	cmd.Dir = "/" // it warns about a folder that subordinate ids cannot enter
	cmd.Stdout = tree
	cmd.ExtraFiles = []*os.File{work} // the lock lives as long as any of its processes
	if err := runReporting(cmd, opts.Progress); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	fmt.Fprintln(opts.Progress, "image: loading it")
	return load(ctx, eng, archive{
		ref: ref, layer: tree, labels: map[string]string{LabelOurs: "1", LabelSource: string(SourceBootstrap)},
		env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
	})
}

// load hands an archive over while it is written.
func load(ctx context.Context, eng Engine, a archive) error {
	out, in := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := a.writeTo(in)
		in.CloseWithError(err)
		written <- err
	}()
	err := eng.LoadImage(ctx, out)
	out.CloseWithError(err) // whoever still writes need not
	if writeErr := <-written; err == nil {
		err = writeErr
	}
	return err
}

func (r recipe) bootstrapArgs(mirrors []string) []string {
	mode := "unshare"
	if os.Geteuid() == 0 {
		mode = "root"
	}
	args := []string{
		"--mode=" + mode, "--variant=minbase", "--format=tar",
		"--include=" + strings.Join(r.root, ","),
		`--customize-hook=rm -rf "$1"/var/log/* "$1"/var/cache/debconf/*-old "$1"/var/cache/ldconfig/* "$1"/var/lib/dpkg/*-old ` +
			`"$1"/etc/machine-id "$1"/etc/hostname "$1"/etc/resolv.conf`,
	}
	for _, line := range excluded {
		args = append(args, "--dpkgopt="+line)
	}
	return append(append(args, r.suite, "-"), mirrors...)
}

// runReporting runs mmdebstrap and passes on what it says of its progress. When we die it goes on to its end and cleans
// up after itself.
func runReporting(cmd *exec.Cmd, progress io.Writer) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	// It has no ear for a polite signal while it works: only its children would have, of which there may be none at
	// that moment. In its group is also the first process of the namespace it builds in, which takes all others along.
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	said := &tail{each: func(line string) {
		if step, ok := strings.CutPrefix(line, "I: "); ok && strings.HasSuffix(step, "...") && !strings.Contains(step, "/") {
			fmt.Fprintln(progress, "  "+step)
		}
	}}
	cmd.Stderr = said
	// The kernel sends Pdeathsig when the thread that forked ends, so this one must not.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Run(); err != nil {
		if strings.Contains(said.String(), "No space left on device") {
			err = &fs.PathError{Op: "write", Path: filepath.Dir(workPrefix), Err: syscall.ENOSPC}
		}
		return &sandbox.Error{
			Op:   "bootstrap an image",
			Err:  fmt.Errorf("mmdebstrap: %w\n%s", err, said),
			Hint: "sudo apt-get update, and see that it works",
		}
	}
	return nil
}

// makeWork makes a folder to build in, and returns it open and locked. It is not in the usual
// temporary folder, which may be in memory; and others than the owner can enter it, as subordinate ids are others.
func makeWork() (*os.File, error) {
	path, err := os.MkdirTemp(filepath.Dir(workPrefix), filepath.Base(workPrefix))
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o755); err != nil {
		return nil, err
	}
	return openLocked(path)
}

func openLocked(path string) (*os.File, error) {
	dir, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		dir.Close()
		return nil, err
	}
	return dir, nil
}

// removeLeftovers removes what builds of ours left when they were killed: folders that nobody has locked.
func removeLeftovers(program string) {
	left, _ := filepath.Glob(workPrefix + "*")
	for _, path := range left {
		var st unix.Stat_t
		if unix.Lstat(path, &st) != nil || int(st.Uid) != os.Geteuid() {
			continue
		}
		if dir, err := openLocked(path); err == nil {
			removeWork(program, path)
			dir.Close()
		}
	}
}

// removeWork removes a folder that was built in. What a killed build left in it belongs to subordinate ids, and only
// they can remove that.
func removeWork(program, path string) {
	if os.RemoveAll(path) == nil {
		return
	}
	_ = exec.Command(program, "--unshare-helper", "find", path, "-mindepth", "2", "-delete").Run()
	os.RemoveAll(path)
}
