package engine

import (
	"errors"
	"time"
)

// Faults of the host (the container engine does not answer, the image cannot be made) are not the task's: they count
// against no attempt, and are tried again after a time that doubles, for as long as it is likely to help.
const (
	firstBackoff = 5 * time.Second
	lastBackoff  = 5 * time.Minute
	// maxFaults in a row, and the loop gives up: after about ten minutes.
	maxFaults = 8
)

// backoff is how long to wait after the n-th fault in a row.
func backoff(n int) time.Duration {
	d := firstBackoff
	for ; n > 1 && d < lastBackoff; n-- {
		d *= 2
	}
	return min(d, lastBackoff)
}

// faultError is an activity that the host could not run, and that is worth another try.
type faultError struct{ error }

func (e *faultError) Unwrap() error { return e.error }

// Passes says whether the error of a loop is a fault of the host that is worth another try, at the time at which the
// workflow wakes.
func Passes(w Workflow, err error) bool {
	var fault *faultError
	return errors.As(err, &fault) && w.Faults < maxFaults
}
