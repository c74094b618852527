//go:build !linux

package wallclock

import (
	"context"
	"time"
)

// recheck is how long a sleep of the machine can go unnoticed where the kernel has no timer of its real-time clock.
const recheck = 30 * time.Second

func wait(ctx context.Context, t time.Time) error {
	timer := time.NewTimer(min(time.Until(t), recheck))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
