package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// streamMiB is how much one stream brings.
const streamMiB = 512

// source is a server of zeros on an address of this host that is none of its loopback, so that a sandbox reaches it as it
// reaches any other machine. Nothing of the stream leaves the host.
func (b *bench) source() (string, error) {
	if b.stream != nil {
		return b.stream.Addr, nil
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return "", err
	}
	for _, a := range addrs {
		ip, ok := a.(*net.IPNet)
		if !ok || !ip.IP.IsGlobalUnicast() || ip.IP.To4() == nil {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort(ip.IP.String(), "0"))
		if err != nil {
			return "", err
		}
		b.stream = &http.Server{Addr: l.Addr().String(), Handler: http.HandlerFunc(zeros)}
		go func() { _ = b.stream.Serve(l) }() // until the end of the bench
		return b.stream.Addr, nil
	}
	return "", errors.New("this host has no address but those of its loopback, which no sandbox reaches")
}

func zeros(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", strconv.Itoa(streamMiB<<20))
	block := make([]byte, 1<<20)
	for range streamMiB {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// curl reads the stream and prints how long that took, without the start of what it runs in. With a proxy it uses a
// tunnel, as for https.
func curl(address string) []string {
	return []string{"curl", "--silent", "--show-error", "--fail", "--proxytunnel", "--output", "/dev/null", "--max-time", "60",
		"--write-out", "%{time_total} %{size_download}", "http://" + address + "/"}
}

// timeOf runs a curl somewhere and returns its time for one MiB.
func timeOf(ctx context.Context, dir string, args []string) (float64, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stderr = dir, &stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("%s: %w: %s (where pasta gives a sandbox this host's own address, nothing leads from there to the host)",
			args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	var seconds float64
	var size int
	if _, err := fmt.Sscan(string(out), &seconds, &size); err != nil || size != streamMiB<<20 {
		return 0, fmt.Errorf("%s said %q", args[0], out)
	}
	return seconds / streamMiB * float64(time.Second), nil
}

// streamOfWrapix measures one stream out of a sandbox.
func (b *bench) streamOfWrapix(network string) measure {
	return func(ctx context.Context) (float64, error) {
		project, err := b.project("sandboxed")
		if err != nil {
			return 0, err
		}
		address, err := b.source()
		if err != nil {
			return 0, err
		}
		args := []string{b.bin("wrapix"), "--network", network}
		if network == "allowlist" {
			args = append(args, "--allow", address)
		}
		return timeOf(ctx, project, append(append(args, "--"), curl(address)...))
	}
}

// streamOfPodman measures one stream out of a container like wrapix's, with the network that Podman itself has for users.
func (b *bench) streamOfPodman() measure {
	var run []string
	return func(ctx context.Context) (float64, error) {
		project, err := b.project("sandboxed")
		if err != nil {
			return 0, err
		}
		address, err := b.source()
		if err != nil {
			return 0, err
		}
		if run == nil {
			flags, err := b.flagsOfWrapix(ctx, project)
			if err != nil {
				return 0, fmt.Errorf("learn the flags of wrapix: %w", err)
			}
			for _, f := range flags {
				if kind, ok := strings.CutPrefix(f, "--network="); ok {
					kind, _, _ = strings.Cut(kind, ":") // pasta or slirp4netns, as Podman sets it up
					f = "--network=" + kind
				}
				run = append(run, f)
			}
		}
		return timeOf(ctx, project, append(append([]string(nil), run...), curl(address)...))
	}
}
