// Package notify tells a person on the desktop that something waits for them.
//
// What it says comes from agents, so it is made harmless first: no markup, no control or direction characters, a
// bounded length. What cannot be told on a desktop becomes a terminal bell and a line. Telling never blocks and never
// fails the caller's work.
//
//	desktop := notify.NewDesktop(notify.Options{Fallback: os.Stderr})
//	defer desktop.Close()
//	desktop.Notify(ctx, notify.Notification{Title: "demo waits for you", Body: "Which port should it use?"})
package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/gen2brain/beeep"
)

// Notification is what a person is told. Both texts may be hostile.
type Notification struct {
	Title string // one line
	Body  string
}

// Options of NewDesktop. Zero values work.
type Options struct {
	// Fallback gets a bell and a line where no desktop answers; nil drops them.
	Fallback io.Writer
	// Timeout bounds how long one notification may take; zero means five seconds.
	Timeout time.Duration
}

// ErrDropped means that too many notifications wait already, or that the notifier was closed.
var ErrDropped = errors.New("notification dropped")

// waiting is how many notifications may wait for a slow desktop.
const waiting = 16

// Desktop tells people through their desktop's notification service. It is safe for use by several goroutines.
type Desktop struct {
	opts  Options
	queue chan Notification
	done  chan struct{}

	connected bool // beeep may hold a connection; of the goroutine only

	mu     sync.Mutex
	closed bool
}

// NewDesktop returns a notifier and starts its one goroutine, which Close ends.
func NewDesktop(opts Options) *Desktop {
	if opts.Timeout == 0 {
		opts.Timeout = 5 * time.Second
	}
	if opts.Fallback == nil {
		opts.Fallback = io.Discard
	}
	d := &Desktop{opts: opts, queue: make(chan Notification, waiting), done: make(chan struct{})}
	go d.work()
	return d
}

// Ask returns an error if no notification service of a desktop answers.
func Ask(ctx context.Context) error {
	_, err := probe(ctx)
	return err
}

// Notify hands the notification over and returns at once. The error says that it will not be shown; there is nothing
// to be done about that, and it is safe to ignore.
func (d *Desktop) Notify(ctx context.Context, n Notification) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ErrDropped
	}
	select {
	case d.queue <- n:
		return nil
	default:
		return ErrDropped
	}
}

// Close waits until everything handed over has been told, each within the timeout, and ends the goroutine.
func (d *Desktop) Close() error {
	d.mu.Lock()
	if !d.closed {
		d.closed = true
		close(d.queue)
	}
	d.mu.Unlock()
	<-d.done
	return nil
}

func (d *Desktop) work() {
	defer close(d.done)
	for n := range d.queue {
		if err := d.show(n); err != nil {
			title, body := line(n.Title, titleLimit), line(n.Body, bodyLimit)
			fmt.Fprintf(d.opts.Fallback, "\a%s: %s\n", title, body)
		}
	}
	if d.connected {
		hangUp()
	}
}

// show puts the notification on the desktop. The service is asked first, under our own timeout: beeep has none, would
// start a message bus of its own where there is none, and falls back to programs that take a message for an option.
func (d *Desktop) show(n Notification) error {
	ctx, cancel := context.WithTimeout(context.Background(), d.opts.Timeout)
	defer cancel()
	markup, err := probe(ctx)
	if err != nil {
		return err
	}
	body := block(n.Body, bodyLimit)
	if markup {
		body = escape(body)
	}
	// A service that died since the question would keep beeep waiting; hanging up makes it return.
	stop := context.AfterFunc(ctx, hangUp)
	defer stop()
	d.connected = true
	beeep.AppName = "ralph" // only this goroutine reads or writes it
	return beeep.Notify(line(n.Title, titleLimit), body, "")
}
