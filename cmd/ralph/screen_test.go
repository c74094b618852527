package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
)

func taskList(n int, done int) []*engine.Task {
	var tasks []*engine.Task
	for i := range n {
		t := &engine.Task{PlannedTask: engine.PlannedTask{ID: engine.TaskID(fmt.Sprintf("T%d", i+1)), Title: "Task\x1b[2J of many words"}, State: engine.TaskPending}
		if i < done {
			t.State, t.Verified = engine.TaskDone, new(bool)
			*t.Verified = true
		}
		tasks = append(tasks, t)
	}
	return tasks
}

func TestWindow(t *testing.T) {
	for _, tt := range []struct{ tasks, done, room, shown, before, after int }{
		{5, 0, 5, 5, 0, 0}, {10, 0, 6, 4, 0, 6}, {10, 5, 6, 4, 4, 2}, {10, 10, 6, 4, 6, 0}, {10, 9, 6, 4, 6, 0}, {3, 1, 1, 1, 0, 2},
	} {
		shown, before, after := window(taskList(tt.tasks, tt.done), tt.room)
		if len(shown) != tt.shown || before != tt.before || after != tt.after {
			t.Errorf("%+v: %d shown, %d before, %d after", tt, len(shown), before, after)
		}
		if rows := len(shown) + min(before, 1) + min(after, 1); rows > max(tt.room, 3) {
			t.Errorf("%+v: %d rows", tt, rows)
		}
	}
}

// recorded is a terminal that may be written to while it is read.
type recorded struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *recorded) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

// Whatever the terminal's size and the agent's output, each row is one line, clean, and there are no more than fit.
func TestScreenRowsFit(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var out recorded
	s := newScreen(terminal.NewScreen(&out, func() (int, int) { return 80, 24 }), func() time.Time { return now })
	defer s.close()
	w := engine.Workflow{ID: "demo-1", State: engine.Running, Tasks: taskList(40, 20), CostUSD: 1.5}
	w.Tasks[20].State = engine.TaskRunning
	w.Tasks[20].Attempts = 2
	w.Tasks[20].Open = &engine.Activity{ID: engine.AttemptID{Task: "T21", Number: 2}, Since: now.Add(-75 * time.Second)}
	s.begin(w)
	for range 50 {
		s.output(w.Tasks[20].Open.ID, []byte("\x1b[31mhostile\x1b]0;x"))
		s.output(w.Tasks[20].Open.ID, []byte("\x07 output\tof the agent\r\n\n"))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, size := range [][2]int{{80, 24}, {200, 60}, {40, 12}, {20, 5}, {1, 1}} {
		rows := s.rows(size[0], size[1])
		if len(rows) >= max(size[1], 6) {
			t.Errorf("%v: %d rows", size, len(rows))
		}
		all := ""
		for _, row := range rows {
			for _, span := range row {
				all += span.Text
				if strings.ContainsAny(span.Text, "\n\r\t\x1b\x07") {
					t.Errorf("%v: %q", size, span.Text)
				}
			}
			all += "\n"
		}
		if !strings.Contains(all, "demo-1  running  20 of 40 done  0m00s  1.50 USD\n") {
			t.Errorf("%v: headline in\n%s", size, all)
		}
		if size[1] >= 12 && (!strings.Contains(all, "  T21  running 1m15s       Task of many words (attempt 2)\n") || !strings.Contains(all, "  | hostile output    of the agent\n")) {
			t.Errorf("%v:\n%s", size, all)
		}
	}
}

func TestScreenCloseIsFinal(t *testing.T) {
	var out recorded
	s := newScreen(terminal.NewScreen(&out, func() (int, int) { return 80, 24 }), time.Now)
	s.begin(engine.Workflow{ID: "demo-1", State: engine.Done})
	s.close()
	s.close()
	s.note("one more line")
	if text := out.text.String(); !strings.HasSuffix(text, "one more line\x1b[K\r\n\x1b[J\x1b[?2026l") || strings.Count(text, "demo-1") != 1 {
		t.Errorf("screen: %q", text)
	}
}

func TestLines(t *testing.T) {
	var got []string
	l := &lines{each: func(line string) { got = append(got, line) }}
	for _, piece := range []string{"a", "b\nc\n\nd", "", "\n", strings.Repeat("x", longestLine+1), "y\n", "held"} {
		if n, err := l.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
	}
	want := []string{"ab", "c", "", "d", strings.Repeat("x", longestLine), "xy"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q", got)
	}
}
