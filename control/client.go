package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/wrapix/wrapix/engine"
)

// ClientOptions say whom to talk to.
type ClientOptions struct {
	Folder  string // the state folder
	Program string // the version of the program that asks

	Timeout        time.Duration // 15 s for an answer
	CommandTimeout time.Duration // 3 min for a command to be done
	Silence        time.Duration // 1 min without any sign of life in a stream

	api  int // for tests
	peer func(*net.UnixConn) (int, error)
}

func (o ClientOptions) withDefaults() ClientOptions {
	set := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	set(&o.Timeout, 15*time.Second)
	set(&o.CommandTimeout, 3*time.Minute)
	set(&o.Silence, time.Minute)
	if o.api == 0 {
		o.api = API
	}
	if o.peer == nil {
		o.peer = peerUID
	}
	return o
}

// Client talks to the process that serves a state folder. Its methods may be called from several goroutines.
//
// Errors of the server's are what they are there: [engine.ErrNotFound] and the like, with their [engine.Hint]. Each
// method's error is [ErrNobody] when that process has ended meanwhile.
type Client struct {
	o      ClientOptions
	server Version
	http   *http.Client
}

var _ Backend = (*Client)(nil)

// Dial finds the process that serves the folder and makes sure that it speaks the same version. The error is
// [ErrNobody] where none runs; every other error says that one does and does not serve this client.
func Dial(ctx context.Context, o ClientOptions) (*Client, error) {
	c := &Client{o: o.withDefaults()}
	c.http = &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				conn, err := c.connect(ctx)
				if err != nil {
					return nil, dialError{err}
				}
				return conn, nil
			},
			DisableCompression: true, MaxIdleConns: 2, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if err := c.get(ctx, "/version", &c.server); err != nil {
		_ = c.Close()
		return nil, err
	}
	if c.server.API != c.o.api {
		_ = c.Close()
		return nil, c.versionError(c.server)
	}
	return c, nil
}

// Server says who serves.
func (c *Client) Server() Version { return c.server }

// Close gives up the connections that are not in use. It may be called again.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// Load returns a workflow, or [engine.ErrNotFound]. It is what the store holds, without the text of its source: see
// [Client.Source].
func (c *Client) Load(ctx context.Context, id engine.WorkflowID) (engine.Workflow, error) {
	return c.load(ctx, id, "")
}

// Overview returns a workflow for those who only show where it stands, as the store's method of that name does.
func (c *Client) Overview(ctx context.Context, id engine.WorkflowID) (engine.Workflow, error) {
	return c.load(ctx, id, "/overview")
}

func (c *Client) load(ctx context.Context, id engine.WorkflowID, rest string) (engine.Workflow, error) {
	var d workflowDocument
	path, err := c.path(id, rest)
	if err == nil {
		err = c.get(ctx, path, &d)
	}
	if err != nil {
		return engine.Workflow{}, fmt.Errorf("load workflow %s: %w", id, err)
	}
	return d.restore(), nil
}

// Source returns a workflow's source with its text.
func (c *Client) Source(ctx context.Context, id engine.WorkflowID) (*engine.Source, error) {
	var source *engine.Source
	path, err := c.path(id, "/source")
	if err == nil {
		err = c.get(ctx, path, &source)
	}
	if err != nil {
		return nil, fmt.Errorf("load the source of workflow %s: %w", id, err)
	}
	return source, nil
}

// List returns the workflows in order of creation, without their tasks and sources.
func (c *Client) List(ctx context.Context) ([]engine.Workflow, error) {
	var d listDocument
	if err := c.get(ctx, c.prefix()+"/workflows", &d); err != nil {
		return nil, fmt.Errorf("list the workflows: %w", err)
	}
	return d.Workflows, nil
}

// Do has a command decided and returns the workflow after it, like engine.Runner.Do. It is done whether or not the
// answer arrives: after [ErrCut] look at the workflow. The socket takes a person's commands: [engine.Reply],
// [engine.Retry], [engine.Skip], [engine.Pause], [engine.Unpause], [engine.SetLimits], [engine.RaiseLimits] and [engine.Cancel]. Others are
// [ErrUnknownCommand].
func (c *Client) Do(ctx context.Context, id engine.WorkflowID, command engine.Command) (engine.Workflow, error) {
	name, body, err := encodeCommand(command)
	if err != nil {
		return engine.Workflow{}, err
	}
	path, err := c.path(id, "/commands/"+name)
	if err != nil {
		return engine.Workflow{}, err
	}
	text, err := json.Marshal(body)
	if err != nil {
		return engine.Workflow{}, err
	}
	var d workflowDocument
	if err := c.exchange(ctx, c.o.CommandTimeout, http.MethodPost, path, text, &d); err != nil {
		return engine.Workflow{}, err
	}
	return d.restore(), nil
}

func (c *Client) prefix() string { return fmt.Sprintf("/v%d", c.o.api) }

// path is the path of a workflow. Names that a path cannot hold belong to no workflow.
func (c *Client) path(id engine.WorkflowID, rest string) (string, error) {
	if id == "" || id == "." || id == ".." {
		return "", fmt.Errorf("workflow %q: %w", id, engine.ErrNotFound)
	}
	return c.prefix() + "/workflows/" + url.PathEscape(string(id)) + rest, nil
}

// get reads a document. Asking changes nothing, so a connection that broke is tried again once.
func (c *Client) get(ctx context.Context, path string, into any) error {
	err := c.exchange(ctx, c.o.Timeout, http.MethodGet, path, nil, into)
	if errors.Is(err, ErrCut) {
		err = c.exchange(ctx, c.o.Timeout, http.MethodGet, path, nil, into)
	}
	return err
}

// exchange sends a request and reads the document that answers it.
func (c *Client) exchange(ctx context.Context, limit time.Duration, method, path string, body []byte, into any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the running ralph gave no answer within %s: %w", limit, context.DeadlineExceeded))
	defer cancel()
	answer, err := c.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxLine+1))
	if err != nil {
		return cut(ctx, err)
	}
	if len(text) > maxLine {
		return fmt.Errorf("the answer to %s is longer than %d bytes", path, maxLine)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read the answer to %s: %w", path, err)
	}
	return nil
}

// request sends a request and returns an answer that is none of refusal.
func (c *Client) request(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://ralph"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "ralph/"+c.o.Program)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, cut(ctx, err)
	}
	switch {
	case answer.Header.Get(versionHeader) == "":
		err = errors.New("what answers on the control socket is no ralph, or one that is not known here")
	case answer.StatusCode != http.StatusOK:
		err = c.refused(answer)
	}
	if err != nil {
		_ = answer.Body.Close()
		return nil, err
	}
	return answer, nil
}

// refused reads the error that the server answered with.
func (c *Client) refused(answer *http.Response) error {
	var d errorDocument
	text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil || d.Error == nil {
		return fmt.Errorf("the running ralph answered %s", answer.Status)
	}
	if d.Server != nil && d.Server.API != c.o.api {
		return c.versionError(*d.Server)
	}
	return d.Error.hint()
}

func (c *Client) versionError(server Version) error {
	return (&VersionError{Client: Version{API: c.o.api, Program: c.o.Program}, Server: server}).hint()
}

// connect connects to the socket and makes sure that the right user listens.
func (c *Client) connect(ctx context.Context) (net.Conn, error) {
	f, err := openFolder(c.o.Folder)
	if errors.Is(err, syscall.ENOENT) {
		return nil, fmt.Errorf("%w (%s)", ErrNobody, c.o.Folder)
	}
	if err != nil {
		return nil, err
	}
	defer f.close()
	conn, err := f.dial(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkPeer(conn, c.o.peer); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("connect to the process that runs in %s: %w", c.o.Folder, err)
	}
	return conn, nil
}

// dialError is an error from before there was a connection.
type dialError struct{ error }

// cut says what the error of a connection means.
func cut(ctx context.Context, err error) error {
	var dial dialError
	var wrapped *url.Error
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &dial):
		return dial.error
	case errors.As(err, &wrapped):
		err = wrapped.Err // without the address, which names nothing that a person knows
	}
	return fmt.Errorf("%w (%w)", ErrCut, unwrapOp(err))
}
