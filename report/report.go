// Package report tells one workflow to a person who was not there: what was done, what waits for them and what it
// cost, then each task with its attempts. It makes one HTML page that needs nothing else and runs nothing, or Markdown.
//
//	r, err := report.New(ctx, w, events, report.Options{Files: files, Now: time.Now()})
//	if err != nil {
//		return err
//	}
//	return r.HTML(ctx, out)
//
// It promises:
//   - text of an agent, a spec or a check stays text: no markup, no link, no control sequence, and marks that turn the
//     reading direction are shown as what they are;
//   - memory and page are bounded however much happened, and what was left out is said where it is missing;
//   - a workflow that goes on meanwhile is told up to one event.
package report

import (
	"cmp"
	"context"
	"io"
	"slices"
	"time"

	"github.com/wrapix/wrapix/engine"
)

// Files is where a report finds what an attempt left besides its events. An error that is [engine.ErrNotFound] says
// that there is nothing.
type Files interface {
	// Changes lists the files that the attempt changed.
	Changes(ctx context.Context, id engine.AttemptID) ([]Change, error)
	// Diff writes them as a unified diff in git's form, until writing fails; then it returns that error.
	Diff(ctx context.Context, id engine.AttemptID, to io.Writer) error
	// Transcript returns at most the last max bytes of what the activity printed, and how many there are.
	Transcript(id engine.AttemptID, max int) (tail []byte, size int64, err error)
}

// Change is a file that an attempt changed.
type Change struct{ Path, Kind string }

// Options of a report. All but Now may be left out.
type Options struct {
	Files Files
	Now   time.Time
	// Ways returns the commands that end a wait, the likeliest first.
	Ways func(engine.OpenWait) []string
	// Describe tells an event in one line.
	Describe func(engine.Event) string
	// Bounds on what the page has; zero means the package's own.
	Bounds Bounds
}

// Bounds keep a page to what a browser and a person can take.
type Bounds struct {
	Detailed   int // attempts that are told with output, diff and transcript: each task's latest first
	Details    int // bytes of those details in all
	Output     int // bytes of one check's output
	File       int // bytes of one file's diff
	Diff       int // bytes of one attempt's diff
	Transcript int // bytes of a transcript's end
	Spec       int // bytes of the spec
	Timeline   int // events
	Tasks      int // tasks that are told one by one
}

func (b Bounds) withDefaults() Bounds {
	set := func(n *int, value int) {
		if *n <= 0 {
			*n = value
		}
	}
	set(&b.Detailed, 300)
	set(&b.Details, 4<<20)
	set(&b.Output, 4<<10)
	set(&b.File, 8<<10)
	set(&b.Diff, 32<<10)
	set(&b.Transcript, 6<<10)
	set(&b.Spec, 64<<10)
	set(&b.Timeline, 300)
	set(&b.Tasks, 2000)
	return b
}

// Events calls yield for each event of the workflow, in order, until it returns an error.
type Events func(ctx context.Context, yield func(engine.Event) error) error

// Report is what is to be told of a workflow.
type Report struct {
	w        engine.Workflow
	o        Options
	tasks    []*task
	byTask   map[engine.TaskID]*task
	timeline []happening
	dropped  int // happenings that are not in timeline any more
	attempts int
	failed   int
	lost     int // interrupted activities
	faults   int
	waited   time.Duration
	since    time.Time // of the wait under way
	first    time.Time // when work began
}

// New reads the events twice: once for what happened, and once for the words of the attempts that are told in full.
func New(ctx context.Context, w engine.Workflow, events Events, o Options) (*Report, error) {
	o.Bounds = o.Bounds.withDefaults()
	r := &Report{w: w, o: o, byTask: map[engine.TaskID]*task{}}
	for _, t := range append([]*engine.Task{w.Plan, w.Ready, w.Criteria}, w.Tasks...) {
		if t != nil {
			r.byTask[t.ID] = &task{Task: t}
		}
	}
	upTo := func(take func(engine.Event)) error {
		err := events(ctx, func(e engine.Event) error {
			if e.Seq > w.Seq {
				return errEnough
			}
			take(e)
			return nil
		})
		if err == errEnough {
			return nil
		}
		return err
	}
	if err := upTo(r.take); err != nil {
		return nil, err
	}
	r.order()
	r.choose()
	return r, upTo(r.takeWords)
}

// order lists the tasks as they are told: the workflow's own where they did something, around those of the spec.
func (r *Report) order() {
	add := func(t *engine.Task) {
		if t != nil && (!t.ID.Reserved() || len(r.byTask[t.ID].Attempts) > 0) {
			r.tasks = append(r.tasks, r.byTask[t.ID])
		}
	}
	add(r.w.Plan)
	add(r.w.Ready)
	for _, t := range r.w.Tasks {
		add(t)
	}
	add(r.w.Criteria)
}

// choose marks the attempts that are told in full: of each task the latest, then the others, the newest first.
func (r *Report) choose() {
	var all []*attempt
	for _, t := range r.tasks {
		for i, a := range t.Attempts {
			a.latest = i == len(t.Attempts)-1
			all = append(all, a)
		}
	}
	slices.SortStableFunc(all, func(a, b *attempt) int {
		if a.latest != b.latest {
			if a.latest {
				return -1
			}
			return 1
		}
		return cmp.Compare(b.seq, a.seq)
	})
	for _, a := range all[:min(len(all), r.o.Bounds.Detailed)] {
		a.Full = true
	}
}
