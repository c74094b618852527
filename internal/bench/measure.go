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
	unit         unit
	goal         float64 // the bound of the ratio
	most         int     // rounds, where one takes long; 0 is any number
}

// unit is what a pair measures. It decides in which direction the ratio is good.
type unit int

const (
	times unit = iota // the goal is an upper bound
	rates             // of the same times; the ratio is that of the speeds, and the goal its lower bound
	sizes             // the goal is an upper bound
)

// measure does something and says how much once came to: nanoseconds or bytes.
type measure func(ctx context.Context) (float64, error)

// result is what the rounds of a pair came to.
type result struct {
	pair
	oursTook, theirsTook float64
	ratio, least, most   float64
	ok                   bool
}

// measure lets both sides run once unmeasured, then takes turns, and changes who begins.
func (p pair) measure(ctx context.Context, rounds int) (r result, err error) {
	if p.most > 0 {
		rounds = min(rounds, p.most)
	}
	var ours, theirs, ratios []float64
	for i := range rounds + 1 {
		var a, b float64
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
		ratio := a / b
		if p.unit == rates {
			ratio = 1 / ratio
		}
		ours, theirs, ratios = append(ours, a), append(theirs, b), append(ratios, ratio)
	}
	slices.Sort(ratios)
	r = result{pair: p, oursTook: median(ours), theirsTook: median(theirs), ratio: median(ratios), least: ratios[0], most: ratios[rounds-1]}
	r.ok = r.ratio <= p.goal
	if p.unit == rates {
		r.ok = r.ratio >= p.goal
	}
	return r, nil
}

func median(list []float64) float64 {
	list = slices.Sorted(slices.Values(list))
	return (list[(len(list)-1)/2] + list[len(list)/2]) / 2
}

// String is the line of the table.
func (r result) String() string {
	bound, verdict := "<=", "ok"
	side := func(ns float64) string { return fmt.Sprintf("%.2f ms", ns/1e6) }
	switch r.unit {
	case rates:
		bound = ">="
		side = func(ns float64) string { return fmt.Sprintf("%.0f /s", 1e9/ns) }
	case sizes:
		side = func(bytes float64) string { return fmt.Sprintf("%.1f MB", bytes/1e6) }
	}
	if !r.ok {
		verdict = "MISSED"
	}
	ratio := fmt.Sprintf("%.2fx (%.2f..%.2f)", r.ratio, r.least, r.most)
	return fmt.Sprintf("%-46s %12s %12s  %-22s %s %gx %s", r.what, side(r.oursTook), side(r.theirsTook), ratio, bound, r.goal, verdict)
}

// command measures a whole process, the given number of times.
func command(times int, dir string, args ...string) measure {
	return func(ctx context.Context) (float64, error) {
		began := time.Now()
		for range times {
			cmd := exec.CommandContext(ctx, args[0], args[1:]...)
			var stderr bytes.Buffer
			cmd.Dir, cmd.Stderr = dir, &stderr // and what it prints goes nowhere
			if err := cmd.Run(); err != nil {
				return 0, fmt.Errorf("%s: %w\n%s", filepath.Base(args[0]), err, stderr.Bytes())
			}
		}
		return float64(time.Since(began)) / float64(times), nil
	}
}

// benchmark measures a Go benchmark of a package. The packages' own tests are where both sides of a library's promise
// stand beside each other.
func (b *bench) benchmark(pkg, name, times string) measure {
	return func(ctx context.Context) (float64, error) {
		out, err := b.runBenchmark(ctx, pkg, name, times, b.dir)
		if err != nil {
			return 0, err
		}
		return reported(out, "ns/op")
	}
}

// runBenchmark runs a Go benchmark with its files below a folder, and returns what it printed.
func (b *bench) runBenchmark(ctx context.Context, pkg, name, times, temp string) ([]byte, error) {
	program, err := b.program(ctx, pkg)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, "-test.run=^$", "-test.bench=^Benchmark"+name+"$", "-test.benchtime="+times)
	cmd.Dir = filepath.Join(b.root, pkg)
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("benchmark %s of %s: %w\n%s", name, pkg, err, out)
	}
	return out, err
}

// reported is what a benchmark reports in a unit.
func reported(out []byte, unit string) (float64, error) {
	match := regexp.MustCompile(`(?m)^Benchmark.*\s([0-9.e+]+) ` + regexp.QuoteMeta(unit) + `(?:\s|$)`).FindSubmatch(out)
	if match == nil {
		return 0, fmt.Errorf("a benchmark does not report %s:\n%s", unit, out)
	}
	return strconv.ParseFloat(string(match[1]), 64)
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
