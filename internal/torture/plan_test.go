package main

import (
	"reflect"
	"testing"
)

func TestPlanOfASeedIsAlwaysTheSame(t *testing.T) {
	for number := 1; number <= 20; number++ {
		p := newPlan(7, number, true)
		if again := newPlan(7, number, true); !reflect.DeepEqual(p, again) {
			t.Errorf("round %d: %s, and %s", number, p, again)
		}
		if other := newPlan(8, number, true); reflect.DeepEqual(p.Faults, other.Faults) {
			t.Errorf("round %d is the same with another seed", number)
		}
		if p.Gentle && p.fills() {
			t.Errorf("round %d is gentle, and fills the disk", number)
		}
	}
}

// Without a disk to fill a plan keeps everything else, so that a round can be replayed on another machine.
func TestPlanWithoutADisk(t *testing.T) {
	filled := 0
	for number := 1; number <= 20; number++ {
		with, without := newPlan(7, number, true), newPlan(7, number, false)
		for i, f := range with.Faults {
			got := without.Faults[i]
			if f.Kind == fillDisk {
				filled++
				if got.Kind != killLoop || got.After != f.After {
					t.Errorf("round %d: %s instead of %s", number, got, f)
				}
			} else if got != f {
				t.Errorf("round %d: %s, and %s", number, got, f)
			}
		}
	}
	if filled == 0 {
		t.Error("no plan fills the disk")
	}
}
