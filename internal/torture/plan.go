package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/wrapix/wrapix/internal/failpoint"
)

// kind is what is done to a workflow that runs.
type kind string

// The kinds. Each hits something else of what a night can hold.
const (
	killLoop      kind = "loop killed"
	killAtPoint   kind = "loop killed at a failpoint"
	panicAtPoint  kind = "loop panicked at a failpoint"
	killContainer kind = "container killed"
	dropContainer kind = "container removed by hand"
	killService   kind = "Podman's service killed"
	fillDisk      kind = "disk full"
)

// kinds are all of them, in the order of the summary.
var kinds = []kind{killLoop, killAtPoint, panicAtPoint, killContainer, dropContainer, killService, fillDisk}

// harmless are the kinds that a sandbox outlives: in a round that has no others, no work of an agent that was done may
// be lost, on top of what holds for all rounds.
var harmless = []kind{killLoop, killAtPoint, panicAtPoint, killService}

// fault is one thing that happens.
type fault struct {
	Kind  kind
	After time.Duration // from the fault before it, or from the start of the loop if that is later
	Point string        // of failpoints
	Pass  int           // the process dies when it comes to the point this many times
	Hold  time.Duration // how long the disk stays full
	Kill  bool          // whether the loop is killed while it is
}

func (f fault) String() string {
	switch f.Kind {
	case killAtPoint, panicAtPoint:
		return fmt.Sprintf("%s %s:%d", f.Kind, f.Point, f.Pass)
	case fillDisk:
		return fmt.Sprintf("%s after %s for %s, kill %t", f.Kind, f.After, f.Hold, f.Kill)
	}
	return fmt.Sprintf("%s after %s", f.Kind, f.After)
}

// plan is what happens in one round. It is made of the seed and the round's number alone, so that it can be replayed.
type plan struct {
	Round  int
	Gentle bool // only what a sandbox outlives
	Faults []fault
}

// faultsARound is how many, on a workflow of 30 tasks that takes some 15 seconds when nothing happens.
const faultsARound = 20

// newPlan makes a round's plan. full says that there is a disk that can be filled.
func newPlan(seed uint64, number int, full bool) plan {
	random := rand.New(rand.NewPCG(seed, uint64(number)))
	p := plan{Round: number, Gentle: number%2 == 0}
	choose := harmless
	if !p.Gentle {
		choose = kinds
	}
	points := slices.Concat(failpoint.Activity, failpoint.Inner)
	for range faultsARound {
		f := fault{Kind: choose[random.IntN(len(choose))], After: time.Duration(random.IntN(1500)) * time.Millisecond}
		// All numbers are drawn whether they are used or not: a plan with a disk and one without are otherwise the same.
		point, pass := points[random.IntN(len(points))], 1+random.IntN(6)
		hold, kill := time.Duration(500+random.IntN(2500))*time.Millisecond, random.IntN(2) == 0
		switch {
		case f.Kind == killAtPoint || f.Kind == panicAtPoint:
			f.Point, f.Pass = point, pass
			if point == "storing" || point == "stored" { // the store takes a panic below it for damage, and goes on
				f.Kind = killAtPoint
			}
		case f.Kind == fillDisk && full:
			f.Hold, f.Kill = hold, kill
		case f.Kind == fillDisk:
			f.Kind = killLoop
		}
		p.Faults = append(p.Faults, f)
	}
	return p
}

// fills says whether the plan has a full disk in it.
func (p plan) fills() bool {
	for _, f := range p.Faults {
		if f.Kind == fillDisk {
			return true
		}
	}
	return false
}

func (p plan) String() string {
	lines := make([]string, len(p.Faults))
	for i, f := range p.Faults {
		lines[i] = f.String()
	}
	return strings.Join(lines, "; ")
}
