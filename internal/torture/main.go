// Torture proves what a workflow survives. Each round runs one of 30 tasks in real sandboxes under a plan of faults that
// chance makes: the loop is killed, at any moment and between any two effects, sandboxes and Podman's service are
// killed, the disk is full. Then the loop is left alone until the workflow is done, and all that is left is held against
// the promises and against a witness from outside, a file that the agents append to in the workspace.
//
//	torture -rounds 200 [-seed N] [-jobs 2] [-small DIRS]
//	torture -seed N -round 17      the plan of one round again
//
// The seed makes the plans; when exactly a fault meets the workflow is up to the machine. It wants a ralph that is built
// with the tag "failpoints", and exits with 1 where a promise was broken. Such a round's folder is kept.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

func main() {
	t := torture{counts: map[kind]int{}}
	var one int
	var small string
	flag.IntVar(&t.rounds, "rounds", 10, "how many workflows")
	flag.IntVar(&t.jobs, "jobs", 2, "how many at the same time")
	flag.Uint64Var(&t.seed, "seed", uint64(time.Now().UnixNano()), "of the plans")
	flag.IntVar(&one, "round", 0, "only the round of this `NUMBER`")
	flag.StringVar(&small, "small", os.Getenv("WRAPIX_SMALL_DISKS"), "`FOLDERS` on small file systems, to fill them; a list like PATH")
	flag.StringVar(&t.ralph, "ralph", filepath.Join("bin", "failpoints", "ralph"), "the `PROGRAM`, with failpoints")
	flag.BoolVar(&t.verbose, "v", false, "tell each fault as it happens")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := t.run(ctx, one, filepath.SplitList(small)); err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(1)
	}
}

// torture is one run of the program.
type torture struct {
	rounds, jobs int
	seed         uint64
	ralph        string
	verbose      bool
	disks        chan string // small file systems that no round uses; nil where there is none

	mu     sync.Mutex
	counts map[kind]int // faults that met something
	total  account
	failed []int
}

func (t *torture) run(ctx context.Context, one int, small []string) (err error) {
	if t.ralph, err = filepath.Abs(t.ralph); err == nil {
		_, err = os.Stat(t.ralph)
	}
	if err != nil {
		return fmt.Errorf("find ralph: %w", err)
	}
	if err := t.prepareDisks(small); err != nil {
		fmt.Printf("torture: NO SMALL DISK, so no disk gets full: %v\n", err)
	}
	numbers := make(chan int)
	go func() {
		defer close(numbers)
		for n := 1; n <= t.rounds; n++ {
			if one > 0 {
				n = one
			}
			select {
			case numbers <- n:
			case <-ctx.Done():
				return
			}
			if one > 0 {
				return
			}
		}
	}()
	fmt.Printf("torture: %d rounds, seed %d\n", t.rounds, t.seed)
	var workers sync.WaitGroup
	for range t.jobs {
		workers.Go(func() {
			for n := range numbers {
				t.round(ctx, newPlan(t.seed, n, t.disks != nil))
			}
		})
	}
	workers.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	t.summary()
	if len(t.failed) > 0 {
		return fmt.Errorf("promises were broken in the rounds %v; again: torture -v -seed %d -round %d", t.failed, t.seed, t.failed[0])
	}
	return nil
}

// round runs one round and adds up what it came to.
func (t *torture) round(ctx context.Context, p plan) {
	began := time.Now()
	r := &round{torture: t, plan: p, met: map[kind]int{}}
	problems := r.run(ctx)
	if ctx.Err() != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for kind, n := range r.met {
		t.counts[kind] += n
	}
	t.total.add(r.account)
	fmt.Printf("torture: round %d: %s, %d loops, %.1f s, %d problems\n", p.Round, r.account, r.loops, time.Since(began).Seconds(), len(problems))
	if len(problems) > 0 {
		t.failed = append(t.failed, p.Round)
		fmt.Printf("  plan: %s\n  kept: %s\n", p, r.dir)
		for _, problem := range problems {
			fmt.Println("  " + problem)
		}
	}
}

func (t *torture) summary() {
	fmt.Println("torture: faults that met the work:")
	for _, kind := range kinds {
		fmt.Printf("  %5d  %s\n", t.counts[kind], kind)
	}
	fmt.Printf("torture: %s\n", t.total)
	fmt.Printf("torture: %d finished attempts lost, %d run twice, %d rounds failed\n", t.total.lost, t.total.twice, len(t.failed))
}
