package control

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"syscall"

	"github.com/wrapix/wrapix/engine"
)

// Error is an error of the server's as a client sees it. errors.Is finds the error that its code stands for.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	// Try is the way out where the server knows one.
	Try string `json:"try,omitempty"`
}

// Error returns the server's own words.
func (e *Error) Error() string { return e.Message }

// Is says whether the code stands for the target.
func (e *Error) Is(target error) bool {
	for _, k := range kinds {
		if k.code == e.Code && errors.Is(k.err, target) {
			return true
		}
	}
	return false
}

// hint adds the way out in the form in which the rest of the program knows it.
func (e *Error) hint() error {
	if e.Try == "" {
		return e
	}
	return &engine.Hint{Err: e, Try: e.Try}
}

// errorDocument is how an error travels. It keeps its form in every version to come.
type errorDocument struct {
	Error *Error `json:"error"`
	// Server is there when the error is about versions.
	Server *Version `json:"server,omitempty"`
}

// kinds gives each error that means something to a client its code and HTTP status. Everything else is "internal".
var kinds = []struct {
	code   string
	err    error
	status int
}{
	{"not_found", engine.ErrNotFound, http.StatusNotFound},
	{"not_allowed", engine.ErrNotAllowed, http.StatusConflict},
	{"ended", engine.ErrEnded, http.StatusConflict},
	{"conflict", engine.ErrConflict, http.StatusConflict},
	{"lost", engine.ErrLost, http.StatusConflict},
	{"stopped", engine.ErrStopped, http.StatusServiceUnavailable},
	{"unknown_event", engine.ErrUnknownEvent, http.StatusInternalServerError},
	{"unknown_command", ErrUnknownCommand, http.StatusNotFound},
	{"bad_request", ErrRequest, http.StatusBadRequest},
	{"version", ErrVersion, http.StatusNotFound},
	{"forbidden", ErrForbidden, http.StatusForbidden},
	{"busy", ErrBusy, http.StatusServiceUnavailable},
	{"closing", ErrClosing, http.StatusServiceUnavailable},
	{"timeout", context.DeadlineExceeded, http.StatusGatewayTimeout},
	{"no_room", syscall.ENOSPC, http.StatusInsufficientStorage},
	{"no_room", syscall.EDQUOT, http.StatusInsufficientStorage},
}

// maxMessage bounds what an error says: it may quote what an agent wrote.
const maxMessage = 8 << 10

// encodeError returns an error's form on the wire and its HTTP status.
func encodeError(err error) (*Error, int) {
	e := &Error{Code: "internal", Message: bounded(err.Error())}
	status := http.StatusInternalServerError
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			e.Code, status = k.code, k.status
			break
		}
	}
	var hint *engine.Hint
	if errors.As(err, &hint) {
		e.Try = bounded(hint.Try)
	}
	return e, status
}

func bounded(s string) string {
	if len(s) > maxMessage {
		return s[:maxMessage] + " …"
	}
	return s
}

func requestErrorf(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrRequest, fmt.Errorf(format, args...))
}
