package wallclock

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSleepEndsAtItsTime(t *testing.T) {
	for _, d := range []time.Duration{-time.Hour, 0, 30 * time.Millisecond} {
		until := time.Now().Add(d)
		if err := Sleep(t.Context(), until); err != nil {
			t.Fatal(err)
		}
		if early := until.Sub(time.Now().Round(0)); early > 0 {
			t.Errorf("%v too early", early)
		}
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Sleep(ctx, time.Now().Add(time.Hour)) }()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if err := Sleep(ctx, time.Now().Add(time.Hour)); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}

// TestSleepWhileTheClockIsSet holds what the wall clock shows against what has passed: a machine that slept, and a clock
// that was set forward, end the sleep at its time; a clock that was set back ends it at once, and one that is slowed down
// does not.
func TestSleepWhileTheClockIsSet(t *testing.T) {
	noon := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	type step struct{ shown, passed time.Duration } // since the step before
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"suspended over the end", []step{{8 * time.Hour, time.Second}}},
		{"suspended, and then woken early", []step{{time.Minute, time.Second}, {59 * time.Minute, 59 * time.Minute}}},
		{"set forward by a year", []step{{365 * 24 * time.Hour, time.Minute}}},
		{"set forward, but not so far", []step{{time.Minute, 0}, {59 * time.Minute, 59 * time.Minute}}},
		{"set back by a year", []step{{-365 * 24 * time.Hour, time.Minute}}},
		{"set back by an hour", []step{{time.Minute, time.Minute}, {-time.Hour, 0}}},
		{"slowed down", []step{{time.Minute, time.Minute + time.Second/2}, {59 * time.Minute, 59*time.Minute + time.Second/2}}},
	} {
		shown, passed, waits := noon, time.Duration(0), 0
		look := func() (time.Time, time.Duration) { return shown, passed }
		err := sleep(t.Context(), noon.Add(time.Hour), look, func(context.Context, time.Time) error {
			if waits == len(c.steps) {
				return errors.New("it waits on")
			}
			shown, passed = shown.Add(c.steps[waits].shown), passed+c.steps[waits].passed
			waits++
			return nil
		})
		if err != nil || waits != len(c.steps) {
			t.Errorf("%s: waited %d times, %v", c.name, waits, err)
		}
	}
}
