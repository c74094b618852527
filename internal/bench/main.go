// Bench measures what the project promises about speed. Each promise is a ratio to something that people know, so both
// sides run on this machine, in this run, in turns: a slow disk or a busy minute hits both.
//
//	bench [-rounds 7] [-run WORD] [-bin bin]
//
// It wants ralph and wrapix in bin, and runs in the root of the tree. It exits with 1 where a goal was missed or
// something could not be measured.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
)

func main() {
	rounds := flag.Int("rounds", 7, "how often both sides are measured")
	word := flag.String("run", "", "measure only what has this word in its name")
	bin := flag.String("bin", "bin", "where ralph and wrapix are")
	flag.Parse()
	debug.SetGCPercent(400) // as ralph does, of which parts run here
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	missed, err := run(ctx, *bin, *rounds, *word)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
	if err != nil || missed {
		os.Exit(1)
	}
}

// run prints a line for each pair as soon as it is measured.
func run(ctx context.Context, bin string, rounds int, word string) (missed bool, err error) {
	b, err := newBench(bin)
	if err != nil {
		return false, err
	}
	defer b.close()
	fmt.Printf("%-46s %12s %12s  %-22s %-8s\n", "what (median of "+fmt.Sprint(rounds)+" rounds)", "ours", "theirs", "ratio (min..max)", "goal")
	for _, p := range b.pairs() {
		if !strings.Contains(p.what, word) {
			continue
		}
		result, err := p.measure(ctx, rounds)
		switch {
		case ctx.Err() != nil:
			return missed, ctx.Err()
		case err != nil:
			missed = true
			fmt.Printf("%-46s not measured: %v\n", p.what, err)
		default:
			missed = missed || !result.ok
			fmt.Println(result)
		}
	}
	return missed, nil
}

// bench is a workplace for measurements: a folder on the disk where the states of projects lie.
type bench struct {
	root     string // the tree
	commands string // the folder of ours
	dir      string
	built    map[string]string // test programs by package
	stream   *http.Server      // nil until it is needed
}

func newBench(bin string) (*bench, error) {
	root, err := os.Getwd()
	if err == nil {
		bin, err = filepath.Abs(bin)
	}
	if err != nil {
		return nil, err
	}
	base := os.Getenv("XDG_STATE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, err
		}
		base = filepath.Join(home, ".local", "state")
	}
	if err := os.MkdirAll(base, 0o700); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(base, "ralph-bench-")
	if err != nil {
		return nil, err
	}
	return &bench{root: root, commands: bin, dir: dir, built: map[string]string{}}, nil
}

func (b *bench) close() {
	if b.stream != nil {
		_ = b.stream.Close()
	}
	_ = os.RemoveAll(b.dir)
}

// bin is the path of one of our commands.
func (b *bench) bin(name string) string { return filepath.Join(b.commands, name) }
