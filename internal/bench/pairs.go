package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/store"
)

// pairs are the promises.
func (b *bench) pairs() []pair {
	late, early := b.loopMemory()
	return []pair{
		{
			what: "a sandbox step of true / podman run --rm", goal: 1.0,
			ours: b.benchmark("sandbox/podman", "Step", "10x"), theirs: b.benchmark("sandbox/podman", "PodmanRun", "10x"),
		}, {
			what: "wrapix -- true / podman run --rm", goal: 1.1,
			ours: b.wrapix(), theirs: b.podmanLikeWrapix(),
		}, {
			what: "durable transitions / bbolt Puts", goal: 0.7, unit: rates,
			ours: b.benchmark("store", "Transitions", "1000x"), theirs: b.benchmark("store", "BoltPut", "1000x"),
		}, {
			what: "durable transitions, 10000 tasks / bbolt Puts", goal: 0.5, unit: rates, // a promise of our own
			ours: b.benchmark("store", "TransitionsOf10000Tasks", "500x"), theirs: b.benchmark("store", "BoltPut", "500x"),
		}, {
			what: "ralph status, 10000 tasks / ralph --version", goal: 3,
			ours: b.statusOfMuch(), theirs: command(10, b.dir, b.bin("ralph"), "--version"),
		}, {
			what: "recovery, 1000 open workflows / 10 cat + 0.2 s", goal: 1,
			ours: b.recovery(), theirs: b.recoveryAllowed(),
		}, {
			what: "logs -n 100 of 1 GB / 2 tail + ralph --version", goal: 1,
			ours: b.lastLines(), theirs: b.lastLinesAllowed(),
		}, {
			what: "transitions, 20 readers follow / none", goal: 0.8, unit: rates,
			ours: b.benchmark("control", "TransitionsFollowed", "1000x"), theirs: b.benchmark("control", "TransitionsAlone", "1000x"),
		}, {
			what: "memory of a loop, 10000 iterations / 100", goal: 1.2, unit: sizes, most: 1,
			ours: late, theirs: early,
		}, {
			what: "snapshot of 50000 files, 10 changed / git status", goal: 3,
			ours: b.snapshot(), theirs: b.gitStatus(),
		}, {
			what: "parsing a 1 MB spec / goldmark", goal: 2,
			ours: b.benchmark("specs", "Parse1MB", "10x"), theirs: b.benchmark("specs", "Goldmark1MB", "10x"),
		}, {
			what: "MiB by one stream, open / podman's own", goal: 0.95, unit: rates,
			ours: b.streamOfWrapix("open"), theirs: b.streamOfPodman(),
		}, {
			what: "MiB by one stream, allowlist / podman's own", goal: 0.5, unit: rates,
			ours: b.streamOfWrapix("allowlist"), theirs: b.streamOfPodman(),
		}, {
			what: "go build " + compiled + ", wrapix / host", goal: 1.05, most: 3,
			ours: b.compileInside(), theirs: b.compileOnHost(),
		}, {
			what: "10000 small files, /workspace / host", goal: 1.1,
			ours: b.filesInside(), theirs: b.filesOnHost(),
		}, {
			what: "image lookup, an env line changed / 50 ms", goal: 1,
			ours: b.benchmark("sandbox/image", "Lookup", "20x"), theirs: fixed(50 * time.Millisecond),
		},
	}
}

// statusOfMuch measures `ralph status` of a project with 10,000 tasks and 100,000 events.
func (b *bench) statusOfMuch() measure {
	var status measure
	return func(ctx context.Context) (float64, error) {
		if status == nil {
			project, err := b.project("much")
			if err != nil {
				return 0, err
			}
			state, err := config.OpenStateDir(project)
			if err != nil {
				return 0, err
			}
			if err := fill(ctx, filepath.Join(state, store.File), 1, 10_000, 100_000); err != nil {
				return 0, fmt.Errorf("make a large store: %w", err)
			}
			status = command(5, project, b.bin("ralph"), "status")
		}
		return status(ctx)
	}
}

// project makes an empty project with its state in the workplace.
func (b *bench) project(name string) (string, error) {
	if err := os.Setenv("RALPH_STATE_DIR", filepath.Join(b.dir, name+"-state")); err != nil {
		return "", err
	}
	dir := filepath.Join(b.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, "wrapix.toml"), []byte("[agent]\nkind = \"command\"\ncommand = [\"true\"]\n"), 0o600)
}
