package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unsafe"

	bolt "go.etcd.io/bbolt"

	"github.com/wrapix/wrapix/engine"
)

// Overview returns a workflow for those who only show where it stands, much faster than Load where there are thousands
// of tasks: without the text and the tasks of its Source, and of each task without its description, what it covers, its
// last failure, answers and note. Nothing may be decided or appended from it.
func (s *Store) Overview(ctx context.Context, id engine.WorkflowID) (w engine.Workflow, err error) {
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
		source, err := s.source(tx, n, sourceBrief)
		if err != nil {
			return err
		}
		tasks, err := s.overTasks(tx, n, h.Tasks)
		if err != nil {
			return err
		}
		w = engine.Restore(h.Workflow, source, tasks)
		return nil
	})
	return w, err
}

// overTasks reads the tasks in two halves at once.
func (s *Store) overTasks(tx *bolt.Tx, n uint64, count int) ([]*engine.Task, error) {
	list, tasks := make([]engine.Task, count), make([]*engine.Task, count)
	half := func(c *bolt.Cursor, from, to int) error {
		return s.guard(func() error {
			var last engine.Task // neighbours have much in common
			key, sealed := c.Seek(partKey(n, uint64(from)))
			for i := from; i < to; i++ {
				if !bytes.Equal(key, partKey(n, uint64(i))) {
					return s.damaged("workflow %d has no task %d of %d", n, i, count)
				}
				r, err := s.unseal(taskBucket, key, sealed)
				if err != nil {
					return err
				}
				// The text is the database's own memory, and what is kept of it is copied.
				tasks[i] = &list[i]
				if err := overTask(unsafe.String(unsafe.SliceData(r), len(r)), tasks[i], &last); err != nil {
					return fmt.Errorf("read task %d of workflow %d in %s: %w", i, n, s.path, err)
				}
				last = list[i]
				key, sealed = c.Next()
			}
			return nil
		})
	}
	// Two cursors of one reading transaction share nothing that they change.
	from := tx.Bucket(taskBucket)
	first, other := from.Cursor(), from.Cursor()
	second := make(chan error, 1)
	go func() { second <- half(other, count/2, count) }()
	err := half(first, 0, count/2)
	return tasks, errors.Join(err, <-second)
}

// overTask reads what an overview needs of a task's JSON. What comes behind that is not even looked at. Of the last
// task it takes the texts that are the same.
func overTask(text string, t, last *engine.Task) error {
	r := reader{text: text}
	for r.members() {
		switch r.key() {
		case "id":
			t.ID = engine.TaskID(strings.Clone(r.string()))
		case "title":
			t.Title = strings.Clone(r.string())
		case "profile":
			t.Profile = kept(r.string(), last.Profile)
		case "after":
			t.After = keptList(list[engine.TaskID](&r), last.After)
		case "checks":
			t.Checks = keptList(list[string](&r), last.Checks)
		case "state":
			t.State = kept(engine.TaskState(r.string()), last.State)
		case "attempts":
			t.Attempts = r.int()
		case "check_runs":
			t.CheckRuns = r.int()
		case "failures":
			t.Failures = r.int()
		case "verified":
			t.Verified = r.bool()
		case "open":
			t.Open = new(engine.Activity)
			r.unmarshal(t.Open)
		case "wait":
			t.Wait = new(engine.Wait)
			r.unmarshal(t.Wait)
		case "last_failure", "answers", "tree", "head", "note":
			return nil
		default:
			r.value()
		}
	}
	if r.failed {
		return fmt.Errorf("%.100q is not a task's record", text)
	}
	return nil
}

// kept returns the text in memory that stays.
func kept[S ~string](text, last S) S {
	if text == last {
		return last
	}
	return S(strings.Clone(string(text)))
}

func keptList[S ~string](list, last []S) []S {
	for i := range list {
		var other S
		if i < len(last) {
			other = last[i]
		}
		list[i] = kept(list[i], other)
	}
	return list
}

func (r *reader) unmarshal(into any) {
	if json.Unmarshal([]byte(r.value()), into) != nil {
		r.failed = true
	}
}

// value goes past a value and returns its text.
func (r *reader) value() string {
	start, depth := r.at, 0
	for !r.failed && r.at < len(r.text) {
		switch c := r.text[r.at]; c {
		case '"':
			r.pass()
		case '{', '[':
			depth++
			r.at++
		case '}', ']':
			depth--
			r.at++
		default: // a comma, a colon, or a part of a number or word
			r.at++
		}
		if depth == 0 && (r.at == len(r.text) || strings.IndexByte(",}]", r.text[r.at]) >= 0) {
			return r.text[start:r.at]
		}
	}
	r.failed = true
	return ""
}

// pass goes past a string.
func (r *reader) pass() {
	for r.at++; ; {
		next := strings.IndexByte(r.text[r.at:], '"')
		if next < 0 {
			r.at, r.failed = len(r.text), true
			return
		}
		body := r.text[r.at : r.at+next]
		r.at += next + 1
		if slashes := len(body) - len(strings.TrimRight(body, `\`)); slashes%2 == 0 {
			return
		}
	}
}
