package control

import "github.com/wrapix/wrapix/engine"

// listDocument is the answer to GET /v1/workflows.
type listDocument struct {
	Workflows []engine.Workflow `json:"workflows"`
}

// workflowDocument is a workflow in the parts in which a store keeps it. The text of the spec is left out: it may be
// the largest part of all, and has an endpoint of its own.
type workflowDocument struct {
	Workflow engine.Workflow `json:"workflow"`
	Source   *engine.Source  `json:"source"`
	Tasks    []*engine.Task  `json:"tasks"`
}

func newWorkflowDocument(w engine.Workflow) workflowDocument {
	d := workflowDocument{Workflow: w, Tasks: w.Tasks}
	if w.Source != nil {
		short := *w.Source
		short.Text = ""
		d.Source = &short
	}
	return d
}

func (d workflowDocument) restore() engine.Workflow {
	if d.Source == nil {
		d.Source = &engine.Source{}
	}
	return engine.Restore(d.Workflow, d.Source, d.Tasks)
}

// The kinds of message in a stream.
const (
	messageEvent  = "event"  // an engine event, with its sequence number as id
	messageOutput = "output" // an engine.AttemptID: it runs, and has printed more than before
	messageEnd    = "end"    // position: nothing follows
	messageLagged = "lagged" // position: the reader was too slow, and is to ask again from there
	messageClose  = "close"  // position: the server ends
	messageError  = "error"  // errorDocument
)

// position says up to which event a stream came.
type position struct {
	After uint64 `json:"after"`
}

// frame is an event as it goes out to every reader.
type frame struct {
	seq  uint64
	text []byte
}

func newFrame(e engine.Event) (frame, error) {
	data, err := e.MarshalJSON() // directly: json.Marshal would go through its result once more
	if err != nil {
		return frame{}, err
	}
	return frame{seq: e.Seq, text: message(messageEvent, e.Seq, data)}, nil
}
