//go:build failpoints

package failpoint

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

var passed atomic.Int64

// Here ends the process if RALPH_FAILPOINT names this place and it is the wanted time.
func Here(name string) {
	wanted, rest, _ := strings.Cut(os.Getenv("RALPH_FAILPOINT"), ":")
	if wanted != name {
		return
	}
	count, how, _ := strings.Cut(rest, ":")
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil {
		n = 1
	}
	if passed.Add(1) != n {
		return
	}
	if how == "panic" {
		panic("failpoint " + name)
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
