package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"github.com/wrapix/wrapix/sandbox/frame"
)

// memoryEvents are where a cgroup of version 2, or of version 1, says what became of its memory limit. A sandbox sees its
// own at the root.
var memoryEvents = []string{"/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"}

// memoryKills is how many processes of the sandbox the kernel has killed by now to hold it to its limit.
func memoryKills(m *frame.Memory) int64 {
	if m == nil || !m.Kernel {
		return 0
	}
	for _, path := range memoryEvents {
		if text, err := os.ReadFile(path); err == nil {
			return oomKills(text)
		}
	}
	return 0
}

// oomKills finds the number in either file.
func oomKills(text []byte) int64 {
	for line := range bytes.Lines(text) {
		if number, ok := bytes.CutPrefix(line, []byte("oom_kill ")); ok {
			n, _ := strconv.ParseInt(string(bytes.TrimSpace(number)), 10, 64)
			return n
		}
	}
	return 0
}

// killedForMemory says whether a command ended because the kernel killed it, or what it waited for, when memory ran out:
// a shell then ends with the code of that. One that went on without what was killed has an end of its own.
func killedForMemory(e frame.Exit, before, after int64) bool {
	return after > before && e.Code == 128+int(syscall.SIGKILL)
}

func kernelReason(m frame.Memory) string {
	return fmt.Sprintf("the kernel ended a process: more memory was needed, and %d MiB are allowed", m.Limit>>20)
}
