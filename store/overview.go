package store

import (
	"context"
	"encoding/json"
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
		records, err := s.taskRecords(tx, n, h.Tasks)
		if err != nil {
			return err
		}
		list, tasks := make([]engine.Task, len(records)), make([]*engine.Task, len(records))
		for i, r := range records {
			tasks[i] = &list[i]
			// The text is the database's own memory, and what is kept of it is copied.
			if err := overTask(unsafe.String(unsafe.SliceData(r), len(r)), tasks[i]); err != nil {
				return fmt.Errorf("read task %d of workflow %d in %s: %w", i, n, s.path, err)
			}
		}
		w = engine.Restore(h.Workflow, source, tasks)
		return nil
	})
	return w, err
}

// overTask reads what an overview needs of a task's JSON. What comes behind that is not even looked at.
func overTask(text string, t *engine.Task) error {
	r := reader{text: text}
	for r.members() {
		switch r.key() {
		case "id":
			t.ID = engine.TaskID(strings.Clone(r.string()))
		case "title":
			t.Title = strings.Clone(r.string())
		case "profile":
			t.Profile = strings.Clone(r.string())
		case "after":
			t.After = cloned(list[engine.TaskID](&r))
		case "checks":
			t.Checks = cloned(list[string](&r))
		case "state":
			t.State = engine.TaskState(strings.Clone(r.string()))
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
		case "last_failure", "answers", "note":
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

func cloned[S ~string](list []S) []S {
	for i := range list {
		list[i] = S(strings.Clone(string(list[i])))
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
	for r.at++; r.at < len(r.text); r.at += 2 {
		next := strings.IndexAny(r.text[r.at:], `"\`)
		if next < 0 {
			break
		}
		if r.at += next; r.text[r.at] == '"' {
			r.at++
			return
		}
	}
	r.failed = true
}
