package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/wrapix/wrapix/engine"
)

// idleSteps are activities that take no time: the agent claims, and every check passes.
type idleSteps struct{}

func (idleSteps) Run(_ context.Context, w engine.Workflow, a engine.Activity) (engine.Outcome, error) {
	o := engine.Outcome{
		Signal: engine.SignalComplete, Message: "The greeting is printed now.", Started: noon, Finished: noon.Add(time.Minute),
		CostUSD: 0.1, InputTokens: 1000, OutputTokens: 100,
		Transcript: engine.Transcript{Bytes: 4096, SHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
	}
	for _, c := range w.Task(a.ID.Task).Checks {
		o.Checks = append(o.Checks, engine.CheckResult{Command: c, Passed: true, Output: "ok"})
	}
	return o, nil
}

func (s idleSteps) Resume(ctx context.Context, w engine.Workflow, a engine.Activity) (engine.Outcome, error) {
	return s.Run(ctx, w, a)
}
func (idleSteps) Release(context.Context, engine.WorkflowID, engine.Activity) error { return nil }
func (idleSteps) Undo(context.Context, engine.Undoing) (engine.Undone, error) {
	return engine.Undone{}, nil
}
func (idleSteps) Sweep(context.Context, engine.WorkflowID, []engine.Activity) error { return nil }

type nobody struct{}

func (nobody) Notify(context.Context, engine.Notification) {}

// BenchmarkTransitions is a workflow's life with activities that take no time: each operation is one durable
// transition, the decision and its transaction. BenchmarkBoltPut is the measure.
func BenchmarkTransitions(b *testing.B) { transitions(b, 200) }

// BenchmarkTransitionsOf10000Tasks is the same where each transition meets a large workflow.
func BenchmarkTransitionsOf10000Tasks(b *testing.B) { transitions(b, 10_000) }

func transitions(b *testing.B, tasks int) {
	s, err := Open(filepath.Join(b.TempDir(), File), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	done := 0
	r := &engine.Runner{Store: s, Steps: idleSteps{}, Notifier: nobody{}, Clock: systemClock{}}
	w := begin(b, s, "w0", tasks)
	r.Observe = func(engine.Workflow, []engine.Event) { done++ }
	b.ResetTimer()
	for n := 1; done < b.N; {
		if w, _, err = r.Advance(ctx, w); err != nil {
			b.Fatal(err)
		}
		if w.State.Ended() {
			b.StopTimer()
			w = begin(b, s, engine.WorkflowID(fmt.Sprint("w", n)), tasks)
			n++
			b.StartTimer()
		}
	}
}

// BenchmarkBoltPut is one Put in a transaction of its own, with bbolt's own options and a value as long as an event.
func BenchmarkBoltPut(b *testing.B) {
	db, err := bolt.Open(filepath.Join(b.TempDir(), "put.db"), 0o600, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	name, value := []byte("events"), make([]byte, 400)
	if err := db.Update(func(tx *bolt.Tx) error { _, err := tx.CreateBucket(name); return err }); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for i := range b.N {
		err := db.Update(func(tx *bolt.Tx) error {
			return tx.Bucket(name).Put(binary.BigEndian.AppendUint64(nil, uint64(i)), value)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
