// Package doctor looks at what sandboxes need of this host, for `wrapix doctor` and `ralph doctor`.
//
// A [Check] looks at one thing and changes nothing. [Run] runs checks side by side, each within a bound, so that one that
// hangs keeps no other from being told. What is found may have a fix; [Mend] runs it, and [Result.Again] looks anew.
//
//	for _, r := range doctor.Run(ctx, doctor.Host(doctor.Options{State: dir})) {
//		fmt.Println(r.Severity, r.Text, r.Fix)
//	}
package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/podman"
	"github.com/wrapix/wrapix/sandbox/profile"
)

// Check looks at one thing of the host, or at several that belong together.
type Check struct {
	// Name is told if the check does not answer.
	Name string
	Look func(context.Context) []sandbox.Finding
}

// patience is what a check gets to answer: a Podman that starts for the first time after a boot may take seconds.
const patience = 15 * time.Second

// Result is one thing that a check found.
type Result struct {
	sandbox.Finding
	by Check
}

// Run runs the checks side by side, and returns what they found in their order.
func Run(ctx context.Context, checks []Check) []Result { return run(ctx, checks, patience) }

func run(ctx context.Context, checks []Check, patience time.Duration) []Result {
	found := make([]chan []sandbox.Finding, len(checks))
	for i, c := range checks {
		found[i] = make(chan []sandbox.Finding, 1)
		go func() { found[i] <- c.look(ctx, patience) }()
	}
	var all []Result
	for i, c := range checks {
		for _, f := range <-found[i] {
			all = append(all, Result{f, c})
		}
	}
	return all
}

// look is Look within a bound. What does not heed its context, such as a file system whose server is gone, is left to
// itself: it ends with the process.
func (c Check) look(ctx context.Context, patience time.Duration) []sandbox.Finding {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found := make(chan []sandbox.Finding, 1)
	go func() { found <- c.Look(ctx) }()
	select {
	case f := <-found:
		return f
	case <-ctx.Done():
	}
	return []sandbox.Finding{{
		Severity: sandbox.SeverityError, Check: c.Name, Code: "no-answer",
		Text: fmt.Sprintf("the check of %s did not end within %s", c.Name, patience), Fix: "look whether the disk or the network that it lies on answers",
	}}
}

// Again runs the check that found the result once more, and returns what it finds now about the same thing; nothing
// where there is nothing to be said about it any more.
func (r Result) Again(ctx context.Context) []Result {
	var all []Result
	for _, now := range Run(ctx, []Check{r.by}) {
		if now.Check == r.Check {
			all = append(all, now)
		}
	}
	return all
}

// Failed says whether something keeps sandboxes from running.
func Failed(all []Result) bool {
	for _, r := range all {
		if r.Severity == sandbox.SeverityError {
			return true
		}
	}
	return false
}

// Options of Host. Zero values work.
type Options struct {
	Podman podman.Options
	// Profiles are those whose images are asked what they lack.
	Profiles []profile.Profile
	// State is the folder of the state, or of all states; empty leaves it out.
	State string
}

// Host returns the checks of this host.
func Host(o Options) []Check {
	checks := []Check{{"podman", o.engine}, {"lingering", lingering}, {"notifications", notifications}, {"clock", o.clock}}
	if o.State != "" {
		checks = append(checks, Check{"room", o.room})
	}
	return checks
}

// engine looks at Podman and at what it needs, by one connection.
func (o Options) engine(ctx context.Context) []sandbox.Finding {
	engine, err := podman.Connect(ctx, o.Podman)
	if err != nil {
		return []sandbox.Finding{podman.NotConnected(err)}
	}
	defer engine.Close()
	return append(engine.Check(ctx), images(ctx, engine, o.Profiles)...)
}

func (o Options) room(context.Context) []sandbox.Finding {
	return []sandbox.Finding{sandbox.CheckRoom("room", "the state folder", o.State, "free some room, for example with: ralph prune --older-than 30d")}
}
