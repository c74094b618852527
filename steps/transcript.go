package steps

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/steps/agent"
)

// transcript writes what a sandbox prints into the activity's folder and has it read by the agent's driver on the way. The
// files are made anew from the record each time it is followed, so a crash leaves neither a gap nor a repeat.
type transcript struct {
	stdout, stderr *os.File
	shown          *os.File // nil where people are shown what was printed as it is
	shownErr       error
	live           func([]byte) // sees what people are shown
	grown          func()       // is told after a file has grown
	reader         agent.Reader

	over     chan struct{} // is closed when the agent has said its last word
	patience time.Duration // what it may then run on; is set before
	overing  sync.Once
}

// newTranscript makes the files of an activity that driver runs.
func newTranscript(dir string, driver agent.Driver, live func([]byte), grown func()) (*transcript, error) {
	t := &transcript{live: live, grown: grown, over: make(chan struct{})}
	var err error
	open := func(name string) *os.File {
		f, openErr := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err = errors.Join(err, openErr); openErr != nil {
			return nil
		}
		return f
	}
	if _, plain := driver.(agent.Command); !plain { // before the transcript: see Shown
		t.shown = open(ShownName)
	}
	t.stdout, t.stderr = open(TranscriptName), open(StderrName)
	if err != nil {
		return nil, errors.Join(err, t.closeFiles())
	}
	t.reader = driver.Reader(t.show)
	return t, nil
}

// sink is where the sandbox's output goes. Standard error is kept apart and never searched for a signal.
func (t *transcript) sink() sandbox.Sink { return sandbox.Sink{Stdout: t, Stderr: (*errorStream)(t)} }

// Write takes the next bytes of standard output. Whoever is told that there are more finds them in the file.
func (t *transcript) Write(b []byte) (int, error) {
	t.reader.Write(b)
	n, err := t.stdout.Write(b)
	if err == nil {
		err = t.shownErr
	}
	if r := t.reader.Report(); r.Over {
		t.overing.Do(func() { t.patience = r.Grace(); close(t.over) })
	}
	t.grown()
	return n, err
}

// show takes what people are shown of standard output.
func (t *transcript) show(b []byte) {
	t.live(b)
	if t.shown != nil && t.shownErr == nil {
		_, t.shownErr = t.shown.Write(b)
	}
}

// errorStream takes what goes to standard error.
type errorStream transcript

func (t *errorStream) Write(b []byte) (int, error) {
	n, err := t.stderr.Write(b)
	t.grown()
	return n, err
}

// close makes the files durable.
func (t *transcript) close() error {
	var err error
	for _, f := range []*os.File{t.stdout, t.stderr, t.shown} {
		if f != nil {
			err = errors.Join(err, f.Sync())
		}
	}
	return errors.Join(err, t.closeFiles())
}

func (t *transcript) closeFiles() error {
	var err error
	for _, f := range []*os.File{t.stdout, t.stderr, t.shown} {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	return err
}

// Shown is the file of an activity's folder that people are shown of its standard output: what the driver made of it, or
// else the transcript itself. It is right once either is there.
func Shown(dir string) string {
	if name := filepath.Join(dir, ShownName); exists(name) {
		return name
	}
	return filepath.Join(dir, TranscriptName)
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}
