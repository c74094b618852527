package filesystem

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mountOf finds the mount that a path lies on: the deepest one on the way, and of several at one place the last. The
// path is real and absolute.
func mountOf(path string, _ *unix.Statfs_t) (mount, device string) {
	mount, device = "/", "unknown device"
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return mount, device
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		// 36 35 98:0 /root /mount options - type device options; see proc_pid_mountinfo(5)
		head, tail, ok := strings.Cut(lines.Text(), " - ")
		fields, after := strings.Fields(head), strings.Fields(tail)
		if !ok || len(fields) < 5 || len(after) < 2 {
			continue
		}
		at := unescape(fields[4])
		if len(at) >= len(mount) && (at == "/" || path == at || strings.HasPrefix(path, at+"/")) {
			mount, device = at, unescape(after[1])
		}
	}
	return mount, device
}

// unescape undoes the kernel's octal escapes of blanks and backslashes.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
