package engine

import (
	"fmt"
	"time"
)

// ShutError says that the agent's service takes no work at present. An attempt that ended so is no failure of its task.
type ShutError struct {
	// Message says why, in one line.
	Message string
	// Limited says that the service lets work in again by itself: at Until, or, where that is zero, at a time that it did
	// not tell. Otherwise a person has to do something.
	Limited bool
	Until   time.Time
	// Try is what that is.
	Try string
}

// Error returns the message.
func (e *ShutError) Error() string { return e.Message }

// told says whether the service told a time that is still to come. One that is over by this host's clock is none.
func (e *ShutError) told(now time.Time) bool { return e.Until.After(now) }

// longestShut is the longest wait that a service is believed, which is more than any of a subscription's windows.
const longestShut = 8 * 24 * time.Hour

// shut holds the workflow until the service takes work again.
func (d *decision) shut(s ShutError) {
	switch {
	case d.err != nil:
	case !s.Limited && d.ev.w.hold(Blocked) == nil:
		message := s.Message
		if s.Try != "" {
			message = fmt.Sprintf("%s; try: %s", message, s.Try)
		}
		d.emit(WaitEntered, "", 0, WaitData{Kind: Blocked, Message: message})
	case s.Limited && d.ev.w.hold(RateLimited) == nil:
		until := s.Until
		switch wait := until.Sub(d.now); {
		case !s.told(d.now):
			until = d.now.Add(backoff(d.ev.w.Faults))
		case wait > longestShut:
			until = d.now.Add(longestShut)
		}
		d.emit(WaitEntered, "", 0, WaitData{Kind: RateLimited, Message: s.Message, Until: until})
	}
}
