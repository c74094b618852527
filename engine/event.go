package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// EventType is the stable name of a kind of event. Scripts rely on these names.
type EventType string

// Kind is what several types have in common: the part of the name before the dot.
func (t EventType) Kind() string {
	kind, _, _ := strings.Cut(string(t), ".")
	return kind
}

// Kinds returns the kinds of all events, sorted.
func Kinds() []string {
	var kinds []string
	for t := range payloads {
		kinds = append(kinds, t.Kind())
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// Event is one fact in the life of a workflow. Its JSON is both the stored form and that of `ralph history --json`.
type Event struct {
	Seq     uint64 // 1, 2, … without a gap
	Time    time.Time
	Type    EventType
	Task    TaskID // empty for the workflow's own
	Attempt int    // 0 where no attempt is meant
	Data    any    // the payload type of Type, never a pointer
}

// eventVersion is the version of all payloads. A payload that changes its meaning gets a new version, and a migration
// in the store.
const eventVersion = 1

type eventJSON struct {
	Seq     uint64          `json:"seq"`
	Time    time.Time       `json:"time"`
	Type    EventType       `json:"type"`
	Version int             `json:"v"`
	Task    *TaskID         `json:"task"`
	Attempt *int            `json:"attempt"`
	Data    json.RawMessage `json:"data"`
}

// MarshalJSON writes the stored form.
func (e Event) MarshalJSON() ([]byte, error) {
	data, err := json.Marshal(e.Data)
	if err != nil {
		return nil, fmt.Errorf("encode event %d %s: %w", e.Seq, e.Type, err)
	}
	j := eventJSON{Seq: e.Seq, Time: e.Time, Type: e.Type, Version: eventVersion, Data: data}
	if e.Task != "" {
		j.Task = &e.Task
	}
	if e.Attempt != 0 {
		j.Attempt = &e.Attempt
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads the stored form; a type or version that this program does not know is [ErrUnknownEvent].
func (e *Event) UnmarshalJSON(b []byte) error {
	var j eventJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	zero, known := payloads[j.Type]
	if !known || j.Version != eventVersion {
		return fmt.Errorf("event %d of type %q, version %d: %w", j.Seq, j.Type, j.Version, ErrUnknownEvent)
	}
	*e = Event{Seq: j.Seq, Time: j.Time, Type: j.Type}
	if j.Task != nil {
		e.Task = *j.Task
	}
	if j.Attempt != nil {
		e.Attempt = *j.Attempt
	}
	data := reflect.New(reflect.TypeOf(zero))
	dec := json.NewDecoder(bytes.NewReader(j.Data))
	if err := dec.Decode(data.Interface()); err != nil {
		return fmt.Errorf("event %d %s: %w", j.Seq, j.Type, err)
	}
	e.Data = data.Elem().Interface()
	return nil
}

// The event types. The payload of each stands beside it.
const (
	WorkflowCreated    EventType = "workflow.created"    // CreatedData
	WorkflowStarted    EventType = "workflow.started"    // StartedData
	PlanSkipped        EventType = "plan.skipped"        // ReasonData
	PlanWritten        EventType = "plan.written"        // SourceData
	TasksPlanned       EventType = "tasks.planned"       // TasksData
	TaskReleased       EventType = "task.ready"          // NoData: all before it are done
	AttemptIntended    EventType = "attempt.intended"    // IntendedData
	AttemptFinished    EventType = "attempt.finished"    // FinishedData
	AttemptInterrupted EventType = "attempt.interrupted" // InterruptedData
	CheckIntended      EventType = "check.intended"      // IntendedData
	CheckFinished      EventType = "check.finished"      // FinishedData
	CheckInterrupted   EventType = "check.interrupted"   // InterruptedData
	TaskVerified       EventType = "task.verified"       // NoData
	TaskUnchecked      EventType = "task.unchecked"      // NoData: done on the agent's word, there is no check
	TaskFailedEvent    EventType = "task.failed"         // ReasonData
	TaskStalled        EventType = "task.stalled"        // ReasonData: its attempts change nothing
	TaskRetried        EventType = "task.retried"        // RetriedData
	TaskSkippedEvent   EventType = "task.skipped"        // ReasonData: the work goes on without it
	TaskReopened       EventType = "task.reopened"       // ReasonData: an undo took its work away
	QuestionAnswered   EventType = "question.answered"   // AnswerData
	WaitEntered        EventType = "wait.entered"        // WaitData
	WaitNotified       EventType = "wait.notified"       // NotifiedData
	WaitLeft           EventType = "wait.left"           // WaitLeftData
	LimitsChanged      EventType = "limits.changed"      // LimitsData
	HookDue            EventType = "hook.due"            // HookDueData: it has to run before anything new begins
	HookFinished       EventType = "hook.finished"       // HookData
	NetworkDenied      EventType = "network.denied"      // DeniedData: the sandbox's policy refused it
	UndoBegun          EventType = "undo.begun"          // UndoData: the files are to go back to before the attempt
	UndoFinished       EventType = "undo.finished"       // UndoneData
	WorkflowRunning    EventType = "workflow.running"    // NoData
	WorkflowWaiting    EventType = "workflow.waiting"    // StateData
	WorkflowResumed    EventType = "workflow.resumed"    // StateData
	WorkflowVerifying  EventType = "workflow.verifying"  // NoData
	WorkflowDone       EventType = "workflow.done"       // NoData
	WorkflowFailed     EventType = "workflow.failed"     // ReasonData
	WorkflowCancelled  EventType = "workflow.cancelled"  // ReasonData
)

// payloads gives each event type the zero value of its payload.
var payloads = map[EventType]any{
	WorkflowCreated: CreatedData{}, WorkflowStarted: StartedData{}, PlanSkipped: ReasonData{}, PlanWritten: SourceData{},
	TasksPlanned: TasksData{}, TaskReleased: NoData{}, AttemptIntended: IntendedData{}, AttemptFinished: FinishedData{},
	AttemptInterrupted: InterruptedData{}, CheckIntended: IntendedData{}, CheckFinished: FinishedData{},
	CheckInterrupted: InterruptedData{}, TaskVerified: NoData{}, TaskUnchecked: NoData{}, TaskFailedEvent: ReasonData{}, TaskStalled: ReasonData{},
	TaskRetried: RetriedData{}, TaskSkippedEvent: ReasonData{}, TaskReopened: ReasonData{}, QuestionAnswered: AnswerData{}, WaitEntered: WaitData{}, WaitNotified: NotifiedData{},
	WaitLeft: WaitLeftData{}, LimitsChanged: LimitsData{}, HookDue: HookDueData{}, HookFinished: HookData{}, WorkflowRunning: NoData{}, WorkflowWaiting: StateData{},
	WorkflowResumed: StateData{}, WorkflowVerifying: NoData{}, WorkflowDone: NoData{}, WorkflowCancelled: ReasonData{},
	WorkflowFailed: ReasonData{}, UndoBegun: UndoData{}, UndoFinished: UndoneData{}, NetworkDenied: DeniedData{},
}
