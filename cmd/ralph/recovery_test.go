//go:build failpoints

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/failpoint"
)

// stay is an agent that stops at each line of `more` in its first attempt of T1, and goes on to its end in all others. It
// notes in the witness that it began, and that it came to its end.
const stay = `#!/bin/sh
echo begin $RALPH_TASK/$RALPH_ATTEMPT >> witness
if [ $RALPH_TASK$RALPH_ATTEMPT = T11 ]; then
	for part in one two three four; do
		seq 1 500 | sed "s/^/$part /"
		echo up > started
		read go < more
		[ "$go" = end ] && break
	done
fi
echo end $RALPH_TASK/$RALPH_ATTEMPT >> witness
echo RALPH_COMPLETE
`

// night is a project that a loop works on, of two tasks with that agent.
type night struct {
	t          *testing.T
	dir, state string
	env        []string // what is added to our own environment
}

func newNight(t *testing.T, env ...string) *night {
	n := &night{t: t, dir: t.TempDir(), state: t.TempDir(), env: env}
	n.write("wrapix.toml", fmt.Sprintf("[agent]\nkind = \"command\"\ncommand = [\"./agent.sh\"]\n[sandbox]\nimage = %q\nnetwork = \"none\"\n[notify]\nenabled = false\n", testImage))
	n.write("agent.sh", stay)
	n.write("spec.md", "# Two\n\nTwo tasks.\n\n## Tasks\n\n- [ ] **T1** First\n  - Check: `grep 'end T1' witness`\n- [ ] **T2** Second (after: T1)\n  - Check: `grep 'end T2' witness`\n")
	for _, fifo := range []string{"started", "more"} {
		if err := syscall.Mkfifo(filepath.Join(n.dir, fifo), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { killLoops(n.state) })
	approveImage(t, n.dir, n.state)
	if out, err := n.ralph("", "start", "spec.md"); err != nil {
		t.Fatal(err, out)
	}
	return n
}

func (n *night) write(name, text string) {
	n.t.Helper()
	if err := os.WriteFile(filepath.Join(n.dir, name), []byte(text), 0o755); err != nil {
		n.t.Fatal(err)
	}
}

func (n *night) command(env, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = n.dir, append(append(os.Environ(), n.env...), "RALPH_STATE_DIR="+n.state, "GORACE=atexit_sleep_ms=0", env)
	return cmd
}

// ralph runs a command to its end, and returns all that it said.
func (n *night) ralph(env string, args ...string) (string, error) {
	out, err := n.command(env, "ralph", args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("ralph %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), err
}

// loop starts a loop in the background.
func (n *night) loop(env string) *running {
	n.t.Helper()
	r := &running{t: n.t, cmd: n.command(env, "ralph", "loop")}
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.out
	if err := r.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	return r
}

// await waits until the agent has come to its next stop.
func (n *night) await() {
	n.t.Helper()
	if _, err := os.ReadFile(filepath.Join(n.dir, "started")); err != nil {
		n.t.Fatal(err)
	}
}

// let lets the agent go on to its next stop, or to its end.
func (n *night) let(where string) {
	n.t.Helper()
	if err := os.WriteFile(filepath.Join(n.dir, "more"), []byte(where+"\n"), 0); err != nil {
		n.t.Fatal(err)
	}
}

// podman runs Podman's own command as a person would.
func (n *night) podman(args ...string) string {
	n.t.Helper()
	cmd := n.command("", "podman", args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		n.t.Fatalf("podman %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// container is the name of the one that runs the attempt.
func (n *night) container() string {
	n.t.Helper()
	return n.podman("ps", "-a", "--format", "{{.Names}}", "--filter", "label=wrapix.project="+n.dir)
}

// running is a loop in the background.
type running struct {
	t   *testing.T
	cmd *exec.Cmd
	out printed
}

// kill ends the loop as the kernel does when memory is short.
func (r *running) kill() {
	r.t.Helper()
	if err := r.cmd.Process.Kill(); err != nil {
		r.t.Fatal(err)
	}
	_ = r.cmd.Wait()
}

// ends waits for the end of the loop, and returns what it said.
func (r *running) ends(code int) string {
	r.t.Helper()
	_ = r.cmd.Wait()
	if got := r.cmd.ProcessState.ExitCode(); got != code {
		r.t.Fatalf("exit code %d, not %d\n%s", got, code, r.out.String())
	}
	return r.out.String()
}

type told struct {
	Seq     uint64
	Type    engine.EventType
	Task    engine.TaskID
	Attempt int
	Data    struct {
		Reason string
		Fault  bool
	}
}

func (n *night) history() []told {
	n.t.Helper()
	out, err := n.command("", "ralph", "history", "--json").Output()
	var history struct{ Events []told }
	if err == nil {
		err = json.Unmarshal(out, &history)
	}
	if err != nil {
		n.t.Fatal(err)
	}
	return history.Events
}

// morning looks at what the night came to: the work is done, T1 in so many attempts, each finished one ran once, what
// was interrupted was so for a reason, nothing was charged to the task, and nothing is left.
func (n *night) morning(attempts int) (interrupted []told) {
	n.t.Helper()
	witness, err := os.ReadFile(filepath.Join(n.dir, "witness"))
	if err != nil {
		n.t.Fatal(err)
	}
	events := n.history()
	ended := map[string]int{}
	for i, e := range events {
		if e.Seq != uint64(i+1) {
			n.t.Errorf("event %d has the number %d", i+1, e.Seq)
		}
		id := fmt.Sprintf("%s/%d", e.Task, e.Attempt)
		switch e.Type {
		case engine.AttemptIntended:
			if _, err := os.Stat(filepath.Join(n.state, "attempts", "spec-1", string(e.Task), fmt.Sprint(e.Attempt))); err != nil {
				n.t.Errorf("the folder of %s: %v", id, err)
			}
		case engine.AttemptFinished:
			ended[id]++
			if begun := strings.Count(string(witness), "begin "+id+"\n"); begun != 1 || !strings.Contains(string(witness), "end "+id+"\n") {
				n.t.Errorf("%s finished, and its agent began %d times:\n%s", id, begun, witness)
			}
		case engine.AttemptInterrupted:
			ended[id]++
			if e.Data.Reason == "" {
				n.t.Errorf("%s was interrupted for no reason", id)
			}
			interrupted = append(interrupted, e)
		}
	}
	if want := fmt.Sprintf("T1/%d", attempts); ended[want] != 1 || ended[fmt.Sprintf("T1/%d", attempts+1)] > 0 || ended["T2/1"] != 1 || len(interrupted) != attempts-1 {
		n.t.Errorf("instead of %s and T2/1 ended %v; interrupted %v", want, ended, interrupted)
	}
	for id, times := range ended {
		if times != 1 {
			n.t.Errorf("%s ended %d times", id, times)
		}
	}
	if last := events[len(events)-1]; last.Type != engine.WorkflowDone {
		n.t.Errorf("the last event is %s", last.Type)
	}
	if left := n.container(); left != "" {
		n.t.Errorf("containers are left: %s", left)
	}
	if left := n.podman("secret", "ls", "-q"); left != "" {
		n.t.Errorf("secrets are left: %s", left)
	}
	if records, _ := filepath.Glob(filepath.Join(n.state, "attempts", "*", "*", "*", "record.log")); len(records) > 0 {
		n.t.Errorf("records are left: %s", records)
	}
	return interrupted
}

// transcript holds that that of T1's first attempt has these parts, each line once and in order.
func (n *night) transcript(complete bool, parts ...string) {
	n.t.Helper()
	var want strings.Builder
	for _, part := range parts {
		for i := range 500 {
			fmt.Fprintln(&want, part, i+1)
		}
	}
	if complete {
		want.WriteString("RALPH_COMPLETE\n")
	}
	got, err := os.ReadFile(filepath.Join(n.state, "attempts", "spec-1", "T1", "1", "transcript.log"))
	if err != nil || string(got) != want.String() {
		n.t.Errorf("the transcript has %d bytes, not %d: %v", len(got), want.Len(), err)
	}
}

// A loop that is killed again and again during one attempt: the attempt goes on, and is told of once and whole.
func TestLoopKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	for _, where := range []string{"on", "on", "end"} {
		l := n.loop("")
		n.await()
		l.kill()
		n.let(where)
	}
	if _, err := n.ralph("", "loop"); err != nil {
		t.Fatal(err)
	}
	n.morning(1)
	n.transcript(true, "one", "two", "three")
}

// A loop that is killed in the middle of taking an attempt up, at each point of that: the next one does it.
func TestKilledDuringRecovery(t *testing.T) {
	for _, point := range failpoint.Recovery {
		for _, during := range []string{"running", "ended"} {
			t.Run(point+"/"+during, func(t *testing.T) {
				t.Parallel()
				n := newNight(t)
				l := n.loop("")
				n.await()
				l.kill()
				name := n.container()
				if during == "ended" {
					n.let("end")
					n.podman("wait", name)
				}
				second := n.loop("RALPH_FAILPOINT=" + point)
				if during == "running" && point != "swept" {
					n.let("end")
				}
				_ = second.cmd.Wait()
				if !second.cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled() {
					t.Fatalf("it was not killed at %s: %s", point, second.out.String())
				}
				if during == "running" && point == "swept" {
					n.let("end")
				}
				if _, err := n.ralph("", "loop"); err != nil {
					t.Fatal(err)
				}
				n.morning(1)
				n.transcript(true, "one")
			})
		}
	}
}

// Of loops that want to recover the same store at once one does, and the others say who.
func TestLoopsRaceToRecover(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	l := n.loop("")
	n.await()
	l.kill()
	loops := []*running{n.loop(""), n.loop(""), n.loop("")}
	codes := make(chan int, len(loops))
	for _, l := range loops {
		go func() {
			_ = l.cmd.Wait()
			codes <- l.cmd.ProcessState.ExitCode()
		}()
	}
	for range len(loops) - 1 {
		if code := <-codes; code != exitHeld {
			t.Errorf("exit code %d", code)
		}
	}
	n.let("end")
	if code := <-codes; code != exitDone {
		t.Errorf("exit code %d", code)
	}
	for _, l := range loops {
		if said := l.out.String(); l.cmd.ProcessState.ExitCode() == exitHeld && !strings.Contains(said, "ralph loop") {
			t.Errorf("it does not say who holds it: %s", said)
		}
	}
	n.morning(1)
	n.transcript(true, "one")
}

// The loop's Podman service is killed, at each of an agent's stops: the attempt is followed on, and all that comes after
// is done by another service.
func TestServiceKilledUnderTheLoop(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	l := n.loop("")
	for _, where := range []string{"on", "end"} {
		n.await()
		if killed := killServices(t, l.cmd.Process.Pid); killed == 0 && where == "on" {
			t.Skip("a user socket is active")
		}
		n.let(where)
	}
	l.ends(exitDone)
	n.morning(1)
	n.transcript(true, "one", "two")
}

// killServices kills the Podman services that a process started.
func killServices(t *testing.T, parent int) (killed int) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		var pid, of int
		var state string
		text, _ := os.ReadFile(name)
		at := strings.LastIndexByte(string(text), ')')
		if at < 0 || !strings.Contains(string(text[:at]), "(podman") {
			continue
		}
		_, _ = fmt.Sscan(string(text), &pid)
		if _, err := fmt.Sscan(string(text[at+1:]), &state, &of); err == nil && of == parent {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Error(err)
			}
			killed++
		}
	}
	return killed
}

// killMonitor kills the process that writes the attempt's record.
func (n *night) killMonitor() {
	n.t.Helper()
	var pid int
	if _, err := fmt.Sscan(n.podman("inspect", "-f", "{{.State.ConmonPid}}", n.container()), &pid); err != nil {
		n.t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		n.t.Fatal(err)
	}
}

// What a person, or the host, does to the container of an attempt is not charged to the task. A loop that sees it says
// so, waits a little and tries again; one that comes later tries again.
func TestContainerTakenAway(t *testing.T) {
	for name, c := range map[string]struct {
		take func(n *night)
		says string
	}{
		"removed":        {func(n *night) { n.podman("rm", "-f", n.container()) }, "somebody told it to stop"},
		"removed now":    {func(n *night) { n.podman("rm", "-f", "-t", "0", n.container()) }, ""}, // in the middle of it all can be seen
		"stopped":        {func(n *night) { n.podman("stop", n.container()) }, "somebody told it to stop"},
		"killed":         {func(n *night) { n.podman("kill", n.container()) }, "it was killed"},
		"monitor killed": {(*night).killMonitor, "nothing watched over it"},
	} {
		t.Run(name+"/loop alive", func(t *testing.T) {
			t.Parallel()
			n := newNight(t)
			l := n.loop("")
			n.await()
			c.take(n)
			said := l.ends(exitDone)
			was := n.morning(2)
			if len(was) == 1 && (!was[0].Data.Fault || !strings.Contains(was[0].Data.Reason, "ended without a result")) {
				t.Errorf("it is told as %+v", was[0])
			}
			for _, says := range []string{"ended without a result", c.says} {
				if !strings.Contains(said, says) {
					t.Errorf("the loop does not say %q:\n%s", says, said)
				}
			}
			n.transcript(false, "one")
		})
		t.Run(name+"/loop dead", func(t *testing.T) {
			t.Parallel()
			n := newNight(t)
			l := n.loop("")
			n.await()
			l.kill()
			c.take(n)
			if _, err := n.ralph("", "loop"); err != nil {
				t.Fatal(err)
			}
			if was := n.morning(2); len(was) == 1 && was[0].Data.Fault {
				t.Errorf("it is told as %+v", was[0])
			}
			n.transcript(false, "one")
		})
	}
}
