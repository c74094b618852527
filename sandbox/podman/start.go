package podman

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/containers/podman/v5/pkg/bindings"

	"github.com/wrapix/wrapix/sandbox"
)

// Start implements sandbox.Runtime. It asks Podman once, and not through the bindings: these ask again where the service
// died under the question, and a container that had run to its end by then would run again.
func (e *Engine) Start(ctx context.Context, name string) error {
	asked, err := e.askToStart(ctx, name)
	if err != nil && asked && ctx.Err() == nil {
		if c, errInspect := e.Inspect(ctx, name); errInspect == nil && c.State != sandbox.StateCreated {
			return nil // it was started, and only the answer is missing
		}
	}
	if err != nil {
		return fmt.Errorf("start sandbox %s: %w", name, e.withErrno(ctx, translate(err)))
	}
	return nil
}

// askToStart says also whether the service may have read the question.
func (e *Engine) askToStart(ctx context.Context, name string) (asked bool, err error) {
	conn, err := e.link.dial(ctx, "", "")
	if err != nil {
		return false, err
	}
	defer conn.Close()
	target := "http://d/v4.0.0/libpod/containers/" + url.PathEscape(name) + "/start"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, nil)
	if err != nil {
		return false, err
	}
	abort := context.AfterFunc(ctx, func() { conn.Close() })
	defer abort()
	if err := request.Write(conn); err != nil {
		return true, errors.Join(ctx.Err(), err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil {
		return true, errors.Join(ctx.Err(), err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotModified { // it runs already
		return true, nil
	}
	return true, (&bindings.APIResponse{Response: response}).Process(nil)
}
