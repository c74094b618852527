package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
)

// tail prints a file that grows. The file may not be there yet, and may be made anew with the same content, as a loop
// does that takes up what another one began: then it is gone on with where it was, once it is as long again.
type tail struct {
	path  func() string // asked until there is such a file
	lines int           // how many of the lines that are there when it is opened are printed; all when negative
	out   *lastByte
	clean *terminal.Cleaner // nil: as it is
	file  *os.File
	at    int64
	buf   []byte
}

// header begins the output of one of several, on a line of its own.
func (t *tail) header(out *terminal.Output, id engine.AttemptID) error {
	begin := ""
	switch t.out.last {
	case 0:
	case '\n':
		begin = "\n"
	default:
		begin = "\n\n"
	}
	_, err := io.WriteString(t.out, begin+out.Paint(terminal.Bold, fmt.Sprintf("==> %s <==", terminal.Line(id.String())))+"\n")
	return err
}

// more prints what the file has by now and was not printed yet. It returns early when ctx ends.
func (t *tail) more(ctx context.Context) error {
	if t.file == nil {
		f, err := os.Open(t.path())
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		t.file, t.buf = f, make([]byte, 128<<10)
		if t.lines >= 0 {
			if t.at, err = lastLines(f, t.lines); err != nil {
				return err
			}
		}
	}
	for ctx.Err() == nil {
		n, err := t.file.ReadAt(t.buf, t.at)
		t.at += int64(n)
		if writeErr := t.write(t.buf[:n]); writeErr != nil {
			return writeErr
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *tail) write(b []byte) (err error) {
	if t.clean != nil {
		_, err = t.clean.Write(b)
	} else if len(b) > 0 {
		_, err = t.out.Write(b)
	}
	return err
}

// close ends the output. What was held back, because more could have changed its meaning, is printed.
func (t *tail) close() error {
	if t.file != nil {
		_ = t.file.Close()
	}
	if t.clean != nil {
		return t.clean.Close()
	}
	return nil
}

// lastByte knows what was written last.
type lastByte struct {
	io.Writer
	last byte
}

func (l *lastByte) Write(b []byte) (int, error) {
	if len(b) > 0 {
		l.last = b[len(b)-1]
	}
	return l.Writer.Write(b)
}
