// Killloop proves that `ralph loop` can be killed at any instant: it runs the demo with a loop that is killed again and
// again (SIGKILL, at random moments), lets the last one end, and then holds history, containers and what the agent
// itself noted against the promises. The seed is printed; the same seed kills after the same times.
//
//	killloop -kills 50
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	kills := flag.Int("kills", 5, "how often to kill")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "for the moments")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *kills, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "killloop:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, kills int, seed uint64) (err error) {
	fmt.Printf("killloop: %d kills, seed %d\n", kills, seed)
	dir, err := os.MkdirTemp("", "ralph-kill-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			fmt.Println("killloop: kept", dir)
			return
		}
		os.RemoveAll(dir)
	}()
	d, err := newDemo(ctx, dir)
	if err != nil {
		return err
	}
	if err := d.killed(ctx, kills, rand.New(rand.NewPCG(seed, 0))); err != nil {
		return err
	}
	return d.verify(ctx)
}

// The exit codes of `ralph loop` that matter here.
const (
	exitDone  = 0
	exitStuck = 101
)

// longestLife bounds how long a loop lives that is to be killed. With few kills each has to come far, with many most
// should fall where something happens, which is soon after the start: a task takes half a second, then agents wait.
func longestLife(kills int) time.Duration {
	return 250*time.Millisecond + 6*time.Second/time.Duration(max(1, kills))
}

// killed runs loops until the workflow is done and the kills are spent.
func (d *demo) killed(ctx context.Context, kills int, random *rand.Rand) error {
	life := longestLife(kills)
	for done := 0; ; {
		// Agents are let go one by one, so that the kills meet all parts of the work. The last one goes before the last
		// kills, which can then also meet the end.
		if err := d.release(1 + done*(agentRuns-1)/max(1, kills-2)); err != nil {
			return err
		}
		patience := time.Duration(-1)
		if done < kills {
			patience = time.Duration(random.Int64N(int64(life)))
		}
		code, err := d.loop(ctx, patience)
		switch {
		case errors.Is(err, errKilled):
			done++
			fmt.Printf("killloop: kill %d after %s\n", done, patience.Round(time.Millisecond))
		case err != nil:
			return err
		case code == exitStuck:
			fmt.Println("killloop: answering the question")
			if _, err := d.ralph(ctx, "answer", "World"); err != nil {
				return err
			}
		case code != exitDone:
			return fmt.Errorf("ralph loop ended with exit code %d", code)
		case done < kills:
			life = 50 * time.Millisecond // done: now it has to be met while it finds that out
		default:
			return nil
		}
	}
}

var errKilled = errors.New("killed")

// loop runs `ralph loop` and kills it when patience is over; negative patience is endless.
func (d *demo) loop(ctx context.Context, patience time.Duration) (code int, err error) {
	cmd := d.command(ctx, "loop")
	log, err := os.OpenFile(filepath.Join(d.dir, "loop.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	if patience >= 0 {
		timer := time.AfterFunc(patience, func() { cmd.Process.Kill() })
		defer timer.Stop()
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
			return 0, errKilled
		}
		return exit.ExitCode(), nil
	}
	return 0, err
}
