package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
)

// forwarded are the signals that are the command's.
var forwarded = []os.Signal{
	syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2,
}

// respected leaves out the signals that we were started to ignore, as by nohup: to ask for them would undo that.
func respected(all ...os.Signal) []os.Signal {
	return slices.DeleteFunc(slices.Clone(all), signal.Ignored)
}

// signalError is the cause of a context that a signal ended.
type signalError struct{ signal syscall.Signal }

func (e *signalError) Error() string { return fmt.Sprintf("ended by signal %d", int(e.signal)) }

// signals decides whose a signal is: before there is a command one of them ends our own work, then they are the
// command's.
type signals struct {
	arrived chan os.Signal
	broken  chan os.Signal // asked for and not read: a write to a pipe without a reader shall fail instead of ending us
	done    chan struct{}
	loop    sync.WaitGroup

	mu   sync.Mutex
	give func(syscall.Signal) // nil: nobody to give them to
}

// listen begins to take signals.
func listen(cancel context.CancelCauseFunc) *signals {
	s := &signals{arrived: make(chan os.Signal, 32), broken: make(chan os.Signal, 1), done: make(chan struct{})}
	signal.Notify(s.arrived, respected(forwarded...)...)
	signal.Notify(s.broken, syscall.SIGPIPE)
	s.loop.Go(func() {
		for {
			select {
			case sig := <-s.arrived:
				s.mu.Lock()
				give := s.give
				s.mu.Unlock()
				if give != nil {
					give(sig.(syscall.Signal))
				} else if sig != syscall.SIGUSR1 && sig != syscall.SIGUSR2 {
					cancel(&signalError{sig.(syscall.Signal)})
				}
			case <-s.done:
				return
			}
		}
	})
	return s
}

// giveTo hands the signals to a command that has been started.
func (s *signals) giveTo(give func(syscall.Signal)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.give = give
}

// take has them dropped: the command has ended, and we are about to.
func (s *signals) take() { s.giveTo(func(syscall.Signal) {}) }

// stop ends the taking of signals.
func (s *signals) stop() {
	signal.Stop(s.arrived)
	signal.Stop(s.broken)
	close(s.done)
	s.loop.Wait()
}
