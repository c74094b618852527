package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// compiled is what the host and a sandbox compile: a package of some 200, with all that it is made of.
const compiled = "net/http"

// compileInside measures `wrapix -- go build`, with the host's own Go and an empty build cache in the project.
func (b *bench) compileInside() measure {
	return func(ctx context.Context) (float64, error) {
		project, root, err := b.compiling(ctx)
		if err != nil {
			return 0, err
		}
		args := []string{b.bin("wrapix"), "--network", "none", "--mount", root + ":" + root}
		for _, variable := range compileEnv("/workspace", root) {
			args = append(args, "--env", variable)
		}
		return command(1, project, append(args, "--", filepath.Join(root, "bin", "go"), "build", compiled)...)(ctx)
	}
}

// compileOnHost measures the same in the same folder, without a sandbox.
func (b *bench) compileOnHost() measure {
	return func(ctx context.Context) (float64, error) {
		project, root, err := b.compiling(ctx)
		if err != nil {
			return 0, err
		}
		args := append([]string{"env"}, compileEnv(project, root)...)
		return command(1, project, append(args, filepath.Join(root, "bin", "go"), "build", compiled)...)(ctx)
	}
}

// compileEnv keeps the cache and all that is made on the way in the project, so that both sides use one disk.
func compileEnv(project, root string) []string {
	return []string{"GOROOT=" + root, "GOCACHE=" + project + "/cache", "GOTMPDIR=" + project, "GOFLAGS=", "GO111MODULE=off", "CGO_ENABLED=0", "GOTOOLCHAIN=local"}
}

// compiling empties the cache, and finds the host's Go.
func (b *bench) compiling(ctx context.Context) (project, root string, err error) {
	if project, err = b.project("compiled"); err != nil {
		return "", "", err
	}
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return "", "", fmt.Errorf("find Go: %w", err)
	}
	return project, strings.TrimSpace(string(out)), os.RemoveAll(filepath.Join(project, "cache"))
}

// filesInside measures smallfiles in a sandbox's workspace, and filesOnHost in the same folder without a sandbox.
func (b *bench) filesInside() measure {
	return func(ctx context.Context) (float64, error) {
		project, err := b.smallFiles(ctx)
		if err != nil {
			return 0, err
		}
		return reportedTime(ctx, project, b.bin("wrapix"), "--network", "none", "--", "./smallfiles", "files")
	}
}

func (b *bench) filesOnHost() measure {
	return func(ctx context.Context) (float64, error) {
		project, err := b.smallFiles(ctx)
		if err != nil {
			return 0, err
		}
		return reportedTime(ctx, project, "./smallfiles", "files")
	}
}

// smallFiles makes the project once, with the program in it.
func (b *bench) smallFiles(ctx context.Context) (string, error) {
	project, err := b.project("files")
	if err != nil {
		return "", err
	}
	program := filepath.Join(project, "smallfiles")
	if _, err := os.Stat(program); err == nil {
		return project, nil
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./internal/bench/smallfiles")
	build.Dir, build.Env = b.root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile smallfiles: %w\n%s", err, out)
	}
	return project, nil
}

// reportedTime runs a program that prints how many nanoseconds it took, without its own start.
func reportedTime(ctx context.Context, dir string, args ...string) (float64, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stderr = dir, &stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("%s: %w: %s", args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	var nanoseconds float64
	if _, err := fmt.Sscan(string(out), &nanoseconds); err != nil {
		return 0, errors.Join(fmt.Errorf("%s said %q", args[0], out), err)
	}
	return nanoseconds, nil
}

// fixed is a goal that is no ratio to anything.
func fixed(d time.Duration) measure {
	return func(context.Context) (float64, error) { return float64(d), nil }
}
