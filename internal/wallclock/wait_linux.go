package wallclock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// wait waits for a timer of the kernel's real-time clock. It also returns, with nil, when that clock was set.
func wait(ctx context.Context, t time.Time) error {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("make a timer: %w", err)
	}
	timer := os.NewFile(uintptr(fd), "timer")
	defer timer.Close()
	at := unix.ItimerSpec{Value: unix.NsecToTimespec(t.UnixNano())}
	if err := unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &at, nil); err != nil {
		return fmt.Errorf("set a timer: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { timer.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var expirations [8]byte
	if _, err := timer.Read(expirations[:]); ctx.Err() != nil {
		return ctx.Err()
	} else if err != nil && !isCancelled(err) {
		return fmt.Errorf("wait for a timer: %w", err)
	}
	return nil
}

// isCancelled says whether a timer's read ended because the clock was set.
func isCancelled(err error) bool { return errors.Is(err, unix.ECANCELED) }
