// Testlines reads what `go test -json` prints and shows what a person wants to read of it: a line for each package as
// it ends, the output of what failed, then every test that was skipped with its reason, and the totals. It exits with
// 1 if something failed or nothing ran.
//
//	go test -json ./... | testlines
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	if !report(os.Stdin, os.Stdout) {
		os.Exit(1)
	}
}

// event is a line of `go test -json`; `go doc test2json` says what they mean.
type event struct {
	Action, Package, Test, Output, ImportPath, FailedBuild string
	Elapsed                                                float64
}

// report returns whether all tests passed and there were any.
func report(in io.Reader, out io.Writer) bool {
	r := reporter{out: out, output: map[string][]string{}}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(out, lines.Text()) // of go itself, before or between the packages
			continue
		}
		r.take(e)
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(out, "testlines:", err)
		r.failed++
	}
	return r.close()
}

type reporter struct {
	out                     io.Writer
	output                  map[string][]string // by package and test, until its end
	passed, failed, skipped int
	skips                   []string
	broken                  []string // packages and tests
}

func (r *reporter) take(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		r.output[key] = append(r.output[key], e.Output)
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "pass", "fail", "skip":
		output := r.output[key]
		delete(r.output, key)
		if e.Test == "" {
			r.endPackage(e, output)
		} else {
			r.endTest(e, output)
		}
	}
}

func (r *reporter) endTest(e event, output []string) {
	switch e.Action {
	case "pass":
		r.passed++
	case "skip":
		r.skipped++
		r.skips = append(r.skips, fmt.Sprintf("%s %s: %s", e.Package, e.Test, reason(output)))
	case "fail":
		r.failed++
		r.broken = append(r.broken, e.Package+" "+e.Test)
		fmt.Fprint(r.out, strings.Join(output, ""))
	}
}

func (r *reporter) endPackage(e event, output []string) {
	switch {
	case e.Action == "fail":
		r.broken = append(r.broken, e.Package)
		if e.FailedBuild != "" {
			r.failed++
		}
		// Tests that were under way when the process ended, by a panic or a timeout, have no end of their own.
		for key, lines := range r.output {
			if strings.HasPrefix(key, e.Package+" ") {
				r.failed++
				fmt.Fprint(r.out, strings.Join(lines, ""))
				delete(r.output, key)
			}
		}
		fmt.Fprint(r.out, strings.Join(output, ""))
	default:
		for _, line := range output {
			if strings.HasPrefix(line, "ok ") || strings.HasPrefix(line, "? ") {
				fmt.Fprint(r.out, line)
			}
		}
	}
}

// reason finds what t.Skip was told among the lines of a test.
func reason(output []string) string {
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "---") {
			return line
		}
	}
	return "no reason given"
}

func (r *reporter) close() bool {
	if len(r.skips) > 0 {
		fmt.Fprintf(r.out, "\n%d TESTS WERE SKIPPED: what they test is not proven here\n", len(r.skips))
		for _, s := range r.skips {
			fmt.Fprintln(r.out, "  "+s)
		}
	}
	if len(r.broken) > 0 {
		fmt.Fprintln(r.out, "\nfailed:")
		for _, b := range r.broken {
			fmt.Fprintln(r.out, "  "+b)
		}
		r.failed = max(r.failed, 1)
	}
	fmt.Fprintf(r.out, "\n%d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
	return r.failed == 0 && r.passed > 0
}
