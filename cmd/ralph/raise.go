package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/wrapix/wrapix/control"
	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
)

// parseRaise reads what is given to --raise.
func parseRaise(given []string) (engine.RaiseLimits, error) {
	c := engine.RaiseLimits{To: map[engine.LimitKey]string{}}
	for _, text := range given {
		name, value, ok := strings.Cut(text, "=")
		key := engine.LimitKey(strings.TrimSpace(name))
		if !ok || key == engine.OnBlockedKey || !slices.Contains(engine.LimitKeys(), key) {
			return c, usagef("ralph loop --raise max_cost_usd=20", "--raise %s: want KEY=VALUE; the keys are %s", terminal.Line(text), raiseKeys())
		}
		if err := new(engine.Limits).Set(key, strings.TrimSpace(value)); err != nil {
			return c, usagef("ralph loop --raise max_cost_usd=20", "--raise %s: %w", terminal.Line(text), err)
		}
		c.To[key] = strings.TrimSpace(value)
	}
	return c, nil
}

func raiseKeys() string {
	var keys []string
	for _, key := range engine.LimitKeys() {
		if key != engine.OnBlockedKey {
			keys = append(keys, string(key))
		}
	}
	return strings.Join(keys, ", ")
}

// raiseThrough raises the limits in the process that works on the project, and leaves the work to it.
func (o *loopOptions) raiseThrough(ctx context.Context, p *project, holder *control.Client, c engine.RaiseLimits) error {
	if o.spec != "" || len(o.limits.given) > 0 || o.wait {
		return usagef("ralph loop --raise KEY=VALUE", "%s works on the project already: only --raise reaches it", holder.Server().Command)
	}
	w, err := p.choose(ctx, holder, false)
	if err == nil {
		w, err = holder.Do(ctx, w.ID, c)
	}
	if err != nil {
		return raiseHint(err)
	}
	if o.json {
		return o.printJSON(statusDocument{Schema: schema, Workflows: []workflowDocument{newWorkflowDocument(w)}})
	}
	v := holder.Server()
	if v.Workflow != "" && v.Workflow != w.ID {
		o.line("%s: limits: %s; %s, process %d, works on %s and not on it", w.ID, limitWords(w.Limits), v.Command, v.PID, v.Workflow)
		return nil
	}
	o.line("%s: limits: %s; %s, process %d, goes on with it", w.ID, limitWords(w.Limits), v.Command, v.PID)
	return nil
}

// raiseHint says how a limit is changed that cannot be raised.
func raiseHint(err error) error {
	var hint *engine.Hint
	if errors.Is(err, engine.ErrNotAllowed) && !errors.As(err, &hint) {
		return &engine.Hint{Err: err, Try: "ralph loop --help"}
	}
	return err
}
