package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/sandbox/frame"
)

// sampleEvery is how often the memory is looked at, and samplesOver how many looks in a row must find too much: a process
// that starts another one without copying its memory counts twice for a moment.
const (
	sampleEvery = 200 * time.Millisecond
	samplesOver = 2
)

// guardMemory calls over when the commands have more memory than they may, and returns then. It takes the place of a
// limit of the kernel's where that has none for us. What no process has mapped and no file of the sandbox holds, it does
// not see.
func guardMemory(m frame.Memory, over func(reason string)) {
	found := 0
	for range time.Tick(sampleEvery) {
		used := inUse(m, rough)
		if used > m.Limit {
			used = inUse(m, exact)
		}
		if used <= m.Limit {
			found = 0
			continue
		}
		if found++; found == samplesOver {
			over(fmt.Sprintf("%d MiB of memory were in use, and %d MiB are allowed", used>>20, m.Limit>>20))
			return
		}
	}
}

// usage is memory in bytes: of processes alone, and in files without a disk, which processes may have mapped.
type usage struct{ private, shared int64 }

// inUse adds up what all processes but this one use, as look sees it, and what the files of the sandbox's own file
// systems in memory take. Those that are mapped count once.
func inUse(m frame.Memory, look func(pid string) usage) int64 {
	var all usage
	self := strconv.Itoa(os.Getpid())
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range processes {
		if pid := filepath.Base(dir); pid != self {
			of := look(pid)
			all.private += of.private
			all.shared += of.shared
		}
	}
	var files int64
	for _, path := range m.Tmpfs {
		var st unix.Statfs_t
		if unix.Statfs(path, &st) == nil {
			files += int64(st.Blocks-st.Bfree) * st.Bsize
		}
	}
	return all.private + max(all.shared, files)
}

// rough is quickly read, and counts what processes share for each of them.
func rough(pid string) usage {
	text, _ := os.ReadFile("/proc/" + pid + "/status")
	return usage{private: kilobytes(text, "RssAnon:") + kilobytes(text, "VmSwap:"), shared: kilobytes(text, "RssShmem:")}
}

// exact divides what processes share among them. A process that lets nobody look counts roughly.
func exact(pid string) usage {
	text, err := os.ReadFile("/proc/" + pid + "/smaps_rollup")
	if err != nil || len(text) == 0 {
		return rough(pid)
	}
	return usage{private: kilobytes(text, "Pss_Anon:") + kilobytes(text, "SwapPss:"), shared: kilobytes(text, "Pss_Shmem:")}
}

// kilobytes finds a field of a file of the kernel's, such as "RssAnon:      1234 kB", and returns bytes.
func kilobytes(text []byte, field string) int64 {
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte(field)); ok {
			number, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" "))
			n, _ := strconv.ParseInt(string(number), 10, 64)
			return n << 10
		}
	}
	return 0
}

// short ends the commands at once: they have taken more memory than they may.
func (r *reporter) short(reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended == "" {
		r.ended, r.reason = frame.EndedMemory, reason
		r.cut = r.running != 0
	}
	syscall.Kill(-1, syscall.SIGKILL)
}
