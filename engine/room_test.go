package engine_test

import (
	"fmt"
	"slices"
	"syscall"
	"testing"

	"github.com/wrapix/wrapix/engine"
)

// TestFullDiskAnywhere lets the disk be full at every place, and at the two after it, and the same process go on
// whenever there is room: nothing is lost, repeated or held against the host.
func TestFullDiskAnywhere(t *testing.T) {
	for at := 1; at <= places(t); at++ {
		h := newHost(t, agent)
		full := 0
		h.at = at
		h.mishap = func(place string) error {
			if full++; full < 3 {
				h.at = h.places + 1
			}
			return fmt.Errorf("%s: %w", place, syscall.ENOSPC)
		}
		err, _ := h.process(func(r *engine.Runner) error {
			for {
				err := advance(h, r)
				if err == nil || !engine.NoRoom(err) || full > 3 {
					return err
				}
			}
		})
		if err != nil {
			t.Fatalf("full %s: %v", h.last, err)
		}
		morning(t, h)
		_, log := h.events("w1")
		if slices.ContainsFunc(log, func(e engine.Event) bool { data, ok := e.Data.(engine.InterruptedData); return ok && data.Fault }) {
			t.Error("a full disk counts as a fault")
		}
		if t.Failed() {
			t.Fatalf("full at place %d, %s", at, h.last)
		}
	}
}
