// Package wallclock waits for a time of day. Go's own timers count time that the machine was awake; a person who closes
// a laptop for the night and is told "until 06:00" means the clock on the wall.
package wallclock

import (
	"context"
	"time"
)

// Sleep returns nil once the wall clock shows t, also when the machine slept meanwhile, or as soon as it was set back, and
// ctx's error when that ends before. Whoever waits looks at the clock anew then: what was to be waited for may be years
// away, because it was reckoned with the wrong time.
func Sleep(ctx context.Context, t time.Time) error {
	began := time.Now()
	look := func() (time.Time, time.Duration) {
		now := time.Now()
		return now.Round(0), now.Sub(began)
	}
	return sleep(ctx, t.Round(0), look, wait)
}

// setBack is how far the wall clock falls behind the time that passed when it was set, and not only slowed down.
const setBack = time.Second

// sleep is told by look what the wall clock shows, and how much time has passed.
func sleep(ctx context.Context, t time.Time, look func() (time.Time, time.Duration), wait func(context.Context, time.Time) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for shown, passed := look(); shown.Before(t); {
		if err := wait(ctx, t); err != nil {
			return err
		}
		nowShown, nowPassed := look()
		if nowPassed-passed-nowShown.Sub(shown) > setBack {
			return nil
		}
		shown, passed = nowShown, nowPassed
	}
	return nil
}
