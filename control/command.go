package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/wrapix/wrapix/engine"
)

// Bounds of what a command may say. An answer becomes part of every further prompt of its task.
const (
	maxAnswer = 64 << 10
	maxReason = 4 << 10
	maxTaskID = 256
)

// The bodies of the commands.
type (
	answerBody struct {
		Task     engine.TaskID `json:"task"`
		Text     string        `json:"text"`
		Question string        `json:"question,omitempty"`
	}
	taskBody struct {
		Task engine.TaskID `json:"task"`
	}
	noBody     struct{}
	cancelBody struct {
		Reason string `json:"reason"`
	}
	limitsBody struct {
		Limits *engine.Limits `json:"limits"`
	}
	raiseBody struct {
		To map[engine.LimitKey]string `json:"to"`
	}
)

// commands are the commands that the socket takes, by name. A further one gets a line here, one in encodeCommand, and
// its place in the documentation; older servers answer to it with [ErrUnknownCommand].
var commands = map[string]func(body []byte) (engine.Command, error){
	"answer": decode(func(b answerBody) (engine.Command, error) {
		if err := checkTask(b.Task); err != nil {
			return nil, err
		}
		if strings.TrimSpace(b.Text) == "" || len(b.Text) > maxAnswer {
			return nil, requestErrorf("the answer is empty, or longer than %d bytes", maxAnswer)
		}
		return engine.Reply(b), nil
	}),
	"retry": decode(func(b taskBody) (engine.Command, error) {
		return engine.Retry{Task: b.Task}, checkTask(b.Task)
	}),
	"skip": decode(func(b taskBody) (engine.Command, error) {
		return engine.Skip{Task: b.Task}, checkTask(b.Task)
	}),
	"pause":  decode(func(noBody) (engine.Command, error) { return engine.Pause{}, nil }),
	"resume": decode(func(noBody) (engine.Command, error) { return engine.Unpause{}, nil }),
	"cancel": decode(func(b cancelBody) (engine.Command, error) {
		if len(b.Reason) > maxReason {
			return nil, requestErrorf("the reason is longer than %d bytes", maxReason)
		}
		return engine.Cancel{Reason: b.Reason}, nil
	}),
	"limits": decode(func(b limitsBody) (engine.Command, error) {
		if b.Limits == nil {
			return nil, requestErrorf("the limits are missing")
		}
		if err := b.Limits.Check(); err != nil {
			return nil, requestErrorf("%w", err)
		}
		return engine.SetLimits{Limits: *b.Limits}, nil
	}),
	"raise": decode(func(b raiseBody) (engine.Command, error) {
		if len(b.To) == 0 {
			return nil, requestErrorf("no limit is named")
		}
		return engine.RaiseLimits(b), nil
	}),
}

func checkTask(id engine.TaskID) error {
	if id == "" || len(id) > maxTaskID {
		return requestErrorf("the task is missing, or longer than %d bytes", maxTaskID)
	}
	return nil
}

// decode reads a body strictly: a field that is not known is an error, so that nobody believes to have said something
// that was not heard.
func decode[B any](command func(B) (engine.Command, error)) func([]byte) (engine.Command, error) {
	return func(body []byte) (engine.Command, error) {
		var b B
		d := json.NewDecoder(bytes.NewReader(body))
		d.DisallowUnknownFields()
		if err := d.Decode(&b); err != nil {
			return nil, requestErrorf("read the body: %w", err)
		}
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return nil, requestErrorf("something follows the body's JSON")
		}
		c, err := command(b)
		if err != nil {
			return nil, err
		}
		return c, nil
	}
}

// decodeCommand reads the command of that name.
func decodeCommand(name string, body []byte) (engine.Command, error) {
	read, ok := commands[name]
	if !ok {
		return nil, fmt.Errorf("%w %q (there are: %s)", ErrUnknownCommand, bounded(name),
			strings.Join(slices.Sorted(maps.Keys(commands)), ", "))
	}
	c, err := read(body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// encodeCommand returns the name and the body of a command that the socket takes.
func encodeCommand(c engine.Command) (name string, body any, err error) {
	switch c := c.(type) {
	case engine.Reply:
		return "answer", answerBody(c), nil
	case engine.Retry:
		return "retry", taskBody(c), nil
	case engine.Skip:
		return "skip", taskBody(c), nil
	case engine.Pause:
		return "pause", noBody(c), nil
	case engine.Unpause:
		return "resume", noBody(c), nil
	case engine.Cancel:
		return "cancel", cancelBody(c), nil
	case engine.RaiseLimits:
		return "raise", raiseBody(c), nil
	case engine.SetLimits:
		return "limits", limitsBody{Limits: &c.Limits}, nil
	}
	return "", nil, fmt.Errorf("%w: %T cannot be asked for through the control socket", ErrUnknownCommand, c)
}
