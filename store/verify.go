package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/wrapix/wrapix/engine"
)

// Problem is something that Verify found. Workflow is empty where it is about the whole file.
type Problem struct {
	Workflow engine.WorkflowID
	Text     string
}

// Verify checks the whole file: its structure, bbolt's own rules, every record's checksum, and for each workflow that
// replaying its events gives the stored projection. The error says only that the check could not be made.
func (s *Store) Verify(ctx context.Context) ([]Problem, error) {
	// What the first check finds, bbolt would not survive.
	if err := checkFile(s.path, s.file, nil); err != nil {
		return []Problem{{Text: err.Error()}}, nil
	}
	var problems []Problem
	err := s.view(func(tx *bolt.Tx) error {
		for err := range tx.Check() {
			problems = append(problems, Problem{Text: err.Error()})
		}
		return nil
	})
	if err != nil {
		return append(problems, Problem{Text: err.Error()}), nil
	}
	list, err := s.List(ctx)
	if err != nil {
		return append(problems, Problem{Text: err.Error()}), ctx.Err()
	}
	for _, w := range list {
		if err := s.verify(ctx, w.ID); ctx.Err() != nil {
			return problems, ctx.Err()
		} else if err != nil {
			problems = append(problems, Problem{Workflow: w.ID, Text: err.Error()})
		}
	}
	return problems, nil
}

func (s *Store) verify(ctx context.Context, id engine.WorkflowID) error {
	stored, err := s.Load(ctx, id)
	if err != nil {
		return err
	}
	var replayed engine.Workflow
	var batch []engine.Event
	apply := func() (err error) {
		replayed, err = engine.Evolve(replayed, batch...)
		batch = batch[:0]
		return err
	}
	err = s.Events(ctx, id, 0, func(e engine.Event) error {
		if batch = append(batch, e); len(batch) < eventBatch {
			return nil
		}
		return apply()
	})
	if err == nil {
		err = apply()
	}
	if err != nil {
		return err
	}
	if err := compare(stored, replayed); err != nil {
		return err
	}
	shown, err := s.Overview(ctx, id)
	if err == nil && !sameJSON(shown.Source, brief(replayed.Source)) {
		err = fmt.Errorf("what is shown of its spec is not what its events say")
	}
	return err
}

// compare says where a stored projection is not what its events say.
func compare(stored, replayed engine.Workflow) error {
	if len(stored.Tasks) != len(replayed.Tasks) {
		return fmt.Errorf("it has %d tasks, and its events say %d", len(stored.Tasks), len(replayed.Tasks))
	}
	if !sameJSON(stored, replayed) {
		return fmt.Errorf("it is not what its %d events say", replayed.Seq)
	}
	if !sameJSON(stored.Source, replayed.Source) {
		return fmt.Errorf("its spec is not what its events say")
	}
	for i, t := range stored.Tasks {
		if !sameJSON(t, replayed.Tasks[i]) {
			return fmt.Errorf("its task %s is not what its events say", t.ID)
		}
	}
	return nil
}

func sameJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
