package podman

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/wrapix/wrapix/sandbox"
)

// BenchmarkStep is one whole sandbox step of `true`: create, start, run, collect, remove. BenchmarkPodmanRun is the same
// container by Podman's own command, which is what it must not be slower than.
func BenchmarkStep(b *testing.B) {
	e := connect(b)
	image := testImage(b, e)
	dir := b.TempDir()
	n := 0
	for b.Loop() {
		n++
		spec := sandbox.Spec{
			Name:      fmt.Sprintf("wrapix-bench-step-%d", n),
			Image:     image,
			Workspace: sandbox.Workspace{Source: dir},
			Commands:  []sandbox.Command{{Name: "true", Args: []string{"true"}}},
			Network:   sandbox.NetworkNone,
			Record:    filepath.Join(b.TempDir(), fmt.Sprint(n)),
		}
		_, err := sandbox.Run(context.Background(), e, spec, sandbox.Sink{})
		if errRemove := e.Remove(context.Background(), spec.Name); err != nil || errRemove != nil {
			b.Fatal(err, errRemove)
		}
	}
}

func BenchmarkAttached(b *testing.B) {
	e := connect(b)
	image := testImage(b, e)
	dir := b.TempDir()
	n := 0
	for b.Loop() {
		n++
		spec := sandbox.Spec{
			Name:      fmt.Sprintf("wrapix-bench-attached-%d", n),
			Image:     image,
			Workspace: sandbox.Workspace{Source: dir},
			Commands:  []sandbox.Command{{Name: "true", Args: []string{"true"}}},
			Network:   sandbox.NetworkNone,
		}
		if _, err := sandbox.RunAttached(context.Background(), e, spec, sandbox.Streams{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkConnect(b *testing.B) {
	for b.Loop() {
		open(b).Close()
	}
}

func BenchmarkPodmanRun(b *testing.B) {
	e := connect(b)
	args := []string{
		"run", "--rm", "--userns=keep-id", "--cap-drop=all", "--security-opt=no-new-privileges", "--read-only", "--network=none",
		fmt.Sprintf("--ulimit=nproc=%d:%d", e.host.nproc, e.host.nproc), fmt.Sprintf("--ulimit=nofile=%d:%d", min(e.host.nofile, 1<<16), min(e.host.nofile, 1<<20)),
		"--tmpfs=" + sandbox.HomeDir, "--tmpfs=/run", "--tmpfs=/run/out", "-v", b.TempDir() + ":/workspace", "-v", e.guest + ":" + guestPath + ":ro", "-v", e.hosts + ":/etc/hosts:ro",
		testImage(b, e), "true",
	}
	if e.host.ociRuntime != "" {
		args = append([]string{"--runtime", e.host.ociRuntime}, args...)
	}
	for b.Loop() {
		if out, err := exec.Command("podman", args...).CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
}
