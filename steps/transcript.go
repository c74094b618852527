package steps

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// transcript writes what a sandbox prints into the activity's folder and looks for the agent's signal on the way. It is
// the sandbox's sink. The files are made anew from the record each time it is followed, so a crash leaves neither a gap
// nor a repeat.
type transcript struct {
	stdout, stderr *os.File
	live           func([]byte)
	resumed        bool // another process began the activity
	signal         signalScanner
}

func newTranscript(dir string, live func([]byte)) (*transcript, error) {
	stdout, err := os.OpenFile(filepath.Join(dir, TranscriptName), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	stderr, err := os.OpenFile(filepath.Join(dir, StderrName), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, errors.Join(err, stdout.Close())
	}
	return &transcript{stdout: stdout, stderr: stderr, live: live}, nil
}

// Stdout takes the next bytes of standard output.
func (t *transcript) Stdout(b []byte) error {
	t.signal.write(b)
	t.live(b)
	_, err := t.stdout.Write(b)
	return err
}

// Stderr takes the next bytes of standard error. They are kept apart and never searched for a signal.
func (t *transcript) Stderr(b []byte) error {
	_, err := t.stderr.Write(b)
	return err
}

// Cut marks that output is missing here.
func (t *transcript) Cut(stderr bool, missing int64) error {
	f := t.stdout
	if stderr {
		f = t.stderr
	} else {
		t.signal.cut(missing)
	}
	_, err := fmt.Fprintf(f, "\n[… %d bytes left out …]\n", missing)
	return err
}

// Close makes the files durable.
func (t *transcript) Close() error {
	return errors.Join(t.stdout.Sync(), t.stderr.Sync(), t.stdout.Close(), t.stderr.Close())
}
