// Package wallclock waits for a time of day. Go's own timers count time that the machine was awake; a person who closes
// a laptop for the night and is told "until 06:00" means the clock on the wall.
package wallclock

import (
	"context"
	"time"
)

// Sleep returns nil once the wall clock shows t, also when it was set or the machine slept meanwhile, and ctx's error
// when that ends before.
func Sleep(ctx context.Context, t time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t = t.Round(0) // without the monotonic reading
	for time.Now().Round(0).Before(t) {
		if err := wait(ctx, t); err != nil {
			return err
		}
	}
	return nil
}
