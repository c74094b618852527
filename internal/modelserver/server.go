// Package modelserver answers the clients of agents as their models' services do, from a script: for tests, which have
// neither such a service nor its bill.
//
//	answers, err := modelserver.Parse(script)
//	server := modelserver.New(answers)
//	http.Serve(listener, server)
//
// The answers are given in the order of the requests; the last one is given again to all that come after it. Requests
// without tools, with which clients look for a title or the like, get a word and are not counted.
//
// It speaks Anthropic's Messages with streaming. Left out are: everything but one turn's text and calls of tools (thinking,
// citations, images, server-side tools), counting of tokens other than by length, batches, files, models, and any check of
// what a client sends beyond that it is JSON and has a key.
package modelserver

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Server is a service with a script. It can be used from several goroutines.
type Server struct {
	mu       sync.Mutex
	answers  []Answer
	asked    int
	requests []Request
}

// Request is one that was counted.
type Request struct {
	Key  string // what the client is signed in with
	Body json.RawMessage
}

// New returns a server that gives these answers.
func New(answers []Answer) *Server { return &Server{answers: answers} }

// Requests returns the requests so far that were counted.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// maxRequest bounds what is read of a request.
const maxRequest = 32 << 20

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		return
	}
	if r.Method != http.MethodPost || r.URL.Path != "/v1/messages" {
		fail(w, http.StatusNotFound, "not_found_error")
		return
	}
	var asked struct {
		Model string            `json:"model"`
		Tools []json.RawMessage `json:"tools"`
	}
	if err := json.Unmarshal(body, &asked); err != nil {
		fail(w, http.StatusBadRequest, "invalid_request_error")
		return
	}
	answer := Answer{Parts: []Part{{Text: "ok"}}}
	if len(asked.Tools) > 0 {
		answer = s.next(Request{Key: key(r), Body: body})
	}
	select {
	case <-time.After(answer.Delay):
	case <-r.Context().Done():
		return
	}
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	if answer.Status > 0 && answer.Status != http.StatusOK {
		fail(w, answer.Status, answer.Error)
		return
	}
	stream(w, asked.Model, answer, len(body))
}

func (s *Server) next(r Request) Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
	answer := Answer{Status: http.StatusInternalServerError, Error: "api_error"}
	if n := len(s.answers); n > 0 {
		answer = s.answers[min(s.asked, n-1)]
	}
	s.asked++
	return answer
}

func key(r *http.Request) string {
	if key := r.Header.Get("X-Api-Key"); key != "" {
		return key
	}
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// fail answers with an error in the service's form.
func fail(w http.ResponseWriter, status int, kind string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"type": "error", "error": map[string]string{"type": kind, "message": strings.ReplaceAll(kind, "_", " ")},
	})
}

// stream writes a message as server-sent events. A token is four bytes.
func stream(w http.ResponseWriter, model string, a Answer, asked int) {
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(event string, data map[string]any) {
		data["type"] = event
		text, _ := json.Marshal(data) // of values of JSON, which have no error
		fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, text)
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
	}
	id := fmt.Sprintf("msg_%d", time.Now().UnixNano())
	send("message_start", map[string]any{"message": map[string]any{
		"id": id, "type": "message", "role": "assistant", "model": model, "content": []any{}, "stop_reason": nil, "stop_sequence": nil,
		"usage": map[string]int{"input_tokens": asked / 4, "output_tokens": 1},
	}})
	reason, written := "end_turn", 0
	for i, p := range a.Parts {
		block := map[string]any{"type": "text", "text": ""}
		delta := map[string]any{"type": "text_delta", "text": p.Text}
		if p.Tool != "" {
			reason = "tool_use"
			block = map[string]any{"type": "tool_use", "id": fmt.Sprintf("toolu_%s_%d", id, i), "name": p.Tool, "input": map[string]any{}}
			delta = map[string]any{"type": "input_json_delta", "partial_json": string(p.Input)}
		}
		written += len(p.Text) + len(p.Input)
		send("content_block_start", map[string]any{"index": i, "content_block": block})
		if a.Break {
			panic(http.ErrAbortHandler)
		}
		send("content_block_delta", map[string]any{"index": i, "delta": delta})
		send("content_block_stop", map[string]any{"index": i})
	}
	send("message_delta", map[string]any{
		"delta": map[string]any{"stop_reason": reason, "stop_sequence": nil}, "usage": map[string]int{"output_tokens": written/4 + 1},
	})
	send("message_stop", map[string]any{})
}
