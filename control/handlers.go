package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/wrapix/wrapix/engine"
)

// versionHeader is on every answer of a server, so that a client knows what it talks to.
const versionHeader = "Ralph-Control"

// endpoint answers a request, or returns why not. After it began to answer it returns nil.
type endpoint func(w http.ResponseWriter, r *http.Request) error

// routes is all that the server answers to. base ends when the server gives up what runs.
func (s *Server) routes(base context.Context) http.Handler {
	mux := http.NewServeMux()
	for pattern, e := range map[string]endpoint{
		"GET /version":                            s.getVersion,
		"GET /v1/backup":                          s.getBackup,
		"GET /v1/workflows":                       s.getWorkflows,
		"GET /v1/workflows/{id}":                  s.getWorkflow,
		"GET /v1/workflows/{id}/overview":         s.getOverview,
		"GET /v1/workflows/{id}/source":           s.getSource,
		"GET /v1/workflows/{id}/events":           s.getEvents,
		"GET /v1/workflows/{id}/follow":           s.follow,
		"POST /v1/workflows/{id}/commands/{name}": func(w http.ResponseWriter, r *http.Request) error { return s.command(base, w, r) },
	} {
		mux.Handle(pattern, s.guard(e))
	}
	unknown := s.guard(s.unknown)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern == "" {
			unknown(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// guard lets an endpoint answer to those who are served, and turns its error or panic into an answer.
func (s *Server) guard(e endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(versionHeader, strconv.Itoa(API))
		if !s.enter() {
			s.fail(w, ErrClosing)
			return
		}
		defer s.leave()
		defer func() {
			if p := recover(); p != nil {
				s.o.Log.Error("control: a request made the program panic", "panic", p, "stack", string(debug.Stack()))
				s.fail(w, errors.New("the program failed on this request"))
			}
		}()
		err := refusal(r.Context())
		if err != nil {
			s.o.Log.Warn("control: refused a connection", "reason", err)
			w.Header().Set("Connection", "close")
		} else if r.Method != http.MethodPost && (r.Method != http.MethodGet || r.ContentLength != 0) {
			w.Header().Set("Connection", "close") // so that nobody waits for the rest of a body
			err = requestErrorf("a %s, or a GET with a body, means nothing here", r.Method)
		} else {
			err = e(w, r)
		}
		if err != nil {
			s.fail(w, err)
		}
	}
}

// fail answers with an error.
func (s *Server) fail(w http.ResponseWriter, err error) {
	e, status := encodeError(err)
	d := errorDocument{Error: e}
	if errors.Is(err, ErrVersion) {
		d.Server = &s.version
	}
	s.write(w, status, d)
}

// write sends a whole document. It is flushed here, so that it is out when the server thinks the request is done.
func (s *Server) write(w http.ResponseWriter, status int, document any) {
	text, err := json.Marshal(document)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"error":{"code":"internal","message":"the answer cannot be written as JSON"}}`)
		s.o.Log.Error("control: encode an answer", "error", err)
	}
	out := http.NewResponseController(w)
	_ = out.SetWriteDeadline(time.Now().Add(s.o.WriteTimeout))
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)+1))
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n'))
	_ = out.Flush()
}

func (s *Server) getVersion(w http.ResponseWriter, _ *http.Request) error {
	s.write(w, http.StatusOK, s.version)
	return nil
}

func (s *Server) getWorkflows(w http.ResponseWriter, r *http.Request) error {
	list, err := s.o.Backend.List(r.Context())
	if err != nil {
		return err
	}
	if list == nil {
		list = []engine.Workflow{}
	}
	s.write(w, http.StatusOK, listDocument{Workflows: list})
	return nil
}

func (s *Server) getWorkflow(w http.ResponseWriter, r *http.Request) error {
	found, err := s.o.Backend.Load(r.Context(), workflowID(r))
	if err != nil {
		return err
	}
	s.write(w, http.StatusOK, newWorkflowDocument(found))
	return nil
}

func (s *Server) getOverview(w http.ResponseWriter, r *http.Request) error {
	found, err := s.o.Backend.Overview(r.Context(), workflowID(r))
	if err != nil {
		return err
	}
	s.write(w, http.StatusOK, newWorkflowDocument(found))
	return nil
}

func (s *Server) getSource(w http.ResponseWriter, r *http.Request) error {
	found, err := s.o.Backend.Load(r.Context(), workflowID(r))
	if err != nil {
		return err
	}
	s.write(w, http.StatusOK, found.Source)
	return nil
}

// command does what is asked, also when the one who asked does not wait for the answer.
func (s *Server) command(base context.Context, w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		w.Header().Set("Connection", "close")
		return requestErrorf("the body is longer than %d bytes", maxBody)
	case err != nil:
		w.Header().Set("Connection", "close")
		return requestErrorf("read the body: %w", err)
	}
	c, err := decodeCommand(r.PathValue("name"), body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(base, s.o.CommandTimeout)
	defer cancel()
	after, err := s.o.Backend.Do(ctx, workflowID(r), c)
	if err != nil {
		return err
	}
	s.write(w, http.StatusOK, newWorkflowDocument(after))
	return nil
}

var versionPath = regexp.MustCompile(`^/v([0-9]{1,9})(/|$)`)

// unknown says what a path that does not exist may have meant.
func (s *Server) unknown(_ http.ResponseWriter, r *http.Request) error {
	if asked := versionPath.FindStringSubmatch(r.URL.Path); asked != nil && asked[1] != strconv.Itoa(API) {
		return fmt.Errorf("%w: %s of version %s (process %d) speaks version %d, and version %s was asked for",
			ErrVersion, s.version.Command, s.version.Program, s.version.PID, API, asked[1])
	}
	return requestErrorf("there is no %s %s", r.Method, bounded(r.URL.Path))
}

func workflowID(r *http.Request) engine.WorkflowID { return engine.WorkflowID(r.PathValue("id")) }

// afterOf reads from which event on a stream is wanted. A reader that comes again says it in a header, as browsers do.
func afterOf(r *http.Request) (uint64, error) {
	text := r.URL.Query().Get("after")
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		text = last
	}
	if text == "" {
		return 0, nil
	}
	after, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, requestErrorf("after=%q is no number of an event", bounded(text))
	}
	return after, nil
}
