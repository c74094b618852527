package main

import (
	"bytes"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/wrapix/wrapix/sandbox"
)

// suspendTime is how soon we are stopped, if we are: where no shell has jobs, the kernel leaves us running.
const suspendTime = 200 * time.Millisecond

// suspendable is the screen of a command. When the guest marks there that the command has stopped, as by Ctrl-Z, we stop too,
// so that the shell that started us has its terminal back; and go on together.
type suspendable struct {
	to   io.Writer
	tty  *tty
	goOn func()
	held []byte // what may be the beginning of a mark
}

func (s *suspendable) Write(b []byte) (int, error) {
	text := append(s.held, b...)
	s.held = nil
	for {
		before, after, marked := bytes.Cut(text, []byte(sandbox.StoppedMark))
		if !marked {
			break
		}
		if _, err := s.to.Write(before); err != nil {
			return 0, err
		}
		s.suspend()
		text = after
	}
	for n := min(len(text), len(sandbox.StoppedMark)-1); n > 0; n-- {
		if end := text[len(text)-n:]; bytes.HasPrefix([]byte(sandbox.StoppedMark), end) {
			s.held, text = bytes.Clone(end), text[:len(text)-n]
			break
		}
	}
	if _, err := s.to.Write(text); err != nil {
		return 0, err
	}
	return len(b), nil
}

// suspend stops us, and returns when we are continued.
func (s *suspendable) suspend() {
	if s.tty.keys != nil {
		s.tty.restore()
		again := make(chan os.Signal, 1)
		signal.Notify(again, syscall.SIGCONT)
		_ = syscall.Kill(0, syscall.SIGTSTP) // all of the shell's job
		select {
		case <-again:
		case <-time.After(suspendTime):
		}
		signal.Stop(again)
		_ = s.tty.raw() // a terminal that is gone ends us otherwise
	}
	s.goOn()
}
