package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// pair is something of ours and what it is measured against.
type pair struct {
	what         string
	ours, theirs measure
	// rate says that the ratio is one of speeds, and the goal its lower bound. Else it is one of times, and the goal
	// its upper bound.
	rate bool
	goal float64
}

// measure does something and says how long once took.
type measure func(ctx context.Context) (time.Duration, error)

// result is what the rounds of a pair came to.
type result struct {
	pair
	oursTook, theirsTook time.Duration
	ratio, least, most   float64
	ok                   bool
}

// measure lets both sides run once unmeasured, then takes turns, and changes who begins.
func (p pair) measure(ctx context.Context, rounds int) (r result, err error) {
	var ours, theirs []time.Duration
	var ratios []float64
	for i := range rounds + 1 {
		var a, b time.Duration
		sides := []func() error{
			func() (err error) { a, err = p.ours(ctx); return err },
			func() (err error) { b, err = p.theirs(ctx); return err },
		}
		if i%2 == 0 {
			slices.Reverse(sides)
		}
		for _, side := range sides {
			if err := side(); err != nil {
				return r, err
			}
		}
		if i == 0 {
			continue
		}
		ratio := float64(a) / float64(b)
		if p.rate {
			ratio = 1 / ratio
		}
		ours, theirs, ratios = append(ours, a), append(theirs, b), append(ratios, ratio)
	}
	slices.Sort(ratios)
	r = result{pair: p, oursTook: median(ours), theirsTook: median(theirs), ratio: median(ratios), least: ratios[0], most: ratios[rounds-1]}
	r.ok = r.ratio <= p.goal
	if p.rate {
		r.ok = r.ratio >= p.goal
	}
	return r, nil
}

func median[T time.Duration | float64](list []T) T {
	list = slices.Sorted(slices.Values(list))
	return (list[(len(list)-1)/2] + list[len(list)/2]) / 2
}

// String is the line of the table.
func (r result) String() string {
	bound, verdict := "<=", "ok"
	side := func(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/1e6) }
	if r.rate {
		bound = ">="
		side = func(d time.Duration) string { return fmt.Sprintf("%.0f /s", float64(time.Second)/float64(d)) }
	}
	if !r.ok {
		verdict = "MISSED"
	}
	ratio := fmt.Sprintf("%.2fx (%.2f..%.2f)", r.ratio, r.least, r.most)
	return fmt.Sprintf("%-44s %12s %12s  %-22s %s %gx %s", r.what, side(r.oursTook), side(r.theirsTook), ratio, bound, r.goal, verdict)
}

// command measures a whole process, the given number of times.
func command(times int, dir string, args ...string) measure {
	return func(ctx context.Context) (time.Duration, error) {
		began := time.Now()
		for range times {
			cmd := exec.CommandContext(ctx, args[0], args[1:]...)
			var stderr bytes.Buffer
			cmd.Dir, cmd.Stderr = dir, &stderr // and what it prints goes nowhere
			if err := cmd.Run(); err != nil {
				return 0, fmt.Errorf("%s: %w\n%s", filepath.Base(args[0]), err, stderr.Bytes())
			}
		}
		return time.Since(began) / time.Duration(times), nil
	}
}

var benchLine = regexp.MustCompile(`(?m)^Benchmark\S+\s+\d+\s+([0-9.]+) ns/op`)

// benchmark measures a Go benchmark of a package. The packages' own tests are where both sides of a library's promise
// stand beside each other.
func (b *bench) benchmark(pkg, name, times string) measure {
	return func(ctx context.Context) (time.Duration, error) {
		program, err := b.program(ctx, pkg)
		if err != nil {
			return 0, err
		}
		cmd := exec.CommandContext(ctx, program, "-test.run=^$", "-test.bench=^Benchmark"+name+"$", "-test.benchtime="+times)
		cmd.Dir = filepath.Join(b.root, pkg)
		cmd.Env = append(os.Environ(), "TMPDIR="+b.dir)
		out, err := cmd.CombinedOutput()
		match := benchLine.FindSubmatch(out)
		if err != nil || match == nil {
			return 0, fmt.Errorf("benchmark %s of %s: %v\n%s", name, pkg, err, out)
		}
		ns, err := strconv.ParseFloat(string(match[1]), 64)
		return time.Duration(ns), err
	}
}

// program compiles a package's tests once.
func (b *bench) program(ctx context.Context, pkg string) (string, error) {
	if name := b.built[pkg]; name != "" {
		return name, nil
	}
	name := filepath.Join(b.dir, filepath.Base(pkg)+".test")
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-o", name, "./"+pkg)
	cmd.Dir = b.root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile the tests of %s: %w\n%s", pkg, err, out)
	}
	b.built[pkg] = name
	return name, nil
}
