package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/wrapix/wrapix/engine"
)

// stream is an answer that is sent piece by piece. The first error of the connection stays.
type stream struct {
	out   *http.ResponseController
	w     http.ResponseWriter
	buf   *bufio.Writer
	limit time.Duration
	after uint64 // the last event that was sent
}

// begin starts a stream after the given event.
func (s *Server) begin(w http.ResponseWriter, after uint64) *stream {
	st := &stream{out: http.NewResponseController(w), w: w, limit: s.o.WriteTimeout, after: after}
	st.buf = bufio.NewWriterSize(st, 32<<10)
	_ = st.out.SetReadDeadline(time.Time{}) // the request is whole; from here only its end is waited for
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	return st
}

// Write sends a piece to the connection, with a limit of its own.
func (st *stream) Write(b []byte) (int, error) {
	if err := st.out.SetWriteDeadline(time.Now().Add(st.limit)); err != nil {
		return 0, err
	}
	return st.w.Write(b)
}

func (st *stream) flush() error {
	if err := st.buf.Flush(); err != nil {
		return err
	}
	_ = st.out.SetWriteDeadline(time.Now().Add(st.limit))
	return st.out.Flush()
}

func (st *stream) send(kind string, document any) error {
	data, err := json.Marshal(document)
	if err == nil {
		_, err = st.buf.Write(message(kind, 0, data))
	}
	return err
}

func (st *stream) frame(f frame) error {
	if _, err := st.buf.Write(f.text); err != nil {
		return err
	}
	st.after = f.seq
	return nil
}

// finish sends the last message; a connection that is gone cannot be told anything.
func (st *stream) finish(kind string) {
	if st.send(kind, position{After: st.after}) == nil {
		_ = st.flush()
	}
}

// fail ends the stream with an error.
func (st *stream) fail(err error) {
	e, _ := encodeError(err)
	if st.send(messageError, errorDocument{Error: e}) == nil {
		_ = st.flush()
	}
}

// errGone says that the other end of a stream is gone, which is nobody's failure.
var errGone = errors.New("the reader is gone")

// stored sends all events of the store that the stream has not sent yet.
func (s *Server) stored(ctx context.Context, st *stream, id engine.WorkflowID) error {
	return s.o.Backend.Events(ctx, id, st.after, func(e engine.Event) error {
		f, err := newFrame(e)
		if err != nil {
			return err
		}
		if err := st.frame(f); err != nil {
			return errGone
		}
		return nil
	})
}

// getEvents sends the events that there are.
func (s *Server) getEvents(w http.ResponseWriter, r *http.Request) error {
	after, err := afterOf(r)
	if err != nil {
		return err
	}
	if _, err := s.o.Backend.Load(r.Context(), workflowID(r)); err != nil {
		return err
	}
	ctx, cancel := s.untilClosing(r.Context())
	defer cancel(nil)
	st := s.begin(w, after)
	s.conclude(ctx, st, s.stored(ctx, st, workflowID(r)), messageEnd)
	return nil
}

// conclude sends the message that fits to the end.
func (s *Server) conclude(ctx context.Context, st *stream, err error, kind string) {
	switch {
	case err == nil:
		st.finish(kind)
	case errors.Is(context.Cause(ctx), ErrClosing):
		st.finish(messageClose)
	case errors.Is(err, errGone) || ctx.Err() != nil:
	default:
		st.fail(err)
	}
}

// untilClosing is a context that ends, with ErrClosing as its cause, also when the server begins to close.
func (s *Server) untilClosing(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-s.closing:
			cancel(ErrClosing)
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// follow sends the events that there are and those that come, until the workflow has ended.
func (s *Server) follow(w http.ResponseWriter, r *http.Request) error {
	after, err := afterOf(r)
	if err != nil {
		return err
	}
	output := r.URL.Query().Get("output")
	if output != "" && output != "true" && output != "false" {
		return requestErrorf("output=%q is neither true nor false", bounded(output))
	}
	// The subscription comes before the store is read: what is not in the one is in the other.
	sub := s.o.Feed.subscribe(workflowID(r), output == "true")
	defer sub.close()
	found, err := s.o.Backend.Load(r.Context(), workflowID(r))
	if err != nil {
		return err
	}
	ctx, cancel := s.untilClosing(r.Context())
	defer cancel(nil)
	st := s.begin(w, after)
	kind, err := s.followTo(ctx, st, sub, found)
	s.conclude(ctx, st, err, kind)
	return nil
}

// followTo sends until there is a reason to end, which it returns.
func (s *Server) followTo(ctx context.Context, st *stream, sub *subscription, w engine.Workflow) (kind string, err error) {
	if err := s.stored(ctx, st, w.ID); err != nil {
		return "", err
	}
	if sub.output {
		for _, a := range w.OpenActivities() {
			if err := st.send(messageOutput, a.ID); err != nil {
				return "", errGone
			}
		}
	}
	beats := time.NewTicker(s.o.KeepAlive)
	defer beats.Stop()
	gather := time.NewTicker(s.o.Gather)
	defer gather.Stop()
	for live := false; ; {
		n := sub.next(st.after)
		switch {
		case n.behind && live:
			return messageLagged, nil
		case n.behind:
			if err := s.stored(ctx, st, w.ID); err != nil {
				return "", err
			}
			continue
		}
		live = true
		if err := st.news(n); err != nil {
			return "", err
		}
		if n.ended || w.State.Ended() && st.after >= w.Seq {
			return messageEnd, nil
		}
		// What happens until the next tick goes out together. After a quiet time the tick is there already.
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-gather.C:
		}
		if err := st.quiet(ctx, sub, beats.C); err != nil {
			return "", err
		}
	}
}

// news sends what there is.
func (st *stream) news(n news) error {
	for _, f := range n.frames {
		if err := st.frame(f); err != nil {
			return errGone
		}
	}
	for _, id := range n.output {
		if err := st.send(messageOutput, id); err != nil {
			return errGone
		}
	}
	if err := st.flush(); err != nil {
		return errGone
	}
	return nil
}

// quiet waits until something happens, and says now and then that the server is there.
func (st *stream) quiet(ctx context.Context, sub *subscription, beats <-chan time.Time) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-sub.wake:
			return nil
		case <-beats:
			if _, err := st.buf.Write(beat); err != nil || st.flush() != nil {
				return errGone
			}
		}
	}
}
