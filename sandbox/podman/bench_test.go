package podman

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/containers/podman/v5/pkg/bindings/containers"

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

// BenchmarkStepParts says what the parts of a step cost, and what a pool of containers would save: "created" is a step whose
// container was made before, "initialized" one whose first process waits already to be told to begin, with its mounts and its
// network. The three take turns, so that a busy minute hits all. See ARCHITECTURE.md, "What a step costs".
//
//	go test ./sandbox/podman -run '^$' -bench StepParts -benchtime 20x
func BenchmarkStepParts(b *testing.B) {
	for _, network := range []sandbox.Network{sandbox.NetworkNone, sandbox.NetworkOpen} {
		b.Run(string(network), func(b *testing.B) { benchmarkParts(b, network) })
	}
}

func benchmarkParts(b *testing.B, network sandbox.Network) {
	e := connect(b)
	ref, dir, n := testImage(b, e), b.TempDir(), 0
	took := map[string][]time.Duration{}
	// timed does something of a variant's, and counts it.
	timed := func(what string, do func() error) {
		b.Helper()
		began := time.Now()
		if err := do(); err != nil {
			b.Fatal(what, err)
		}
		took[what] = append(took[what], time.Since(began))
	}
	step := func(variant string) {
		n++
		spec := sandbox.Spec{
			Name: fmt.Sprintf("wrapix-bench-parts-%d-%d", os.Getpid(), n), Image: ref, Network: network,
			Workspace: sandbox.Workspace{Source: dir}, Record: filepath.Join(b.TempDir(), "record"),
			Commands: []sandbox.Command{{Name: "true", Args: []string{"true"}}},
		}
		ctx := context.Background()
		create := func() error { return e.Create(ctx, spec) }
		rest := func(note func(string, func() error)) error {
			note("start", func() error { return e.Start(ctx, spec.Name) })
			note("end", func() error { _, err := e.Wait(ctx, spec.Name); return err })
			note("remove", func() error { return e.Remove(ctx, spec.Name) })
			return nil
		}
		silent := func(what string, do func() error) {
			if err := do(); err != nil {
				b.Fatal(variant, what, err)
			}
		}
		switch variant {
		case "whole":
			timed(variant, func() error { timed("create", create); return rest(timed) })
			return
		case "initialized":
			silent("create", create)
			silent("initialize", func() error { return containers.ContainerInit(e.with(ctx), spec.Name, nil) })
		default:
			silent("create", create)
		}
		timed(variant, func() error { return rest(silent) })
	}
	variants := []string{"whole", "created", "initialized"}
	for b.Loop() {
		timed("image", func() error { _, err := e.Image(context.Background(), ref); return err })
		for _, variant := range variants {
			step(variant)
		}
		variants = append(variants[1:], variants[0])
	}
	median := func(what string) float64 {
		slices.Sort(took[what])
		return float64(took[what][len(took[what])/2]) / float64(time.Millisecond)
	}
	b.ReportMetric(0, "ns/op") // of all three together, which says nothing
	for _, what := range []string{"image", "create", "start", "end", "remove", "whole"} {
		b.ReportMetric(median(what), what+"-ms")
	}
	b.ReportMetric(median("created")/median("whole"), "created-x")
	b.ReportMetric(median("initialized")/median("whole"), "initialized-x")
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
