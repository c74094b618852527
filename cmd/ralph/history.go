package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
)

type historyOptions struct {
	*app
	task, since, kind string
}

func newHistory(a *app) *cobra.Command {
	o := &historyOptions{app: a}
	cmd := &cobra.Command{
		Use:   "history",
		Short: "Tell what happened in a workflow, event by event",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	cmd.Flags().StringVar(&o.task, "task", "", "only what happened to one `TASK`")
	cmd.Flags().StringVar(&o.since, "since", "", "only what happened since a `TIME`: 2h or 3d ago, 2026-03-01, or 2026-03-01T22:00:00Z")
	cmd.Flags().StringVar(&o.kind, "kind", "", `only events of one kind, which is what their type begins with: "network", "attempt", "wait", …`)
	return cmd
}

// eventDocument is one event of `ralph history --json`.
type eventDocument struct {
	Seq     uint64         `json:"seq"`
	Time    time.Time      `json:"time"`
	Type    string         `json:"type"`
	Task    *engine.TaskID `json:"task"`
	Attempt *int           `json:"attempt"`
	Data    any            `json:"data"`
}

func newEventDocument(e engine.Event) eventDocument {
	d := eventDocument{Seq: e.Seq, Time: e.Time, Type: string(e.Type), Data: e.Data}
	if e.Task != "" {
		d.Task = &e.Task
	}
	if e.Attempt != 0 {
		d.Attempt = &e.Attempt
	}
	return d
}

func (o *historyOptions) run(ctx context.Context) error {
	if err := knownKind(o.kind); err != nil {
		return err
	}
	since, err := parseSince(o.since, o.now())
	if err != nil {
		return err
	}
	p, err := o.project()
	if err != nil {
		return err
	}
	s, err := p.reader(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	w, err := p.choose(ctx, s, true)
	if err != nil {
		return err
	}
	s = ofKind{s, o.kind}
	task := engine.TaskID(o.task)
	if task != "" && w.Task(task) == nil {
		return meant{Task: task}.unknown(w)
	}
	events := func(yield func(engine.Event) error) error {
		return s.Events(ctx, w.ID, 0, func(e engine.Event) error {
			if task != "" && e.Task != task || e.Time.Before(since) {
				return nil
			}
			return yield(e)
		})
	}
	out := bufio.NewWriterSize(o.streams.Out, 64<<10)
	if o.json {
		err = writeHistoryJSON(out, w.ID, events)
	} else {
		err = events(func(e engine.Event) error {
			_, err := fmt.Fprintf(out, "%6d  %s  %s\n", e.Seq, e.Time.Local().Format(time.DateTime), describe(e))
			return err
		})
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

// parseSince reads a time, a day (its begin where the reader is), or how long ago something was. Without one it is the
// zero time.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, time.Local); err == nil {
		return t, nil
	}
	age, err := parseAge(text)
	if err != nil {
		return time.Time{}, usagef("ralph history --since 2h", "history: %q is neither a time nor how long ago one was", text)
	}
	return now.Add(-age), nil
}

// writeHistoryJSON prints the document event by event: it may be longer than should be held in memory.
func writeHistoryJSON(out *bufio.Writer, id engine.WorkflowID, events func(yield func(engine.Event) error) error) error {
	name, err := json.Marshal(string(id))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, `{"schema":%d,"workflow":%s,"events":[`, schema, name)
	separator := "\n"
	err = events(func(e engine.Event) error {
		text, err := json.Marshal(newEventDocument(e))
		if err != nil {
			return fmt.Errorf("encode event %d: %w", e.Seq, err)
		}
		_, err = fmt.Fprintf(out, "%s%s", separator, terminal.EscapeJSON(text))
		separator = ",\n"
		return err
	})
	fmt.Fprint(out, "\n]}\n")
	return err
}
