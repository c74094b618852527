package podman

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/containers/podman/v5/pkg/bindings"
	"github.com/containers/podman/v5/pkg/bindings/containers"

	"github.com/wrapix/wrapix/sandbox"
)

// Wait implements sandbox.Runtime. Podman's own wait polls every quarter of a second; its events come at once.
func (e *Engine) Wait(ctx context.Context, name string) (int, error) {
	code, err := e.wait(ctx, name)
	if err != nil {
		return 0, fmt.Errorf("wait for sandbox %s: %w", name, err)
	}
	return code, nil
}

// quickLooks times quickLook is how soon after its output's end a container has ended, nearly always.
const (
	quickLooks = 5
	quickLook  = 4 * time.Millisecond
)

func (e *Engine) wait(ctx context.Context, name string) (int, error) {
	// Whoever waits for one that has just written its last wants to remove it next. At the same moment Podman starts a
	// process to clean up after it; who comes later waits for the other. So the first looks are quick ones.
	for range quickLooks {
		if c, err := e.Inspect(ctx, name); err != nil || c.State == sandbox.StateExited {
			return c.ExitCode, err
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(quickLook):
		}
	}
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	events, err := e.ends(watching, name)
	if err != nil {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		return e.waitPolling(ctx, name) // events can be switched off in containers.conf
	}
	defer events.Body.Close()

	// Looked at after the subscription, so no end can fall between the two.
	if c, err := e.Inspect(ctx, name); err != nil || c.State == sandbox.StateExited {
		return c.ExitCode, err
	}
	var event struct {
		Actor struct{ Attributes map[string]string }
	}
	if err := json.NewDecoder(events.Body).Decode(&event); err != nil {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		return e.waitPolling(ctx, name)
	}
	c, err := e.Inspect(ctx, name)
	if err == nil && c.State == sandbox.StateExited {
		return c.ExitCode, nil
	}
	if errors.Is(err, sandbox.ErrNotFound) {
		// It ended, and was removed before we could look: the event knows the code.
		if code, errCode := strconv.Atoi(event.Actor.Attributes["containerExitCode"]); errCode == nil {
			return code, nil
		}
	}
	if err != nil {
		return 0, err
	}
	return e.waitPolling(ctx, name) // the event was about an earlier run
}

// ends subscribes to the end and the removal of the container, from a moment ago on.
func (e *Engine) ends(ctx context.Context, name string) (*http.Response, error) {
	filters, err := json.Marshal(map[string][]string{"container": {name}, "event": {"died", "remove"}})
	if err != nil {
		return nil, err
	}
	conn, err := bindings.GetClient(e.values)
	if err != nil {
		return nil, err
	}
	query := url.Values{
		"filters": {string(filters)},
		"stream":  {"true"},
		"since":   {strconv.FormatInt(time.Now().Add(-time.Second).Unix(), 10)},
	}
	response, err := conn.DoRequest(e.with(ctx), nil, http.MethodGet, "/events", query, nil)
	if err != nil {
		return nil, err
	}
	if !response.IsSuccess() {
		defer response.Body.Close()
		return nil, response.Process(nil)
	}
	return response.Response, nil
}

func (e *Engine) waitPolling(ctx context.Context, name string) (int, error) {
	code, err := containers.Wait(e.with(ctx), name, new(containers.WaitOptions).WithConditions([]string{"stopped"}))
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if err != nil {
		return 0, translate(err)
	}
	return int(code), nil
}
