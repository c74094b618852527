package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	bolt "go.etcd.io/bbolt"

	"github.com/wrapix/wrapix/engine"
)

// Load returns a workflow's projection, or an error that is [engine.ErrNotFound].
func (s *Store) Load(ctx context.Context, id engine.WorkflowID) (w engine.Workflow, err error) {
	if err := ctx.Err(); err != nil {
		return w, err
	}
	err = s.view(func(tx *bolt.Tx) error {
		n, err := s.mustNumber(tx, id)
		if err != nil {
			return err
		}
		h, err := s.header(tx, n, id)
		if err != nil {
			return err
		}
		source, err := s.source(tx, n, sourceWhole)
		if err != nil {
			return err
		}
		tasks, err := s.tasks(tx, n, h.Tasks)
		w = engine.Restore(h.Workflow, source, tasks)
		return err
	})
	return w, err
}

func (s *Store) mustNumber(tx *bolt.Tx, id engine.WorkflowID) (uint64, error) {
	n, err := s.number(tx, id)
	if err == nil && n == 0 {
		err = fmt.Errorf("workflow %s: %w", id, engine.ErrNotFound)
	}
	return n, err
}

func (s *Store) header(tx *bolt.Tx, n uint64, id engine.WorkflowID) (h header, err error) {
	key := numberKey(n)
	if err := s.decode(headerBucket, key, tx.Bucket(headerBucket).Get(key), &h); err != nil {
		return h, err
	}
	if h.Workflow.ID != id {
		return h, s.damaged("the record of workflow %s is that of %s", id, h.Workflow.ID)
	}
	return h, nil
}

func (s *Store) source(tx *bolt.Tx, n, part uint64) (*engine.Source, error) {
	source, key := new(engine.Source), partKey(n, part)
	return source, s.decode(sourceBucket, key, tx.Bucket(sourceBucket).Get(key), source)
}

// taskRecords returns the JSON of a workflow's tasks, in the memory of the transaction.
func (s *Store) taskRecords(tx *bolt.Tx, n uint64, count int) ([][]byte, error) {
	records := make([][]byte, 0, count)
	prefix := numberKey(n)
	c := tx.Bucket(taskBucket).Cursor()
	for key, sealed := c.Seek(prefix); bytes.HasPrefix(key, prefix); key, sealed = c.Next() {
		value, err := s.unseal(taskBucket, key, sealed)
		if err != nil {
			return nil, err
		}
		records = append(records, value)
	}
	if len(records) != count {
		return nil, s.damaged("workflow %d has %d tasks instead of %d", n, len(records), count)
	}
	return records, nil
}

// tasks reads all tasks of a workflow. There may be thousands, and no command should take longer than a person notices:
// they share one text and one list, and are decoded by decodeTask.
func (s *Store) tasks(tx *bolt.Tx, n uint64, count int) ([]*engine.Task, error) {
	records, err := s.taskRecords(tx, n, count)
	if err != nil || len(records) == 0 {
		return nil, err
	}
	var b strings.Builder
	size := 0
	for _, r := range records {
		size += len(r)
	}
	b.Grow(size)
	for _, r := range records {
		b.Write(r)
	}
	text, list, tasks := b.String(), make([]engine.Task, count), make([]*engine.Task, count)
	for i, r := range records {
		tasks[i] = &list[i]
		if err := decodeTask(text[:len(r)], tasks[i]); err != nil {
			return nil, fmt.Errorf("read task %d of workflow %d in %s: %w", i, n, s.path, err)
		}
		text = text[len(r):]
	}
	return tasks, nil
}

// List returns the workflows in order of creation, without their tasks and sources.
func (s *Store) List(ctx context.Context) (list []engine.Workflow, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = s.view(func(tx *bolt.Tx) error {
		from := tx.Bucket(headerBucket)
		c := from.Cursor()
		for key, value := c.First(); key != nil; key, value = c.Next() {
			var h header
			if err := s.decode(headerBucket, key, value, &h); err != nil {
				return err
			}
			list = append(list, h.Workflow)
		}
		if uint64(len(list)) != from.Sequence() {
			return s.damaged("it has %d workflows instead of %d", len(list), from.Sequence())
		}
		return nil
	})
	return list, err
}

// eventBatch is how many events are read in one transaction.
const eventBatch = 512

// Events calls yield for each event after the given sequence number, in order, until it returns an error. Events that
// are appended meanwhile are among them. No transaction is open while yield runs, so it may use the store.
func (s *Store) Events(ctx context.Context, id engine.WorkflowID, after uint64, yield func(engine.Event) error) error {
	if err := s.checkAll(); err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		events, err := s.batch(id, after)
		if err != nil || len(events) == 0 {
			return err
		}
		for _, e := range events {
			if err := yield(e); err != nil {
				return err
			}
		}
		after = events[len(events)-1].Seq
	}
}

func (s *Store) batch(id engine.WorkflowID, after uint64) (events []engine.Event, err error) {
	err = s.view(func(tx *bolt.Tx) error {
		n, err := s.mustNumber(tx, id)
		if err != nil {
			return err
		}
		prefix := numberKey(n)
		c := tx.Bucket(eventBucket).Cursor()
		for key, value := c.Seek(partKey(n, after+1)); bytes.HasPrefix(key, prefix) && len(events) < eventBatch; key, value = c.Next() {
			after++
			var e engine.Event
			if err := s.decode(eventBucket, key, value, &e); err != nil {
				return err
			}
			if e.Seq != after || binary.BigEndian.Uint64(key[8:]) != after {
				return s.damaged("event %d of workflow %s is missing", after, id)
			}
			events = append(events, e)
		}
		if len(events) < eventBatch {
			return s.endsAt(tx, n, id, after)
		}
		return nil
	})
	return events, err
}

// endsAt holds the last event found against the projection, so that a log that lost its end is noticed.
func (s *Store) endsAt(tx *bolt.Tx, n uint64, id engine.WorkflowID, last uint64) error {
	h, err := s.header(tx, n, id)
	if err == nil && last < h.Workflow.Seq {
		err = s.damaged("event %d of workflow %s is missing", last+1, id)
	}
	return err
}
