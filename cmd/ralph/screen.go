package main

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
)

// screen is progress on a terminal: the task list with states and times, and the end of what the agent prints.
type screen struct {
	now  func() time.Time
	live *terminal.Live
	out  *terminal.Output
	stop chan struct{}
	done chan struct{}

	mu      sync.Mutex
	w       engine.Workflow
	shown   bool
	began   time.Time
	current engine.AttemptID // whose output tail is
	tail    []string
	clean   *terminal.Cleaner
	lines   lines
	closed  bool
}

// tailLines is how much of the agent's output is kept for showing.
const tailLines = 12

// newScreen shows nothing before begin.
func newScreen(out *terminal.Output, now func() time.Time) *screen {
	s := &screen{now: now, live: terminal.NewLive(out), out: out, began: now(), stop: make(chan struct{}), done: make(chan struct{})}
	s.lines.each = s.keep
	s.clean = terminal.NewCleaner(&s.lines)
	go s.redraw()
	return s
}

// redraw draws once a second, because time goes on, and when the terminal's size changed. Output is shown at these
// times too: however much the agent prints, the terminal gets a few frames a second.
func (s *screen) redraw() {
	defer close(s.done)
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
		case <-resized:
		}
		s.mu.Lock()
		s.draw()
		s.mu.Unlock()
	}
}

func (s *screen) begin(w engine.Workflow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w, s.shown = w, true
	s.draw()
}

func (s *screen) observe(w engine.Workflow, events []engine.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w, s.shown = w, true
	var lines []terminal.Row
	for _, e := range events {
		if lasting(e) {
			lines = append(lines, terminal.Text(describe(e)))
		}
	}
	s.draw(lines...)
}

// lasting says whether an event keeps a line of its own above the list, because the list does not show it, or not for
// long.
func lasting(e engine.Event) bool {
	switch e.Type {
	case engine.PlanSkipped, engine.PlanWritten, engine.TasksPlanned, engine.AttemptInterrupted, engine.CheckInterrupted:
		return true
	}
	f, ok := e.Data.(engine.FinishedData)
	return ok && f.Verdict == engine.VerdictFailed
}

func (s *screen) output(id engine.AttemptID, b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id != s.current {
		s.current, s.tail = id, nil
		s.lines.held = nil
		s.clean = terminal.NewCleaner(&s.lines)
	}
	_, _ = s.clean.Write(b) // lines does not fail
}

func (s *screen) keep(line string) {
	if strings.TrimSpace(line) == "" {
		return
	}
	s.tail = append(s.tail, line)
	s.tail = s.tail[max(0, len(s.tail)-tailLines):]
}

func (s *screen) note(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draw(terminal.Text(terminal.Line(line)))
}

func (s *screen) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.tail = nil
	s.draw()
	s.live.End()
	s.closed = true
	close(s.stop)
	s.mu.Unlock()
	<-s.done
	s.mu.Lock()
}

// draw shows the present state, below lines that stay. A terminal that cannot be written to is no reason to stop
// working.
func (s *screen) draw(above ...terminal.Row) {
	var block []terminal.Row
	if s.shown && !s.closed {
		block = s.rows(s.out.Size())
	}
	if block != nil || above != nil {
		_ = s.live.Draw(block, above...)
	}
}

// rows lays the display out for a terminal of this size: a headline, as many tasks as fit with those that move among
// them, and what the agent prints below.
func (s *screen) rows(width, height int) []terminal.Row {
	rows := []terminal.Row{s.headline()}
	tasks := visible(s.w)
	tail := s.tail
	if room := height - 3 - len(tasks); len(tail) > max(room, 3) {
		tail = tail[len(tail)-max(room, 3):]
	}
	if width < 30 || height < 10 {
		tail = nil
	}
	room := max(1, height-3-len(tail))
	tasks, before, after := window(tasks, room)
	if before > 0 {
		rows = append(rows, terminal.Row{{Text: fmt.Sprintf("  … %s before", count(before, "task")), Style: terminal.Dim}})
	}
	wide := 0
	for _, t := range tasks {
		wide = min(max(wide, terminal.Width(string(t.ID))), 16)
	}
	for _, t := range tasks {
		rows = append(rows, s.taskRow(t, wide))
	}
	if after > 0 {
		rows = append(rows, terminal.Row{{Text: fmt.Sprintf("  … %s after", count(after, "task")), Style: terminal.Dim}})
	}
	for _, line := range tail {
		rows = append(rows, terminal.Row{{Text: "  | " + strings.ReplaceAll(line, "\t", "    "), Style: terminal.Dim}})
	}
	return rows
}

func (s *screen) headline() terminal.Row {
	finished := 0
	for _, t := range s.w.Tasks {
		if t.State.Finished() {
			finished++
		}
	}
	text := fmt.Sprintf("  %d of %d done  %s", finished, len(s.w.Tasks), short(s.now().Sub(s.began)))
	if s.w.CostUSD > 0 {
		text += fmt.Sprintf("  %.2f USD", s.w.CostUSD)
	}
	return terminal.Row{
		{Text: terminal.Line(string(s.w.ID)), Style: terminal.Bold}, {Text: "  "},
		{Text: stateWords(s.w.State), Style: workflowStyle(s.w.State)}, {Text: text},
	}
}

func (s *screen) taskRow(t *engine.Task, wide int) terminal.Row {
	state := taskWords(t)
	if t.Open != nil {
		state += " " + short(s.now().Sub(t.Open.Since))
	}
	text := terminal.Line(t.Title)
	switch {
	case t.Wait != nil:
		text = terminal.Line(t.Wait.Message)
	case t.Open != nil && t.Attempts > 1:
		text = fmt.Sprintf("%s (attempt %d)", text, t.Attempts)
	case t.State == engine.TaskReady && t.LastFailure != nil:
		text = "again after: " + terminal.Line(t.LastFailure.Reason)
	}
	return terminal.Row{
		{Text: "  " + terminal.Pad(terminal.Line(string(t.ID)), wide) + "  "},
		{Text: terminal.Pad(state, 18) + "  ", Style: taskStyle(t)}, {Text: text},
	}
}

// visible are the tasks to show: those of the spec, and of the workflow's own those that there is something to say of.
func visible(w engine.Workflow) []*engine.Task {
	var all []*engine.Task
	for _, t := range []*engine.Task{w.Plan, w.Ready} {
		if t != nil && (t.Attempts > 0 || t.Wait != nil) {
			all = append(all, t)
		}
	}
	all = append(all, w.Tasks...)
	if c := w.Criteria; c != nil && (len(c.Checks) > 0 && len(w.Tasks) > 0) {
		all = append(all, c)
	}
	return all
}

// window cuts a list that does not fit to the part around the first task that is not finished, and says how many are
// left out before and after it. Their two lines are part of the room.
func window(tasks []*engine.Task, room int) (shown []*engine.Task, before, after int) {
	if len(tasks) <= room {
		return tasks, 0, 0
	}
	room = max(1, room-2)
	first := 0
	for first < len(tasks)-1 && tasks[first].State.Finished() {
		first++
	}
	first = min(max(0, first-1), len(tasks)-room)
	return tasks[first : first+room], first, len(tasks) - first - room
}

func workflowStyle(s engine.WorkflowState) terminal.Style {
	switch {
	case s == engine.Done:
		return terminal.Green
	case s == engine.Failed || s == engine.Cancelled:
		return terminal.Red
	case s.Waits():
		return terminal.Yellow
	}
	return terminal.Cyan
}

func taskStyle(t *engine.Task) terminal.Style {
	switch {
	case t.Wait != nil, t.State == engine.TaskDone && t.Verified == nil:
		return terminal.Yellow
	case t.State == engine.TaskFailed:
		return terminal.Red
	case t.State == engine.TaskDone:
		return terminal.Green
	case t.Open != nil:
		return terminal.Cyan
	}
	return terminal.Dim
}
