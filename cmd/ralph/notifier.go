package main

import (
	"context"
	"io"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/notify"
)

// notifier tells a person of waits on their desktop, or, where there is none, by the bell of the terminal and a line.
// A pipe has no bell, and has the line as the event that it is.
type notifier struct{ desktop *notify.Desktop }

func newNotifier(enabled bool, streams *terminal.Streams, show progress) *notifier {
	if !enabled {
		return &notifier{}
	}
	var fallback io.Writer
	if streams.Err.Terminal {
		fallback = &lines{each: func(line string) {
			_, _ = io.WriteString(streams.Err, "\a")
			show.note(line)
		}}
	}
	return &notifier{desktop: notify.NewDesktop(notify.Options{Fallback: fallback})}
}

// Notify tells of one wait. It does not wait for the desktop.
func (n *notifier) Notify(ctx context.Context, wait engine.Notification) {
	title := "ralph: " + wait.Label + " " + waitWords(wait.Kind)
	if wait.Task != "" {
		title = "ralph: " + wait.Label + ", task " + string(wait.Task) + " " + waitWords(wait.Kind)
	}
	n.tell(ctx, title, wait.Message)
}

// tell says something to a person. It does not wait for the desktop, and what is not told there is still in status.
func (n *notifier) tell(ctx context.Context, title, body string) {
	if n.desktop != nil {
		_ = n.desktop.Notify(ctx, notify.Notification{Title: title, Body: body})
	}
}

// Close waits until everything was told.
func (n *notifier) Close() {
	if n.desktop != nil {
		_ = n.desktop.Close()
	}
}
