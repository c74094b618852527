package steps

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/wrapix/wrapix/sandbox"
)

// transcript writes what a sandbox prints into the activity's folder and looks for the agent's signal on the way. The
// files are made anew from the record each time it is followed, so a crash leaves neither a gap nor a repeat.
type transcript struct {
	stdout, stderr *os.File
	live           func([]byte) // sees what is printed on standard output
	grown          func()       // is told after either file has grown
	signal         signalScanner
}

func newTranscript(dir string, live func([]byte), grown func()) (*transcript, error) {
	stdout, err := os.OpenFile(filepath.Join(dir, TranscriptName), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	stderr, err := os.OpenFile(filepath.Join(dir, StderrName), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, errors.Join(err, stdout.Close())
	}
	return &transcript{stdout: stdout, stderr: stderr, live: live, grown: grown}, nil
}

// sink is where the sandbox's output goes. Standard error is kept apart and never searched for a signal.
func (t *transcript) sink() sandbox.Sink { return sandbox.Sink{Stdout: t, Stderr: (*errorStream)(t)} }

// Write takes the next bytes of standard output. Whoever is told that there are more finds them in the file.
func (t *transcript) Write(b []byte) (int, error) {
	t.signal.write(b)
	t.live(b)
	n, err := t.stdout.Write(b)
	t.grown()
	return n, err
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
	return errors.Join(t.stdout.Sync(), t.stderr.Sync(), t.stdout.Close(), t.stderr.Close())
}
