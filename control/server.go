package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/engine"
)

// Options say what a server serves and within which bounds. Zero durations and numbers mean the defaults that stand
// beside them.
type Options struct {
	Folder  string // the state folder, mode 0700
	Backend Backend
	Feed    *Feed
	Program string // the program's version
	Command string // what others are told that this process runs, such as "ralph loop"
	Since   time.Time
	// Workflow is what others are told that this process works on; it may be empty.
	Workflow engine.WorkflowID
	// Log is told of peers that were refused and of handlers that failed. It may be nil.
	Log *slog.Logger

	MaxConnections int           // 64
	RequestTimeout time.Duration // 10 s to send a whole request
	WriteTimeout   time.Duration // 10 s to take what was sent
	CommandTimeout time.Duration // 2 min to do a command
	CloseTimeout   time.Duration // 5 s that requests get when the server closes
	KeepAlive      time.Duration // 15 s between signs of life in a stream in which nothing happens
	// Gather is how long a stream collects what happens before it sends the next piece, the first at once: 25 ms. It
	// bounds what readers cost when much happens.
	Gather time.Duration

	peer func(*net.UnixConn) (int, error) // for tests
}

// maxBody and maxHeader bound what a request may say.
const (
	maxBody   = 1 << 20
	maxHeader = 8 << 10
)

func (o Options) withDefaults() Options {
	set := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	set(&o.RequestTimeout, 10*time.Second)
	set(&o.WriteTimeout, 10*time.Second)
	set(&o.CommandTimeout, 2*time.Minute)
	set(&o.CloseTimeout, 5*time.Second)
	set(&o.KeepAlive, 15*time.Second)
	set(&o.Gather, 25*time.Millisecond)
	if o.MaxConnections <= 0 {
		o.MaxConnections = 64
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Feed == nil {
		o.Feed = &Feed{}
	}
	if o.peer == nil {
		o.peer = peerUID
	}
	return o
}

// Server serves one state folder until it is closed.
type Server struct {
	o       Options
	version Version
	folder  *folder
	socket  unix.Stat_t
	http    *http.Server
	abort   context.CancelFunc // ends what handlers do
	served  chan struct{}      // closed when nothing is accepted any more
	conns   sync.WaitGroup
	closed  sync.Once
	copying sync.Mutex // one copy of the database at a time

	mu      sync.Mutex
	active  int           // handlers that run
	closing chan struct{} // closed when the server begins to close
	idle    chan struct{} // closed when it closes and no handler runs
}

// Serve makes the socket and serves it from goroutines of its own. The caller holds the folder's store open for
// writing, and closes the server before the store: whoever finds the socket gone waits for the store's lock, and
// whoever gets that may remove the socket.
func Serve(ctx context.Context, o Options) (*Server, error) {
	o = o.withDefaults()
	s := &Server{o: o, served: make(chan struct{}), closing: make(chan struct{}), idle: make(chan struct{})}
	s.version = Version{API: API, Program: o.Program, Command: o.Command, PID: os.Getpid(), Since: o.Since.UTC(), Workflow: o.Workflow}
	s.version.Host, _ = os.Hostname()
	s.version.Folder, _ = os.Getwd()
	l, err := s.listen(ctx)
	if err != nil {
		return nil, fmt.Errorf("serve the control socket: %w", err)
	}
	base, abort := context.WithCancel(context.WithoutCancel(ctx))
	s.abort = abort
	s.http = &http.Server{
		Handler:           s.routes(base),
		ReadHeaderTimeout: o.RequestTimeout,
		ReadTimeout:       o.RequestTimeout,
		WriteTimeout:      o.RequestTimeout + o.CommandTimeout + o.WriteTimeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn),
		BaseContext:       func(net.Listener) context.Context { return base },
		ConnContext:       withConn,
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				s.conns.Add(1)
			case http.StateClosed:
				s.conns.Done()
			}
		},
	}
	go func() {
		defer close(s.served)
		_ = s.http.Serve(&listener{UnixListener: l, max: o.MaxConnections, peer: o.peer})
	}()
	return s, nil
}

func (s *Server) listen(ctx context.Context) (_ *net.UnixListener, err error) {
	if s.folder, err = openFolder(s.o.Folder); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.folder.close()
		}
	}()
	if err = s.folder.checkOwn(); err != nil {
		return nil, err
	}
	l, err := s.folder.listen(ctx)
	if err != nil {
		return nil, err
	}
	if s.socket, err = s.folder.stat(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Close removes the socket, tells those who follow that the server ends, lets requests that run finish within a bound,
// and waits for all that belongs to the server. It may be called again. The caller must not hold what
// [Backend].Do needs.
func (s *Server) Close() error {
	var err error
	s.closed.Do(func() {
		err = s.folder.remove(s.socket)
		s.mu.Lock()
		close(s.closing)
		if s.active == 0 {
			close(s.idle)
		}
		s.mu.Unlock()
		patience := time.NewTimer(s.o.CloseTimeout)
		defer patience.Stop()
		select {
		case <-s.idle:
		case <-patience.C:
			s.o.Log.Warn("control: requests did not end in time", "limit", s.o.CloseTimeout)
		}
		s.abort()
		err = errors.Join(err, s.http.Close())
		<-s.served
		s.conns.Wait()
		s.folder.close()
	})
	return err
}

// enter counts a handler in, unless the server closes.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closing:
		return false
	default:
		s.active++
		return true
	}
}

func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
	select {
	case <-s.closing:
		if s.active == 0 {
			close(s.idle)
		}
	default:
	}
}
