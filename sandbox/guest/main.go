// Guest is process 1 of every sandbox. It runs the commands of its [frame.Job], the only argument, one after the other,
// and reports their output and outcome as frames on standard output. What the job names of the host's sockets it turns
// into ports of the sandbox's loopback before the first command starts. It is also what a further command in a sandbox
// begins as, see [further].
//
// The commands have the same user id as the guest, and want to deceive the host. What protects the guest: the kernel
// drops the signals that its own process namespace sends to process 1 unless it handles them, and none has an effect but
// the request to stop; it is not dumpable, so nobody can trace it or open its files below /proc; nobody can change its
// limits (see protectLimits); and it holds no file that a command can reach. Nothing that a command prints can become a frame, see package frame.
//
// It must stay small and start fast: no package that does work at its initialisation, and none of the engine's.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/sandbox/frame"
)

// exitUnusable is the guest's own exit code when it cannot do its work.
const exitUnusable = 125

func main() {
	// First of all, while there is nobody to make use of the moment before.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		fail("make myself not dumpable: %v", err)
	}
	if len(os.Args) == 3 && os.Args[1] == frame.ExecMode {
		os.Exit(further(os.Args[2]))
	}
	// Ending leftovers means to kill everything that can be seen.
	if os.Getpid() != 1 {
		fail("I must be process 1 of a container")
	}
	if len(os.Args) != 2 {
		fail("one argument expected, got %d", len(os.Args)-1)
	}
	var job frame.Job
	if err := json.Unmarshal([]byte(os.Args[1]), &job); err != nil {
		fail("read my argument: %v", err)
	}
	// Go's runtime handles every signal, so the kernel delivers what commands send us; unless somebody listens, some of
	// them are fatal. Nobody reads the channel: what nobody listens to further on has no effect. Ignoring signals
	// instead would make the commands start with these ignored.
	//lint:ignore SA1017 nobody reads it
	signal.Notify(make(chan os.Signal))
	if err := protectLimits(); err != nil {
		fail("protect my limits: %v", err)
	}
	if job.Attached {
		os.Exit(attached(job))
	}
	newReporter(job).run()
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "wrapix guest: "+format+"\n", args...)
	os.Exit(exitUnusable)
}

// unchanged returns an error unless the mounted files are the ones that the host meant.
func unchanged(files []frame.Identity) error {
	for _, f := range files {
		var st unix.Stat_t
		if err := unix.Lstat(f.Path, &st); err != nil {
			return fmt.Errorf("look at %s: %w", f.Path, err)
		}
		if st.Dev != f.Dev || st.Ino != f.Ino {
			return fmt.Errorf("%s was exchanged while the sandbox was made", f.Path)
		}
	}
	return nil
}
