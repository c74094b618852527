package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

// getBackup sends the whole database as it is now. It is copied to a file without a name first, so that a reader who is
// slow costs room for a while, and the loop nothing.
func (s *Server) getBackup(w http.ResponseWriter, r *http.Request) error {
	if !s.copying.TryLock() {
		return fmt.Errorf("another copy is being made: %w", ErrBusy)
	}
	defer s.copying.Unlock()
	ctx, cancel := s.untilClosing(r.Context())
	defer cancel(nil)
	file, err := os.CreateTemp(s.o.Folder, ".backup-*")
	if err != nil {
		return err
	}
	defer file.Close()
	if err := os.Remove(file.Name()); err != nil {
		return err
	}
	if err := s.o.Backend.Backup(ctx, file); err != nil {
		return err
	}
	size, err := file.Seek(0, io.SeekCurrent)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	st := &stream{out: http.NewResponseController(w), w: w, limit: s.o.WriteTimeout}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	w.WriteHeader(http.StatusOK)
	_, _ = io.CopyBuffer(st, onlyReader{stoppable{ctx, file}}, make([]byte, 1<<20)) // a reader that gets less sees it by the length
	return nil
}

// stoppable is a reader that fails when its context has ended.
type stoppable struct {
	ctx context.Context
	io.Reader
}

func (r stoppable) Read(b []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(b)
}

// onlyReader hides what else a reader can do, so that each piece goes through the stream's limit of time.
type onlyReader struct{ io.Reader }

// Backup writes the whole database as it is now to w. After an error w has got a part of it.
func (c *Client) Backup(ctx context.Context, w io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(c.o.CommandTimeout, func() {
		cancel(fmt.Errorf("the running ralph sends nothing: %w", context.DeadlineExceeded))
	})
	defer silence.Stop()
	answer, err := c.request(ctx, http.MethodGet, c.prefix()+"/backup", nil)
	if err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	defer answer.Body.Close()
	var failed writeError
	n, err := io.Copy(writer{w, func() { silence.Reset(c.o.Silence) }}, answer.Body)
	switch {
	case errors.As(err, &failed):
		return failed.error
	case err != nil:
		return fmt.Errorf("copy the database: %w", cut(ctx, err))
	case n != answer.ContentLength:
		return fmt.Errorf("copy the database: %w: %d bytes of %d came", ErrCut, n, answer.ContentLength)
	}
	return nil
}

// writer tells of each piece that was written, and its own errors from those of the connection.
type writer struct {
	io.Writer
	each func()
}

type writeError struct{ error }

func (w writer) Write(b []byte) (int, error) {
	w.each()
	n, err := w.Writer.Write(b)
	if err != nil {
		err = writeError{err}
	}
	return n, err
}
