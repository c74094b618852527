package main

import (
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/wrapix/wrapix/sandbox/frame"
)

// reporter runs the commands of a job and reports on them.
type reporter struct {
	job            frame.Job
	out            *output
	stdout, stderr *stream
	known          secrets
	patterns       *patterns

	mu      sync.Mutex
	running int          // process id of the command, 0 between commands
	ended   frame.Ending // set when an end came from outside of the commands
	reason  string       // of that end, where it needs one
	cut     bool         // that end met a running command, or kept one from running
}

func newReporter(job frame.Job) *reporter {
	out := newOutput(1)
	return &reporter{
		job:    job,
		out:    out,
		stdout: newStream(out, frame.Stdout, job.TranscriptLimit),
		stderr: newStream(out, frame.Stderr, job.TranscriptLimit),
	}
}

// run does the whole job and writes the result.
func (r *reporter) run() {
	result := frame.Result{Started: time.Now(), Ended: frame.EndedExited}
	ends := make(chan os.Signal, 4)
	signal.Notify(ends, frame.StopSignal, syscall.SIGTERM, syscall.SIGINT)
	go r.watch(ends)
	go r.out.unread()
	if r.job.Memory != nil && !r.job.Memory.Kernel {
		go guardMemory(*r.job.Memory, r.short)
	}

	if err := r.prepare(); err != nil {
		result.Ended, result.Error = frame.EndedStartFailed, err.Error()
	} else {
		for _, c := range r.job.Commands {
			exit, err := r.command(c)
			if err != nil {
				result.Ended, result.Error = frame.EndedStartFailed, err.Error()
				break
			}
			if exit == nil {
				break // the end came before it
			}
			result.Exits = append(result.Exits, *exit)
		}
	}
	r.mu.Lock()
	if r.cut {
		result.Ended, result.Error = r.ended, r.reason
	}
	r.mu.Unlock()
	result.Files = collect(r.job.Collect)
	for name, content := range result.Files {
		result.Files[name] = r.patterns.all(content)
	}
	result.Stdout, result.Stderr = r.stdout.finish(), r.stderr.finish()
	result.Finished = after(result.Started)
	r.out.writeJSON(frame.Final, result)
}

// after is now, so that it lies as long after an earlier moment as time has passed. The clock on the wall may have been set
// meanwhile, and what a sandbox used is the difference of the two.
func after(earlier time.Time) time.Time { return earlier.Add(time.Since(earlier)) }

// prepare does what must be done before the first command.
func (r *reporter) prepare() (err error) {
	r.patterns = newPatterns(nil)
	if err := unchanged(r.job.Same); err != nil {
		return err
	}
	if r.known, err = readSecrets(r.job.Secrets); err != nil {
		return err
	}
	r.patterns = newPatterns(r.known)
	putFiles(r.job.Files)
	return forward(r.job.Net)
}

// watch ends the commands when the time is over or we are told to: politely first, by force after the grace or when
// told again.
func (r *reporter) watch(ends <-chan os.Signal) {
	var timeout <-chan time.Time
	if r.job.Timeout > 0 {
		timeout = time.After(r.job.Timeout)
	}
	select {
	case s := <-ends:
		if s == frame.StopSignal {
			r.end(frame.EndedStopped, "")
		} else {
			r.end(frame.EndedTerminated, "")
		}
	case <-timeout:
		r.end(frame.EndedTimeout, fmt.Sprintf("it took longer than %s", r.job.Timeout))
	}
	select {
	case <-ends:
	case <-time.After(r.job.Grace):
	}
	syscall.Kill(-1, syscall.SIGKILL)
}

func (r *reporter) end(why frame.Ending, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended, r.reason = why, reason
	if r.running != 0 {
		r.cut = true
		syscall.Kill(-r.running, syscall.SIGTERM)
	}
}

// command runs one command to its end and that of everything it started. It returns nil if the job has ended before.
func (r *reporter) command(c frame.Command) (*frame.Exit, error) {
	stdin, err := openStdin(c.Stdin)
	if err != nil {
		return nil, fmt.Errorf("standard input of %q: %w", c.Name, err)
	}
	defer stdin.Close()
	outR, outW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer outR.Close()
	errR, errW, err := os.Pipe()
	if err != nil {
		outW.Close()
		return nil, err
	}
	defer errR.Close()

	r.mu.Lock()
	if r.ended != "" {
		r.cut = true
		r.mu.Unlock()
		outW.Close()
		errW.Close()
		return nil, nil
	}
	r.out.write(frame.Begin, []byte(c.Name))
	started, killed := time.Now(), memoryKills(r.job.Memory)
	pid, err := start(c, r.known, limitsOf(r.job), [3]uintptr{stdin.Fd(), outW.Fd(), errW.Fd()}, &syscall.SysProcAttr{Setsid: true})
	r.running = pid
	r.mu.Unlock()
	outW.Close()
	errW.Close()
	if err != nil {
		return nil, err
	}
	var both excerpt
	var pumps sync.WaitGroup
	pumps.Go(func() { r.stdout.pump(outR, r.patterns, &both) })
	pumps.Go(func() { r.stderr.pump(errR, r.patterns, &both) })

	status := wait(pid, nil)
	finished := after(started)
	r.mu.Lock()
	r.running = 0
	r.mu.Unlock()
	killAll()
	pumps.Wait() // nobody is left who could hold the pipes open
	e := exit(c.Name, status, started, finished)
	if killedForMemory(e, killed, memoryKills(r.job.Memory)) {
		r.mu.Lock()
		if r.ended == "" {
			r.ended, r.reason, r.cut = frame.EndedMemory, kernelReason(*r.job.Memory), true
		}
		r.mu.Unlock()
	}
	e.Output = both.String()
	r.out.writeJSON(frame.End, e)
	return &e, nil
}

func openStdin(path string) (*os.File, error) {
	if path == "" {
		path = os.DevNull
	}
	return os.Open(path)
}
