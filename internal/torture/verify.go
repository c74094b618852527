package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/wrapix/wrapix/store"
)

// account is what rounds came to.
type account struct {
	events, ran, finished, interrupted int
	ended                              int // loops that ended with an error of their own
	lost, twice                        int // what must be zero
}

func (a *account) add(b account) {
	a.events += b.events
	a.ran += b.ran
	a.finished += b.finished
	a.interrupted += b.interrupted
	a.ended += b.ended
	a.lost += b.lost
	a.twice += b.twice
}

func (a account) String() string {
	return fmt.Sprintf("%d events, %d attempts ran, %d finished, %d attempts or checks interrupted, %d loops gave up",
		a.events, a.ran, a.finished, a.interrupted, a.ended)
}

// verify holds everything that is left of the round against the promises. The error says only that it could not look.
func (r *round) verify(ctx context.Context) (problems []string, err error) {
	// What a loop left that was killed behind the workflow's end, the next one takes away.
	if _, err := r.project.run(ctx, "loop", "-w", r.project.workflow); err != nil {
		return nil, err
	}
	var h history
	if err := r.project.read(ctx, &h, "history"); err != nil {
		return nil, err
	}
	var s status
	if err := r.project.read(ctx, &s, "status"); err != nil {
		return nil, err
	}
	r.events = len(h.Events)
	problems = append(h.check(), s.check()...)
	for _, look := range []func(context.Context, history) ([]string, error){r.witness, r.folders, r.store, r.secrets, r.leftovers} {
		more, err := look(ctx, h)
		if err != nil {
			return problems, err
		}
		problems = append(problems, more...)
	}
	return problems, nil
}

// witness compares what the agents noted with the history: each attempt ran at most once, each that is finished ran, and
// what ended while nothing could touch its sandbox is finished.
func (r *round) witness(_ context.Context, h history) (problems []string, err error) {
	text, err := os.ReadFile(filepath.Join(r.project.dir, ".witness"))
	if err != nil {
		return nil, err
	}
	began, ended := map[string]int{}, map[string]int{}
	for line := range strings.Lines(string(text)) {
		what, id, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch what {
		case "began":
			if began[id]++; began[id] > 1 {
				r.twice++
				problems = append(problems, "attempt "+id+" ran twice")
			}
		case "ended":
			ended[id]++
		default:
			problems = append(problems, fmt.Sprintf("the witness says %q", line))
		}
	}
	r.ran = len(began)
	for _, e := range h.Events {
		switch id := e.id(); e.Type {
		case "attempt.finished":
			r.finished++
			if e.ranToItsEnd() && (began[id] != 1 || ended[id] != 1) {
				problems = append(problems, fmt.Sprintf("attempt %s has a result, and the witness saw it begin %d and end %d times", id, began[id], ended[id]))
			}
		case "attempt.interrupted":
			r.interrupted++
			if r.plan.Gentle && ended[id] > 0 {
				r.lost++
				problems = append(problems, "attempt "+id+" did its work, and counts as interrupted")
			}
		case "check.interrupted":
			r.interrupted++
		}
	}
	return problems, nil
}

// folders holds what was kept of each attempt against its outcome: the transcript is whole, and the attempt's own.
func (r *round) folders(_ context.Context, h history) (problems []string, err error) {
	root := filepath.Join(r.project.state, "attempts", r.project.workflow)
	intended := map[string]bool{}
	for _, e := range h.Events {
		if e.Type == "attempt.intended" {
			intended[e.id()] = true
		}
		if e.Type != "attempt.finished" || !e.ranToItsEnd() {
			continue
		}
		kept, err := os.ReadFile(filepath.Join(root, e.Task, fmt.Sprint(e.Attempt), "transcript.log"))
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(kept)
		if told := e.Data.Outcome.Transcript; int64(len(kept)) != told.Bytes || hex.EncodeToString(sum[:]) != told.SHA256 {
			problems = append(problems, fmt.Sprintf("the transcript of %s has %d bytes and is not the one that the sandbox vouched for (%d)", e.id(), len(kept), told.Bytes))
		}
		if gap := firstGap(string(kept), e.id(), e.number()); gap != "" {
			problems = append(problems, "the transcript of "+e.id()+": "+gap)
		}
	}
	folders, err := fs.Glob(os.DirFS(root), "*/*")
	for _, id := range folders {
		if !intended[id] {
			problems = append(problems, "a folder of an attempt that nobody announced: "+id)
		}
	}
	return problems, err
}

// firstGap says where a transcript is not what the agent prints, line by line.
func firstGap(transcript, id string, task int) string {
	next := 1
	for line := range strings.Lines(transcript) {
		if next > lines(task) {
			break
		}
		if want := fmt.Sprintf("%s %d\n", id, next); line != want {
			return fmt.Sprintf("line %d is %q", next, line)
		}
		next++
	}
	if next <= lines(task) {
		return fmt.Sprintf("it ends before line %d", next)
	}
	return ""
}

// store runs the checks that `ralph doctor` runs: the file, and for each workflow that a replay gives its projection.
func (r *round) store(ctx context.Context, _ history) (problems []string, err error) {
	s, err := store.Open(filepath.Join(r.project.state, store.File), store.Options{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	found, err := s.Verify(ctx)
	for _, p := range found {
		problems = append(problems, fmt.Sprintf("the store: %s %s", p.Workflow, p.Text))
	}
	return problems, err
}

// secrets looks for the agent's secret in everything that is kept, all of which the agent printed it into.
func (r *round) secrets(_ context.Context, _ history) (problems []string, err error) {
	err = filepath.WalkDir(r.project.state, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil && bytes.Contains(text, []byte(token)) {
			problems = append(problems, "the secret is in "+path)
		}
		return err
	})
	return problems, err
}

// leftovers looks for what a finished workflow must not leave behind, and at the repository of the snapshots.
func (r *round) leftovers(ctx context.Context, _ history) (problems []string, err error) {
	containers, err := exec.CommandContext(ctx, "podman", "ps", "--all", "--filter", "label=wrapix.project="+r.project.dir, "--format", "{{.Names}}").Output()
	if err != nil {
		return nil, fmt.Errorf("podman ps: %w", err)
	}
	secrets, err := exec.CommandContext(ctx, "podman", "secret", "ls", "--format", "{{.Name}}").Output()
	if err != nil {
		return nil, fmt.Errorf("podman secret ls: %w", err)
	}
	for name := range strings.FieldsSeq(string(containers)) {
		problems = append(problems, "a container is left: "+name)
	}
	s, err := store.Open(filepath.Join(r.project.state, store.File), store.Options{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	ours := "ralph-" + s.ID() + "-"
	if err := s.Close(); err != nil {
		return nil, err
	}
	for name := range strings.FieldsSeq(string(secrets)) {
		if strings.HasPrefix(name, ours) { // other rounds have theirs
			problems = append(problems, "a secret is left: "+name)
		}
	}
	for _, pid := range r.monitors() {
		problems = append(problems, "a monitor is left: process "+pid)
	}
	attempts := filepath.Join(r.project.state, "attempts", r.project.workflow, "*", "*")
	records, err := filepath.Glob(filepath.Join(attempts, "record.log"))
	if err != nil {
		return nil, err
	}
	ofChecks, err := filepath.Glob(filepath.Join(attempts, "*", "record.log"))
	records = append(records, ofChecks...)
	for _, name := range records {
		problems = append(problems, "a record is left: "+name)
	}
	git := exec.CommandContext(ctx, "git", "--git-dir", filepath.Join(r.project.state, "snapshots.git"), "fsck", "--full", "--no-dangling")
	if out, err := git.CombinedOutput(); err != nil {
		problems = append(problems, fmt.Sprintf("the snapshots: %v\n%s", err, out))
	}
	return problems, err
}

// monitors are the processes that look after containers of the round. The last of them may just be ending.
func (r *round) monitors() (pids []string) {
	for wait := time.Millisecond; wait < 4*time.Second; wait *= 2 {
		pids = nil
		processes, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, path := range processes {
			text, _ := os.ReadFile(path)
			if strings.Contains(string(text), "conmon") && strings.Contains(string(text), r.project.state+"/") {
				pids = append(pids, filepath.Base(filepath.Dir(path)))
			}
		}
		if len(pids) == 0 {
			break
		}
		time.Sleep(wait)
	}
	return pids
}
