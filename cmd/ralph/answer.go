package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/control"
	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
)

type answerOptions struct {
	*app
	task, text string
}

func newAnswer(a *app) *cobra.Command {
	o := &answerOptions{app: a}
	return &cobra.Command{
		Use:   "answer [[TASK] TEXT]",
		Short: "Answer an agent's question, or say something to a blocked task",
		Long: `Answer an agent's question, or say something to a blocked task. Without TASK
the only open question is meant. The text "-" is read from standard input.
Without either, the open questions are shown, and on a terminal asked one after
the other. All further attempts at the task are given the answer.`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return o.askAll(cmd.Context())
			}
			if o.text = args[len(args)-1]; len(args) == 2 {
				o.task = args[0]
			}
			return o.run(cmd.Context())
		},
	}
}

func (o *answerOptions) run(ctx context.Context) error {
	if o.text == "-" {
		text, err := readAnswer(ctx, o.streams.In)
		if err != nil {
			return err
		}
		o.text = text
	}
	if o.text = strings.TrimSpace(strings.ToValidUTF8(o.text, "\uFFFD")); o.text == "" {
		return usagef("ralph answer TASK TEXT", "the answer is empty")
	}
	return o.decide(ctx, "answer", func(w engine.Workflow) (engine.Command, error) {
		task := engine.TaskID(o.task)
		if task == "" {
			if t := w.Task(engine.TaskID(o.text)); t != nil {
				return nil, usagef(fmt.Sprintf("ralph answer %s TEXT", o.text), "there is a task %s, but no answer to it", o.text)
			}
			var err error
			if task, err = only(w, "answer", "question", engine.AwaitingAnswer, engine.Blocked); err != nil {
				return nil, err
			}
		}
		return engine.Reply{Task: task, Text: o.text}, nil
	})
}

// maxAnswer bounds an answer: it becomes part of every further prompt of its task.
const maxAnswer = 64 << 10

// readAnswer reads all of the stream, or gives up when ctx ends. The read that is under way then ends with the program.
func readAnswer(ctx context.Context, in io.Reader) (string, error) {
	type result struct {
		text []byte
		err  error
	}
	read := make(chan result, 1)
	go func() {
		text, err := io.ReadAll(io.LimitReader(in, maxAnswer+1))
		read <- result{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case r := <-read:
		if r.err == nil && len(r.text) > maxAnswer {
			r.err = usagef("", "it is longer than %d bytes", maxAnswer)
		}
		if r.err != nil {
			return "", fmt.Errorf("read the answer: %w", r.err)
		}
		return string(r.text), nil
	}
}

// decide has one command of a person's decided, which needs no sandbox, and says where the workflow stands after it.
func (a *app) decide(ctx context.Context, name string, command func(engine.Workflow) (engine.Command, error)) error {
	return a.decideAll(ctx, name, func(w engine.Workflow) ([]engine.Command, error) {
		c, err := command(w)
		return []engine.Command{c}, err
	})
}

// decideAll is decide for several commands, one after the other.
func (a *app) decideAll(ctx context.Context, name string, commands func(engine.Workflow) ([]engine.Command, error)) error {
	p, err := a.project()
	if err != nil {
		return err
	}
	observe := (&plain{out: p.progressOut(), events: true}).observe
	s, err := p.decider(ctx, name, observe)
	if err != nil {
		return err
	}
	defer s.Close()
	w, err := p.choose(ctx, s, false)
	if err != nil {
		return err
	}
	all, err := commands(w)
	if err != nil {
		return err
	}
	seen := w.Seq
	for _, c := range all {
		if w, err = s.Do(ctx, w.ID, c); err != nil {
			return err
		}
	}
	holder, elsewhere := s.(*control.Client)
	if elsewhere { // it was decided, and is gone on with, in another process
		err := holder.Events(ctx, w.ID, seen, func(e engine.Event) error {
			if e.Seq <= w.Seq {
				observe(w, []engine.Event{e})
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if a.json {
		return a.printJSON(statusDocument{Schema: schema, Workflows: []workflowDocument{newWorkflowDocument(w)}})
	}
	others, err := s.List(ctx)
	if err != nil {
		return err
	}
	text := waitLines(a.streams.Out, w, len(openOnes(others)), "", a.now())
	if w.Waiting() == nil && !w.State.Ended() && !elsewhere {
		text = tryLine(a.streams.Out, "ralph loop"+inWorkflow(w, len(openOnes(others))))
	}
	_, err = io.WriteString(a.streams.Out, text)
	return err
}

// only returns the only task that waits in the first of the kinds in which one waits at all.
func only(w engine.Workflow, verb, what string, kinds ...engine.WorkflowState) (engine.TaskID, error) {
	for _, kind := range kinds {
		var tasks []string
		for _, wait := range w.Waits() {
			if wait.Kind == kind && wait.Task != "" {
				tasks = append(tasks, string(wait.Task))
			}
		}
		if len(tasks) == 1 {
			return engine.TaskID(tasks[0]), nil
		}
		if len(tasks) > 1 {
			return "", usagef("ralph status", "several tasks %s: %s; name one", waitVerb(kind), terminal.Line(strings.Join(tasks, ", ")))
		}
	}
	return "", usagef("ralph status", "%s: workflow %s has no open %s", verb, w.ID, what)
}

func waitVerb(kind engine.WorkflowState) string {
	if kind == engine.AwaitingAnswer {
		return "ask"
	}
	return "wait"
}
