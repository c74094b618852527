package main

import (
	"errors"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// logName is the log of a loop that has no terminal, in the project's state folder; the one before it has ".1" behind
// its name.
const logName = "loop.log"

// maxLog bounds each of the two files.
const maxLog = 4 << 20

// loopLog takes what a process without a terminal prints. It never grows beyond twice its limit, and never fails the
// work: what cannot be written is lost.
type loopLog struct {
	path  string
	limit int64

	mu   sync.Mutex
	file *os.File // nil until open: then each stream goes where it went before
	size int64
}

// open begins to write to the file, behind what is there. Standard output and error become the file too: the runtime
// prints there when the program fails, and whoever waits for the end of a pipe need not wait for the work.
func (l *loopLog) open(path string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.path = path
	return l.reopen()
}

func (l *loopLog) reopen() error {
	file, err := os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	for _, standard := range []int{1, 2} {
		if err == nil {
			err = unix.Dup3(int(file.Fd()), standard, 0)
		}
	}
	if err != nil {
		return errors.Join(err, file.Close())
	}
	if l.file != nil {
		_ = l.file.Close()
	}
	l.file, l.size = file, info.Size()
	return nil
}

// write appends a piece of text; the first file becomes the one before where it would grow too large.
func (l *loopLog) write(p []byte, otherwise *os.File) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		_, _ = otherwise.Write(p)
		return
	}
	p = p[:min(int64(len(p)), l.limit)]
	if l.size+int64(len(p)) > l.limit {
		if err := os.Rename(l.path, l.path+".1"); err != nil && !errors.Is(err, fs.ErrNotExist) || l.reopen() != nil {
			return
		}
	}
	n, _ := l.file.Write(p)
	l.size += int64(n)
}

// logStream is a standard stream of a process that may go on without a terminal.
type logStream struct {
	log  *loopLog
	file *os.File
}

// Write takes the next piece of text.
func (s logStream) Write(p []byte) (int, error) {
	s.log.write(p, s.file)
	return len(p), nil
}
