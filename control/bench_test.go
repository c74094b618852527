package control

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"

	"github.com/wrapix/wrapix/engine"
)

// BenchmarkTransitionsAlone is the engine at full speed on a real store, with the socket open and nobody there. Each
// operation is one event. It is the measure of BenchmarkTransitionsFollowed.
func BenchmarkTransitionsAlone(b *testing.B) { transitions(b, 0) }

// BenchmarkTransitionsFollowed is the same while twenty readers in another process follow all of it.
func BenchmarkTransitionsFollowed(b *testing.B) { transitions(b, 20) }

func transitions(b *testing.B, readers int) {
	p := newProject(b)
	w := p.start(b, "w", 30)
	s := p.serve(b, func(o *Options) { o.Gather = 0 }) // the default
	wait := startReaders(b, p.folder, readers)
	first := w.Seq
	b.ResetTimer()
	for n := 0; w.Seq-first < uint64(b.N); n++ {
		task := engine.TaskID("T" + strconv.Itoa(1+n%30))
		w = p.next(b, w, engine.Intend{Task: task})
		w = p.next(b, w, engine.Finish{ID: w.Task(task).Open.ID, Outcome: engine.Outcome{Failed: "exit code 1"}})
	}
	b.StopTimer()
	p.next(b, w, engine.Cancel{})
	wait()
	if err := s.Close(); err != nil {
		b.Error(err)
	}
}

func (p *project) next(b *testing.B, w engine.Workflow, c engine.Command) engine.Workflow {
	w, err := p.decide(context.Background(), w, c)
	if err != nil {
		b.Fatal(err)
	}
	return w
}

// startReaders follows the workflow "w" from another process; all readers have begun when it returns. wait returns when
// they have seen its end.
func startReaders(b *testing.B, folder string, readers int) (wait func()) {
	b.Helper()
	if readers == 0 {
		return func() {}
	}
	cmd := exec.Command(os.Args[0], "-test.run=none")
	cmd.Env = append(os.Environ(), "CONTROL_TEST_READERS="+strconv.Itoa(readers), "CONTROL_TEST_FOLDER="+folder)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for range readers {
		if !lines.Scan() {
			b.Fatal("a reader did not begin")
		}
	}
	return func() {
		if err := cmd.Wait(); err != nil {
			b.Errorf("the readers: %v", err)
		}
	}
}

// readers is what the other process does.
func readers(folder string, count int) {
	var all sync.WaitGroup
	for range count {
		all.Go(func() {
			c, err := Dial(context.Background(), ClientOptions{Folder: folder})
			if err != nil {
				panic(err)
			}
			defer c.Close()
			var last uint64
			err = c.Follow(context.Background(), "w", FollowOptions{}, func(u Update) error {
				if last == 0 {
					fmt.Println("begun")
				}
				if u.Event.Seq != last+1 {
					panic(fmt.Sprintf("event %d after event %d", u.Event.Seq, last))
				}
				last = u.Event.Seq
				return nil
			})
			if err != nil {
				panic(err)
			}
		})
	}
	all.Wait()
}
