package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/sandbox/frame"
)

// oomScore makes the kernel take a command before the guest when memory runs out.
const oomScore = "500"

// ownThreads is more than the guest has; the kernel counts them as processes of the same user.
const ownThreads = 32

// limits are what a command may have of some resources of the kernel's.
type limits map[int]uint64

func limitsOf(job frame.Job) limits {
	l := limits{}
	if job.Pids > 0 {
		l[unix.RLIMIT_NPROC] = uint64(job.Pids) + ownThreads
	}
	if job.OpenFiles > 0 {
		l[unix.RLIMIT_NOFILE] = uint64(job.OpenFiles)
	}
	return l
}

// set sets them for a process.
func (l limits) set(pid int) {
	done := make(chan struct{})
	go func() { // on another thread: this one's filter forbids it, see protectLimits
		defer close(done)
		for resource, most := range l {
			unix.Prlimit(pid, resource, &unix.Rlimit{Cur: most, Max: most}, nil)
		}
	}()
	<-done
}

// start starts a command with the three files as its standard streams.
func start(c frame.Command, known secrets, limits limits, files [3]uintptr, attr *syscall.SysProcAttr) (pid int, err error) {
	if len(c.Args) == 0 {
		return 0, fmt.Errorf("command %q is empty", c.Name)
	}
	path, err := exec.LookPath(c.Args[0])
	if err != nil {
		return 0, err
	}
	env, err := known.env(c.Secrets)
	if err != nil {
		return 0, err
	}
	// Traced, it stops before its first instruction: what it starts could escape limits that came later.
	attr.Ptrace = true
	all := &syscall.ProcAttr{Env: append(os.Environ(), env...), Files: files[:], Sys: attr}
	if pid, err = syscall.ForkExec(path, c.Args, all); err == syscall.EPERM || err == syscall.ENOSYS { // a host may forbid that
		attr.Ptrace = false
		pid, err = syscall.ForkExec(path, c.Args, all)
	}
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", path, err)
	}
	limits.set(pid)
	os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte(oomScore), 0)
	if attr.Ptrace {
		letGo(pid)
	}
	return pid, nil
}

// letGo lets a command begin that has stopped. One that was killed meanwhile is left for wait. The kernel wants to hear it
// from the thread that started the command: we are bound to one, see protectLimits.
func letGo(pid int) {
	for unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	syscall.PtraceDetach(pid)
}

// wait waits for the process, and buries every orphan that ends before it. stopped is called when the process has stopped; it
// may be nil.
func wait(pid int, stopped func()) syscall.WaitStatus {
	options := 0
	if stopped != nil {
		options = syscall.WUNTRACED
	}
	for {
		var status syscall.WaitStatus
		got, err := syscall.Wait4(-1, &status, options, nil)
		switch {
		case err == nil && got == pid && status.Stopped():
			stopped()
		case err == syscall.EINTR:
		case err != nil:
			fail("wait for process %d: %v", pid, err) // cannot happen: it is a child of ours
		case got == pid && (status.Exited() || status.Signaled()):
			return status
		}
	}
}

// killAll ends every process but the guest, and returns when all are gone.
func killAll() {
	for {
		syscall.Kill(-1, syscall.SIGKILL)
		_, err := syscall.Wait4(-1, nil, 0, nil)
		if err != nil && err != syscall.EINTR {
			return // ECHILD: whoever lost its parent was ours, so nobody is left
		}
	}
}

// exit translates how a process ended.
func exit(name string, status syscall.WaitStatus, started, finished time.Time) frame.Exit {
	e := frame.Exit{Name: name, Code: status.ExitStatus(), Started: started, Finished: finished}
	if status.Signaled() {
		e.Code = 128 + int(status.Signal())
		e.Signal = unix.SignalName(status.Signal())
	}
	return e
}
