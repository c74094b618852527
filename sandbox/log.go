package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/wrapix/wrapix/sandbox/frame"
)

// ReadLog copies to the two writers what the command of a kept sandbox has printed, as its monitor wrote it down; with
// follow, it goes on until the sandbox or ctx ends. What is printed on a terminal is all standard output.
func ReadLog(ctx context.Context, path string, stdout, stderr io.Writer, follow bool) error {
	for {
		began, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		if err := readLog(ctx, path, stdout, stderr, follow); err != nil || ctx.Err() != nil || !follow {
			return err
		}
		// The monitor begins a new file where one has become too large.
		if now, err := os.Stat(path); err != nil || os.SameFile(began, now) {
			return nil
		}
	}
}

// readLog reads one file, until nobody writes to it any more.
func readLog(ctx context.Context, path string, stdout, stderr io.Writer, follow bool) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	defer f.Close()
	log := &logWriter{stdout: stdout, stderr: stderr}
	if !follow {
		_, err := io.Copy(log, f)
		return err
	}
	w, err := watchFile(path)
	if err != nil {
		return fmt.Errorf("watch the log: %w", err)
	}
	defer w.close()
	defer context.AfterFunc(ctx, w.close)()
	for ended := abandoned(f); ; {
		if _, err := io.Copy(log, f); err != nil || ended {
			return err
		}
		if ended, err = w.next(); err != nil && ctx.Err() == nil {
			return fmt.Errorf("watch the log: %w", err)
		} else if err != nil {
			return nil
		}
	}
}

// maxLogLine bounds a line of the log, as for a record.
const maxLogLine = 1 << 20

// logWriter is written to as a log comes in, however that is cut.
type logWriter struct {
	stdout, stderr io.Writer
	line           []byte // incomplete
}

func (l *logWriter) Write(p []byte) (int, error) {
	n := len(p)
	for {
		line, rest, whole := bytes.Cut(p, []byte{'\n'})
		if l.line = append(l.line, line...); len(l.line) > maxLogLine {
			return 0, errors.New("read the log: a line is too long")
		}
		if !whole {
			return n, nil
		}
		if err := l.pass(); err != nil {
			return 0, err
		}
		l.line, p = l.line[:0], rest
	}
}

func (l *logWriter) pass() error {
	stream, content, whole, err := frame.LogLine(l.line)
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	to := l.stdout
	if stream == "stderr" {
		to = l.stderr
	}
	if whole {
		content = append(content, '\n') // in the place of the line's own
	}
	_, err = to.Write(content)
	return err
}
