package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/sandbox/frame"
)

// further becomes a further command in a sandbox that runs, with what process 1 does to each of its own: its secrets are
// variables, it cannot change the limits of process 1, and has its own. It returns only where that fails.
func further(arg string) int {
	os.WriteFile("/proc/self/oom_score_adj", []byte(oomScore), 0)
	var job frame.Job
	if err := json.Unmarshal([]byte(arg), &job); err != nil || len(job.Commands) != 1 || len(job.Commands[0].Args) == 0 {
		fail("read my argument: %v", err)
	}
	if err := protectLimits(); err != nil { // binds us to this thread, which becomes the command
		fail("protect the limits of process 1: %v", err)
	}
	known, err := readSecrets(job.Secrets)
	if err != nil {
		fail("%v", err)
	}
	c := job.Commands[0]
	env, err := known.env(c.Secrets)
	if err != nil {
		fail("%v", err)
	}
	for name, value := range job.Env {
		os.Setenv(name, value)
	}
	if _, err := unix.IoctlGetTermios(0, unix.TCGETS); err == nil {
		awaitSize()
	}
	path, err := exec.LookPath(c.Args[0])
	if err == nil {
		limitsOf(job).set(0)
		err = fmt.Errorf("start %s: %w", path, syscall.Exec(path, c.Args, append(os.Environ(), env...)))
	}
	fmt.Fprintln(os.Stderr, "wrapix:", err)
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return 127
	}
	return 126
}
