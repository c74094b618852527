package engine_test

import (
	"testing"
	"time"

	"github.com/wrapix/wrapix/engine"
)

// A service that takes no work holds the workflow, and no failure is counted. Where it told no time, or one that cannot be,
// the pauses grow.
func TestShut(t *testing.T) {
	for name, tt := range map[string]struct {
		until time.Duration // from now; zero is none
		want  []time.Duration
	}{
		"a time":       {time.Hour, []time.Duration{time.Hour, time.Hour}},
		"none":         {0, []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second}},
		"one past":     {-time.Hour, []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second}},
		"one too far":  {30 * 24 * time.Hour, []time.Duration{8 * 24 * time.Hour}},
		"right at now": {1, []time.Duration{1}},
	} {
		t.Run(name, func(t *testing.T) {
			l := begun(t, 0, engine.Limits{MaxAttempts: 1}, planned("T1", 1))
			for i, want := range tt.want {
				l.must(t, engine.Intend{Task: "T1"})
				now := at(l.w.Seq).Add(l.skew) // when the next command comes
				shut := &engine.ShutError{Message: "the limit is reached", Limited: true}
				if tt.until != 0 {
					shut.Until = now.Add(tt.until)
				}
				l.must(t, engine.Interrupt{ID: l.w.Task("T1").Open.ID, Reason: shut.Message, Shut: shut})
				l.state(t, engine.RateLimited)
				if got := l.w.Wakes().Sub(now); got != want || l.w.Task("T1").Failures != 0 {
					t.Fatalf("wait %d: wakes in %s, not %s; %d failures", i, got, want, l.w.Task("T1").Failures)
				}
				l.skew += want
				l.must(t, engine.Wake{})
			}
		})
	}
}

// What only a person can mend is a wait for them, which the next start ends.
func TestShutForAPerson(t *testing.T) {
	l := begun(t, 0, engine.Limits{}, planned("T1", 1))
	l.must(t, engine.Intend{Task: "T1"})
	l.must(t, engine.Interrupt{ID: l.w.Task("T1").Open.ID, Reason: "no", Shut: &engine.ShutError{Message: "the login is refused", Try: "look at the key"}})
	waits := l.w.Waits()
	l.state(t, engine.Blocked)
	if len(waits) != 1 || waits[0].Message != "the login is refused; try: look at the key" || !waits[0].Until.IsZero() {
		t.Fatalf("%s, %+v", l.w.State, waits)
	}
	l.must(t, engine.Unblock{})
	if l.w.State == engine.Blocked || engine.Next(l.w).Kind != engine.RunAttempt {
		t.Errorf("%s, next %+v", l.w.State, engine.Next(l.w))
	}
}
