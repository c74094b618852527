package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/terminal"
)

// askAll shows the open questions, and on a terminal asks each in turn.
func (o *answerOptions) askAll(ctx context.Context) error {
	p, err := o.project()
	if err != nil {
		return err
	}
	w, questions, err := p.questions(ctx)
	if err != nil {
		return err
	}
	if len(questions) == 0 {
		return usagef("ralph status", "answer: workflow %s has no open question", w.ID)
	}
	if !o.streams.InTerminal() {
		for _, q := range questions {
			fmt.Fprint(o.streams.Err, questionText(q, o.now()))
		}
		return usagef("ralph answer TASK TEXT", "answer: there is no terminal to ask on; %s open", count(len(questions), "question"))
	}
	answers, err := o.ask(ctx, questions)
	if err != nil || len(answers) == 0 {
		return err
	}
	o.workflow = string(w.ID)
	return o.decideAll(ctx, "answer", func(engine.Workflow) ([]engine.Command, error) { return answers, nil })
}

// questions are those of the workflow that is meant which an answer ends. Nothing is held open while a person thinks.
func (p *project) questions(ctx context.Context) (w engine.Workflow, open []engine.OpenWait, err error) {
	r, err := p.reader(ctx)
	if err != nil {
		return w, nil, err
	}
	defer r.Close()
	if w, err = p.choose(ctx, r, false); err != nil {
		return w, nil, err
	}
	for _, wait := range w.Waits() {
		if wait.Task != "" && (wait.Kind == engine.AwaitingAnswer || wait.Kind == engine.Blocked) {
			open = append(open, wait)
		}
	}
	return w, open, nil
}

// questionText is a question as a person sees it: clean, with each line of the agent's set off from ours.
func questionText(q engine.OpenWait, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s since %s:\n", terminal.Line(string(q.Task)), waitWords(q.Kind), moment(q.Since, now, "15:04"))
	for line := range strings.Lines(terminal.Clean(q.Message)) {
		b.WriteString("    " + terminal.Line(line) + "\n")
	}
	return b.String()
}

// ask asks the questions. An empty line leaves one open, and the end of the input those that follow.
func (o *answerOptions) ask(ctx context.Context, questions []engine.OpenWait) ([]engine.Command, error) {
	in := bufio.NewReader(io.LimitReader(o.streams.In, int64(len(questions))*(maxAnswer+1)))
	type line struct {
		text string
		err  error
	}
	var answers []engine.Command
	for _, q := range questions {
		fmt.Fprintf(o.streams.Err, "%s  answer (empty: later): ", questionText(q, o.now()))
		typed := make(chan line, 1)
		go func() {
			text, err := in.ReadString('\n')
			typed <- line{text, err}
		}()
		var l line
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case l = <-typed:
		}
		text := strings.TrimSpace(strings.ToValidUTF8(l.text, "\uFFFD"))
		switch {
		case len(text) > maxAnswer:
			return nil, usagef("ralph answer TASK - < FILE", "the answer to %s is longer than %d bytes", terminal.Line(string(q.Task)), maxAnswer)
		case text != "":
			answers = append(answers, engine.Reply{Task: q.Task, Text: text, Question: q.Message})
		}
		if errors.Is(l.err, io.EOF) {
			fmt.Fprintln(o.streams.Err)
			break
		}
		if l.err != nil {
			return nil, fmt.Errorf("read the answer: %w", l.err)
		}
	}
	return answers, nil
}
