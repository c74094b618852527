package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/trust"
)

// approved refuses settings of the folder's configuration that open the host and that nobody has approved. On a terminal
// it asks first. What it looks at is the configuration as it was read, whatever becomes of the file meanwhile.
func (o *runOptions) approved(ctx context.Context, dir string, cfg config.Sandbox) error {
	d, err := unapproved(dir, cfg)
	if err == nil && len(d.Added) > 0 && isTerminal(o.streams.in) && inForeground(o.streams.in) {
		ask := trustOptions{streams: streams{in: o.streams.in, out: o.streams.err, err: o.streams.err}}
		if err := ask.run(ctx, dir); err != nil {
			return &usageError{what: err.Error(), try: "wrapix trust"}
		}
		d, err = unapproved(dir, cfg)
	}
	switch {
	case err != nil:
		return &usageError{what: err.Error(), try: "wrapix trust"}
	case len(d.Added) > 0:
		return &usageError{what: d.Summary(), try: "wrapix trust"}
	}
	return nil
}

// unapproved compares the settings of the sandbox with what was approved of the whole configuration.
func unapproved(dir string, cfg config.Sandbox) (trust.Difference, error) {
	list := trust.List(config.Config{Sandbox: cfg})
	state, err := config.StateDir(dir)
	if err == nil {
		err = config.CheckStateDir(state, dir)
	}
	if err != nil {
		// For the folder that has all else in it, as a home has, nothing can ever be approved.
		if d := trust.Unrecorded(dir, list); len(d.Added) == 0 {
			return d, nil
		}
		return trust.Difference{}, fmt.Errorf("look up what was approved: %w", err)
	}
	d, err := trust.Check(state, dir, list)
	// What is gone matters where something else has come in its place; the rest of the file does nothing here.
	d.Removed = slices.DeleteFunc(d.Removed, func(gone trust.Setting) bool {
		return !slices.ContainsFunc(d.Added, func(s trust.Setting) bool { return s.Key == gone.Key })
	})
	return d, err
}
