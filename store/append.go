package store

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/wrapix/wrapix/engine"
)

// Append writes the events and the projection after them in one durable transaction, as [engine.Store] says. Of the
// projection it writes only what is another pointer in next than in prev.
func (s *Store) Append(ctx context.Context, prev, next engine.Workflow, events []engine.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := follow(prev, next, events); err != nil {
		return err
	}
	return s.update(func(tx *bolt.Tx) error {
		n, err := s.claim(tx, prev, next)
		if err != nil {
			return err
		}
		w := writer{tx: tx}
		for _, e := range events {
			w.put(eventBucket, partKey(n, e.Seq), e)
		}
		for i, t := range next.Tasks {
			if i >= len(prev.Tasks) || prev.Tasks[i] != t {
				w.put(taskBucket, partKey(n, uint64(i)), t)
			}
		}
		if next.Source != prev.Source || prev.Seq == 0 {
			w.put(sourceBucket, partKey(n, sourceBrief), brief(next.Source))
			w.put(sourceBucket, partKey(n, sourceWhole), next.Source)
		}
		w.put(headerBucket, numberKey(n), header{Tasks: len(next.Tasks), Workflow: next})
		return w.err
	})
}

// follow refuses what would make a log that cannot be replayed.
func follow(prev, next engine.Workflow, events []engine.Event) error {
	seq := prev.Seq
	for _, e := range events {
		if seq++; e.Seq != seq {
			return fmt.Errorf("append event %d after event %d of workflow %s: out of sequence", e.Seq, seq-1, next.ID)
		}
	}
	switch {
	case len(events) == 0 || next.Seq != seq:
		return fmt.Errorf("append to workflow %s: %d events do not lead from %d to %d", next.ID, len(events), prev.Seq, next.Seq)
	case next.ID == "" || prev.Seq > 0 && prev.ID != next.ID:
		return fmt.Errorf("append to workflow %q: it was %q", next.ID, prev.ID)
	case len(next.Tasks) < len(prev.Tasks):
		return fmt.Errorf("append to workflow %s: tasks were taken away", next.ID)
	}
	return nil
}

// claim returns the workflow's number, a new one for a new workflow, if the store holds the workflow as prev has it.
func (s *Store) claim(tx *bolt.Tx, prev, next engine.Workflow) (uint64, error) {
	n, err := s.number(tx, next.ID)
	if err != nil {
		return 0, err
	}
	var have uint64
	if n > 0 {
		key := numberKey(n)
		value, err := s.unseal(headerBucket, key, tx.Bucket(headerBucket).Get(key))
		if err != nil {
			return 0, err
		}
		if have, err = headerSeq(value); err != nil {
			return 0, err
		}
	}
	if have != prev.Seq {
		return 0, fmt.Errorf("workflow %s is at event %d, not %d: %w", next.ID, have, prev.Seq, engine.ErrConflict)
	}
	if n > 0 {
		return n, nil
	}
	if n, err = tx.Bucket(headerBucket).NextSequence(); err != nil {
		return 0, err
	}
	id := []byte(next.ID)
	return n, tx.Bucket(idBucket).Put(id, seal(id, numberKey(n)))
}

// number returns the workflow's number, or 0 when there is no such workflow.
func (s *Store) number(tx *bolt.Tx, id engine.WorkflowID) (uint64, error) {
	sealed := tx.Bucket(idBucket).Get([]byte(id))
	if sealed == nil {
		return 0, nil
	}
	value, err := s.unseal(idBucket, []byte(id), sealed)
	if err != nil {
		return 0, err
	}
	if len(value) != 8 {
		return 0, s.damaged("workflow %s has the number %x", id, value)
	}
	return binary.BigEndian.Uint64(value), nil
}

// brief is a source without what makes it large.
func brief(s *engine.Source) *engine.Source {
	b := *s
	b.Text, b.Tasks = "", nil
	return &b
}

// writer puts records until the first error.
type writer struct {
	tx  *bolt.Tx
	err error
}

func (w *writer) put(bucket, key []byte, value any) {
	if w.err != nil {
		return
	}
	var b []byte
	if m, ok := value.(json.Marshaler); ok { // json.Marshal would go through its result once more
		b, w.err = m.MarshalJSON()
	} else {
		b, w.err = json.Marshal(value)
	}
	if w.err == nil {
		to := w.tx.Bucket(bucket)
		to.FillPercent = 0.9 // records are mostly added at the end
		w.err = to.Put(key, seal(key, b))
	}
}
