package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/wrapix/wrapix/engine"
)

// FollowOptions say what to follow.
type FollowOptions struct {
	After uint64 // the last event that is known already
	// Output also tells when activities print, on standard output or standard error. What they print is in their files by
	// then: read on there.
	Output bool
}

// Update is one thing that happened in a workflow that is followed. One of the two is there.
type Update struct {
	Event *engine.Event
	// Output names an activity that runs and may have printed more than before. After the event that it ended nothing
	// is told of it any more: read its files to the end then.
	Output *engine.AttemptID
}

// Follow calls yield for each event after the given one, first those that there are and then those that come, without
// a gap and without a repeat, until the workflow has ended, which is no error, or until yield returns an error. A
// connection that breaks is made anew.
//
// [ErrNobody] says that the process which served has ended. Then the store is free, and what is missing is there.
func (c *Client) Follow(ctx context.Context, id engine.WorkflowID, o FollowOptions, yield func(Update) error) error {
	return c.read(ctx, "follow", id, fmt.Sprintf("/follow?output=%t&", o.Output), o.After, yield)
}

// Events calls yield for each event after the given sequence number, in order, until it returns an error.
func (c *Client) Events(ctx context.Context, id engine.WorkflowID, after uint64, yield func(engine.Event) error) error {
	return c.read(ctx, "read the events of", id, "/events?", after, func(u Update) error { return yield(*u.Event) })
}

// yieldError is an error of the caller's own, which is told from those of the connection.
type yieldError struct{ error }

// maxRestarts is how often in a row a stream is begun anew without any event in between.
const maxRestarts = 3

// read reads streams until one comes to its end, each from where the one before it broke.
func (c *Client) read(ctx context.Context, what string, id engine.WorkflowID, rest string, after uint64, yield func(Update) error) error {
	path, err := c.path(id, rest)
	for restarts := 0; err == nil; restarts++ {
		before := after
		err = c.readOne(ctx, path, &after, yield)
		var own yieldError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &own):
			return own.error
		case errors.Is(err, ErrCut) && after > before:
			restarts, err = 0, nil
		case errors.Is(err, ErrCut) && restarts < maxRestarts:
			err = nil
		}
	}
	return fmt.Errorf("%s workflow %s: %w", what, id, err)
}

var errSilent = fmt.Errorf("%w: it gave no sign of life", ErrCut)

// readOne reads one stream. The error is ErrCut when it is to be begun anew.
func (c *Client) readOne(ctx context.Context, path string, after *uint64, yield func(Update) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(c.o.Silence, func() { cancel(errSilent) })
	defer silence.Stop()
	answer, err := c.request(ctx, http.MethodGet, path+"after="+strconv.FormatUint(*after, 10), nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	lines := newLineReader(answer.Body)
	for {
		silence.Reset(c.o.Silence)
		kind, data, err := lines.readMessage(func() { silence.Reset(c.o.Silence) })
		silence.Stop() // while the caller works with it
		switch {
		case errors.Is(err, errLongLine):
			return err
		case err != nil:
			return cut(ctx, err)
		}
		if end, err := c.take(kind, data, after, yield); end || err != nil {
			return err
		}
	}
}

// take gives one message to the caller and says whether it is the last.
func (c *Client) take(kind string, data []byte, after *uint64, yield func(Update) error) (end bool, err error) {
	switch kind {
	case messageEvent:
		return false, c.takeEvent(data, after, yield)
	case messageOutput:
		var id engine.AttemptID
		if err := json.Unmarshal(data, &id); err != nil {
			return true, fmt.Errorf("read the stream: %w", err)
		}
		if err := yield(Update{Output: &id}); err != nil {
			return true, yieldError{err}
		}
	case messageEnd:
		return true, nil
	case messageLagged:
		return true, fmt.Errorf("%w: it was read too slowly", ErrCut)
	case messageClose:
		return true, ErrClosing
	case messageError:
		var d errorDocument
		if err := json.Unmarshal(data, &d); err != nil || d.Error == nil {
			return true, fmt.Errorf("the running ralph reports an error that cannot be read: %w", err)
		}
		return true, d.Error.hint()
	}
	return false, nil // a kind that a later version adds
}

func (c *Client) takeEvent(data []byte, after *uint64, yield func(Update) error) error {
	var e engine.Event
	err := e.UnmarshalJSON(data) // directly: json.Unmarshal would go through the data once more
	switch {
	case errors.Is(err, engine.ErrUnknownEvent):
		return fmt.Errorf("%s of version %s tells what this program of version %s does not know: %w",
			c.server.Command, c.server.Program, c.o.Program, err)
	case err != nil:
		return fmt.Errorf("read the stream: %w", err)
	case e.Seq <= *after:
		return nil
	case e.Seq != *after+1:
		return fmt.Errorf("%w: event %d came after event %d", ErrCut, e.Seq, *after)
	}
	if err := yield(Update{Event: &e}); err != nil {
		return yieldError{err}
	}
	*after = e.Seq
	return nil
}
