package store

import (
	"context"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/wrapix/wrapix/engine"
)

// Import writes a whole workflow that lived elsewhere, its events and the projection that they make, in one durable
// transaction: it is there whole or not at all. The error is [engine.ErrConflict] where the store has a workflow of that
// id. events yields the events from the first on; that they follow each other is held here, what they mean by the caller.
func (s *Store) Import(ctx context.Context, id engine.WorkflowID, events func(yield func(engine.Event) error) error) (w engine.Workflow, err error) {
	err = s.update(func(tx *bolt.Tx) error {
		n, err := s.claim(tx, engine.Workflow{}, engine.Workflow{ID: id})
		if err != nil {
			return err
		}
		out := writer{tx: tx}
		var batch []engine.Event
		apply := func() (err error) {
			w, err = engine.Evolve(w, batch...)
			batch = batch[:0]
			return err
		}
		err = events(func(e engine.Event) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			out.put(eventBucket, partKey(n, e.Seq), e)
			if batch = append(batch, e); len(batch) < eventBatch {
				return out.err
			}
			return apply()
		})
		if err == nil {
			err = apply()
		}
		if err != nil {
			return err
		}
		if w.ID != id || w.Seq == 0 {
			return fmt.Errorf("import workflow %s: its events are those of %q", id, w.ID)
		}
		for i, t := range w.Tasks {
			out.put(taskBucket, partKey(n, uint64(i)), t)
		}
		out.put(sourceBucket, partKey(n, sourceBrief), brief(w.Source))
		out.put(sourceBucket, partKey(n, sourceWhole), w.Source)
		out.put(headerBucket, numberKey(n), header{Tasks: len(w.Tasks), Workflow: w})
		return out.err
	})
	return w, err
}
