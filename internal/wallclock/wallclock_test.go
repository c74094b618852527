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
