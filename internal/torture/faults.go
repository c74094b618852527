package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// longestPass is how long a loop gets to come to its failpoint. One that does not, because the work ends or waits before,
// lives on.
const longestPass = 20 * time.Second

// suffers lets the fault happen. It can find the workflow done before.
func (r *round) suffers(ctx context.Context, f fault) (done bool, err error) {
	if f.Kind == killAtPoint || f.Kind == panicAtPoint {
		return r.diesAt(ctx, f)
	}
	if done, err = r.live(ctx, "", f.After); err != nil || done || r.loop == nil {
		return done, err
	}
	met := false
	switch f.Kind {
	case killLoop:
		r.stop()
		met = true
	case killContainer:
		met, err = r.hitContainer(ctx, "kill")
	case dropContainer:
		met, err = r.hitContainer(ctx, "rm", "--force")
	case killService:
		met = killServiceOf(r.loop.cmd.Process.Pid)
	case fillDisk:
		return r.fill(ctx, f)
	}
	r.note(f, met)
	return false, err
}

// note counts a fault that met something.
func (r *round) note(f fault, met bool) {
	r.tell("%s: met %t", f, met)
	if met {
		r.met[f.Kind]++
	}
}

// diesAt runs a loop of its own until it dies at the failpoint.
func (r *round) diesAt(ctx context.Context, f fault) (done bool, err error) {
	r.stop()
	point := f.Point + ":" + strconv.Itoa(f.Pass)
	if f.Kind == panicAtPoint {
		point += ":panic"
	}
	done, err = r.live(ctx, point, longestPass)
	r.note(f, err == nil && !done && r.loop == nil)
	return done, err
}

// hitContainer does something to the first container of the project that runs. There may be none just now, and it may end
// by itself before it is hit, so a few are tried.
func (r *round) hitContainer(ctx context.Context, args ...string) (hit bool, err error) {
	for range 8 {
		out, err := exec.CommandContext(ctx, "podman", "ps", "--quiet", "--filter", "label=wrapix.project="+r.project.dir).Output()
		if err != nil {
			return false, fmt.Errorf("podman ps: %w", err)
		}
		ids := strings.Fields(string(out))
		if len(ids) > 0 && exec.CommandContext(ctx, "podman", append(args, ids[0])...).Run() == nil {
			return true, nil
		}
	}
	return false, ctx.Err()
}

// killServiceOf kills the Podman service of a process, with its group. It has none where it uses the user's.
func killServiceOf(pid int) bool {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for child := range strings.FieldsSeq(string(text)) {
			command, _ := os.ReadFile(filepath.Join("/proc", child, "cmdline"))
			if n, err := strconv.Atoi(child); err == nil && strings.Contains(string(command), "system\x00service") {
				return syscall.Kill(-n, syscall.SIGKILL) == nil
			}
		}
	}
	return false
}

// diskSize is the most that a disk may hold that is filled: more is no small disk, and somebody may need it.
const diskSize = 256 << 20

// prepareDisks looks whether the small disks are small, and empties them of what a run before left.
func (t *torture) prepareDisks(disks []string) error {
	if len(disks) == 0 {
		return errors.New("none was named")
	}
	for _, disk := range disks {
		if err := prepareDisk(disk); err != nil {
			return err
		}
	}
	t.disks = make(chan string, len(disks))
	for _, disk := range disks {
		t.disks <- disk
	}
	return nil
}

func prepareDisk(disk string) error {
	var on syscall.Statfs_t
	if err := syscall.Statfs(disk, &on); err != nil {
		return fmt.Errorf("look at %s: %w", disk, err)
	}
	if size := uint64(on.Bsize) * on.Blocks; size > diskSize {
		return fmt.Errorf("%s is on a file system of %d MB", disk, size>>20)
	}
	// Podman's processes may live among mounts of their own, which they got before this disk was there.
	probe := filepath.Join(disk, "probe")
	if err := os.WriteFile(probe, nil, 0o600); err != nil {
		return err
	}
	if err := exec.Command("podman", "unshare", "test", "-e", probe).Run(); err != nil {
		return fmt.Errorf("sandboxes do not see %s; end Podman's processes first, with: podman system migrate", disk)
	}
	left, err := filepath.Glob(filepath.Join(disk, "*"))
	for _, path := range left {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}

// fill fills the disk that the state is on, lets the loop meet that, and gives the room back.
func (r *round) fill(ctx context.Context, f fault) (done bool, err error) {
	ballast := filepath.Join(r.disk, "ballast")
	defer os.Remove(ballast)
	full, err := os.Create(ballast)
	if err != nil {
		return false, err
	}
	// What cannot be compressed, should the file system do that.
	_, err = io.Copy(full, rand.NewChaCha8([32]byte{}))
	_ = full.Close()
	if !errors.Is(err, syscall.ENOSPC) {
		return false, fmt.Errorf("fill the disk: %w", err)
	}
	done, err = r.live(ctx, "", f.Hold)
	if err == nil && !done && f.Kill {
		r.stop()
	}
	r.note(f, true)
	return done, err
}
