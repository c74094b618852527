package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// wrapix measures `wrapix -- true` as a whole process.
func (b *bench) wrapix() measure {
	return func(ctx context.Context) (float64, error) {
		project, err := b.project("sandboxed")
		if err != nil {
			return 0, err
		}
		return command(5, project, b.bin("wrapix"), "--", "true")(ctx)
	}
}

// podmanLikeWrapix measures `podman run --rm` with the same image and flags. They are read off a container of wrapix.
func (b *bench) podmanLikeWrapix() measure {
	var podman measure
	return func(ctx context.Context) (float64, error) {
		if podman == nil {
			project, err := b.project("sandboxed")
			if err != nil {
				return 0, err
			}
			args, err := b.flagsOfWrapix(ctx, project)
			if err != nil {
				return 0, fmt.Errorf("learn the flags of wrapix: %w", err)
			}
			podman = command(5, project, append(args, "true")...)
		}
		return podman(ctx)
	}
}

// inspected is the part of `podman inspect` that makes a difference in time.
type inspected struct {
	ImageName  string
	OCIRuntime string
	HostConfig struct {
		LogConfig      struct{ Type string }
		NetworkMode    string
		ReadonlyRootfs bool
		SecurityOpt    []string
		Ulimits        []struct {
			Name       string
			Soft, Hard int64
		}
		Tmpfs map[string]string
	}
	Mounts []struct {
		Type, Source, Destination string
		RW                        bool
	}
}

// flagsOfWrapix runs a command that waits in a sandbox, looks at its container, and lets it end.
func (b *bench) flagsOfWrapix(ctx context.Context, project string) ([]string, error) {
	waiting := exec.CommandContext(ctx, b.bin("wrapix"), "--", "sh", "-c", "echo here; cat")
	waiting.Dir, waiting.Stderr = project, os.Stderr // it may have to make the image first
	in, err := waiting.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := waiting.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := waiting.Start(); err != nil {
		return nil, err
	}
	defer func() { _ = in.Close(); _ = waiting.Wait() }()
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		return nil, err
	}
	id, err := exec.CommandContext(ctx, "podman", "ps", "-q", "--filter", "label=wrapix.project="+project).Output()
	if err != nil {
		return nil, err
	}
	text, err := exec.CommandContext(ctx, "podman", "inspect", strings.TrimSpace(string(id))).Output()
	if err != nil {
		return nil, err
	}
	var found []inspected
	if err := json.Unmarshal(text, &found); err != nil || len(found) != 1 {
		return nil, fmt.Errorf("%d containers: %w", len(found), err)
	}
	return found[0].run(), nil
}

// run is the command that makes such a container.
func (c inspected) run() []string {
	args := []string{
		"podman", "--runtime", c.OCIRuntime, "run", "--rm", "--userns=keep-id", "--cap-drop=all", "--workdir=/workspace",
		"--log-driver=" + c.HostConfig.LogConfig.Type,
		"--network=" + c.HostConfig.NetworkMode, fmt.Sprintf("--read-only=%t", c.HostConfig.ReadonlyRootfs), "--read-only-tmpfs=false",
	}
	for _, o := range c.HostConfig.SecurityOpt {
		args = append(args, "--security-opt="+o)
	}
	for _, u := range c.HostConfig.Ulimits {
		args = append(args, fmt.Sprintf("--ulimit=%s=%d:%d", strings.ToLower(strings.TrimPrefix(u.Name, "RLIMIT_")), u.Soft, u.Hard))
	}
	for dest := range c.HostConfig.Tmpfs {
		args = append(args, "--tmpfs="+dest)
	}
	for _, m := range c.Mounts {
		if m.Type == "bind" {
			mode := map[bool]string{true: "rw", false: "ro"}[m.RW]
			args = append(args, "-v", m.Source+":"+m.Destination+":"+mode)
		}
	}
	return append(args, c.ImageName)
}
