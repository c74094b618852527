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

func newHistory(a *app) *cobra.Command {
	var kind string
	cmd := &cobra.Command{
		Use:   "history",
		Short: "Tell what happened in a workflow, event by event",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.history(cmd.Context(), kind) },
	}
	cmd.Flags().StringVar(&kind, "kind", "", `only events of one kind, which is what their type begins with: "network", "attempt", "wait", …`)
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

func (a *app) history(ctx context.Context, kind string) error {
	if err := knownKind(kind); err != nil {
		return err
	}
	p, err := a.project()
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
	s = ofKind{s, kind}
	out := bufio.NewWriterSize(a.streams.Out, 64<<10)
	if a.json {
		err = writeHistoryJSON(ctx, out, s, w.ID)
	} else {
		err = s.Events(ctx, w.ID, 0, func(e engine.Event) error {
			_, err := fmt.Fprintf(out, "%6d  %s  %s\n", e.Seq, e.Time.Local().Format("2006-01-02 15:04:05"), describe(e))
			return err
		})
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

// writeHistoryJSON prints the document event by event: it may be longer than should be held in memory.
func writeHistoryJSON(ctx context.Context, out *bufio.Writer, s reader, id engine.WorkflowID) error {
	name, err := json.Marshal(string(id))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, `{"schema":%d,"workflow":%s,"events":[`, schema, name)
	separator := "\n"
	err = s.Events(ctx, id, 0, func(e engine.Event) error {
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
