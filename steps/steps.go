// Package steps does what the engine decided: each activity runs in a sandbox of its own, and what its record says
// becomes the outcome.
//
// An attempt gets a prompt as a file, runs the agent on the workspace, and ends with a signal. A verification runs the
// checks on the tree that the attempt left, in a fresh sandbox whose writes are thrown away. Of an activity everything
// lies in a folder of its own ([AttemptDir]), made for it and never used again:
//
//	input/prompt.md    what the agent was given, mounted read-only
//	record.log         the guest's frames as the engine's monitor wrote them, until the outcome is recorded
//	agent              which kind of agent works on it
//	transcript.log     what it printed
//	shown.log          what people are shown of that, where it is for programs
//	stderr.log         what it printed on standard error
//
// The package knows Markdown only through specs, containers only through sandbox, and decides nothing about what comes
// next.
package steps

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/snapshot"
	"github.com/wrapix/wrapix/steps/agent"
)

// Options say where and with what activities run. All paths are absolute.
type Options struct {
	Runtime sandbox.Runtime
	Project string // the folder that sandboxes see as /workspace
	State   string // the project's state folder, outside of Project
	StoreID string // names this project's sandboxes on the host
	// Lock is a file that the process which works on the project keeps locked; it tells others whether somebody looks
	// after the sandboxes.
	Lock string
	// Agent does the work inside the sandbox.
	Agent agent.Driver
	// Checks run after each task's own, in workflows that start from now on.
	Checks []string
	// Image returns the image of a profile; "" is the default profile. Its error is ErrNoImageYet where a person has to
	// approve the image first. It need not look whether the image is there: where it turns out not to be, it is asked
	// again, and gone is what it returned before.
	Image    func(ctx context.Context, profile, gone string) (string, error)
	Profiles []string // the names that tasks may ask for

	Network sandbox.Network
	Allow   []string // of sandbox.NetworkAllowlist
	// HostPorts appear in every sandbox but the one that looks at the project before there is a workflow; Ports are
	// published of the agent's, not of verifications.
	HostPorts, Ports []int
	Limits           sandbox.Limits
	Env              map[string]string
	// ProfileEnv are the variables of a profile, "" being the default one; those of Env win. It may be nil.
	ProfileEnv func(profile string) map[string]string
	Given      Given // to the sandboxes of activities
	// Grant returns what the agent's sandboxes get beside that, and is asked anew for each; checks get none of it, since
	// what they run was written by the agent. It may be nil.
	Grant func() ([]sandbox.Mount, map[string]string, error)
	// NewGit is told, in words for a person, of a `.git` that an agent made where there was none. It may be nil.
	NewGit func(text string)
	// Timeout bounds one activity; zero means none.
	Timeout time.Duration
	// TranscriptLimit bounds each output stream; zero means the sandbox's default.
	TranscriptLimit int64
	// Snapshots records the work tree before and after each of the agent's attempts; nil records nothing.
	Snapshots *snapshot.Repo
	// Output sees what people are shown of activities' standard output, as it comes. It may be nil, and must not block.
	Output func(id engine.AttemptID, b []byte)
	// Printed is told when an activity has printed something that its files have by now, on standard error too. It may
	// be nil, and must not block.
	Printed func(w engine.WorkflowID, id engine.AttemptID)
	// Denied is told what the network's policy refused to an activity that runs. It may be nil.
	Denied func(id engine.AttemptID, denied []engine.Denied)
	// Unpublished is told of a port of an activity that was taken up again and goes on without it. It may be nil.
	Unpublished func(id engine.AttemptID, port int, err error)
}

// Steps performs activities; it implements engine.Steps.
type Steps struct{ o Options }

// New returns Steps with these options.
func New(o Options) *Steps { return &Steps{o: o} }

// AttemptsName is the folder of all activities within the state folder; it has one folder a workflow.
const AttemptsName = "attempts"

// AttemptDir is the folder of an activity within the state folder.
func AttemptDir(state string, w engine.WorkflowID, id engine.AttemptID) string {
	dir := filepath.Join(state, AttemptsName, string(w), string(id.Task), strconv.Itoa(id.Number))
	if id.Check > 0 {
		dir = filepath.Join(dir, "check-"+strconv.Itoa(id.Check))
	}
	return dir
}

// The files of an activity's folder.
const (
	InputName      = "input"
	PromptName     = "prompt.md" // within InputName
	RecordName     = "record.log"
	TranscriptName = "transcript.log"
	StderrName     = "stderr.log"
	ShownName      = "shown.log"
	AgentName      = "agent" // its kind
	GatewayName    = "net"   // a folder; see package gateway
)

// makeAttemptDir makes the folder of an activity. That it exists already is an error: a number was used twice. The new
// names are synced, so that a record which is on disk can also be found after a power cut.
func (s *Steps) makeAttemptDir(w engine.WorkflowID, id engine.AttemptID) (string, error) {
	dir := AttemptDir(s.o.State, w, id)
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return "", fmt.Errorf("make the folder of %s: %w", id, err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the folder of %s: %w", id, err)
	}
	for ; len(parent) >= len(s.o.State); parent = filepath.Dir(parent) {
		if err := syncDir(parent); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// writeSynced makes a file that survives a power cut, as far as its folder does.
func writeSynced(name string, content []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return syncDir(filepath.Dir(name))
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}
