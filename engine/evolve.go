package engine

import (
	"fmt"
	"slices"
)

// Evolve applies events, in order, to a workflow and returns what it is after them. The workflow given stays as it was.
//
// An event that the machines do not allow, that is out of sequence, or that names what does not exist is an error:
// the log is damaged or was written by a program with other rules.
func Evolve(w Workflow, events ...Event) (Workflow, error) {
	ev := evolution{w: w}
	for _, e := range events {
		if err := ev.step(e); err != nil {
			return w, err
		}
	}
	return ev.w, nil
}

// evolution is a workflow under change: tasks are copied before they are written, the list at the first of them.
type evolution struct {
	w       Workflow
	copied  bool
	renewed map[TaskID]bool
}

// step applies the next event. After an error the evolution is of no use any more.
func (ev *evolution) step(e Event) error {
	if e.Seq != ev.w.Seq+1 {
		return fmt.Errorf("event %d %s follows event %d: out of sequence", e.Seq, e.Type, ev.w.Seq)
	}
	before := count(ev.w.planned(e.Task))
	if err := ev.apply(e); err != nil {
		return fmt.Errorf("event %d %s: %w", e.Seq, e.Type, err)
	}
	ev.w.tally.add(before, -1)
	ev.w.tally.add(count(ev.w.planned(e.Task)), 1)
	ev.w.tally.advance(ev.w.Tasks)
	ev.w.Seq, ev.w.Updated = e.Seq, e.Time
	return nil
}

// task returns a copy of the task that belongs to this evolution.
func (ev *evolution) task(id TaskID) (*Task, error) {
	t := ev.w.Task(id)
	if t == nil {
		return nil, fmt.Errorf("task %q: %w", id, ErrNotFound)
	}
	if ev.renewed[id] {
		return t, nil
	}
	t = t.clone()
	switch id {
	case PlanTask:
		ev.w.Plan = t
	case ReadyTask:
		ev.w.Ready = t
	case CriteriaTask:
		ev.w.Criteria = t
	default:
		if !ev.copied {
			ev.w.Tasks, ev.copied = slices.Clone(ev.w.Tasks), true
		}
		at, _ := ev.w.index.position(id)
		ev.w.Tasks[at] = t
	}
	if ev.renewed == nil {
		ev.renewed = map[TaskID]bool{}
	}
	ev.renewed[id] = true
	return t, nil
}

func (ev *evolution) apply(e Event) error {
	if data, ok := e.Data.(CreatedData); ok {
		return ev.created(e, data)
	}
	if ev.w.Seq == 0 || ev.w.State.Ended() {
		return ErrNotAllowed
	}
	switch data := e.Data.(type) {
	case HookDueData:
		return ev.hookDue(e, data)
	case HookData:
		return ev.hookFinished(e, data)
	case DeniedData:
		return ev.denied(e, data)
	}
	if e.Task == "" {
		return ev.workflowEvent(e)
	}
	t, err := ev.task(e.Task)
	if err != nil {
		return err
	}
	switch data := e.Data.(type) {
	case IntendedData:
		return ev.intended(t, e, data)
	case FinishedData:
		return ev.finished(t, e, data)
	case InterruptedData:
		return ev.interrupted(t, e, data)
	}
	return ev.taskEvent(t, e)
}

func (ev *evolution) created(e Event, data CreatedData) error {
	if ev.w.Seq != 0 {
		return ErrNotAllowed
	}
	own := func(id TaskID, title string) *Task {
		return &Task{PlannedTask: PlannedTask{ID: id, Title: title}, State: TaskState(taskMachine.initial)}
	}
	ev.w = Workflow{
		ID: data.ID, Label: data.Label, SpecPath: data.SpecPath, State: WorkflowState(workflowMachine.initial),
		Created: e.Time, Plan: own(PlanTask, "Write the spec"), Ready: own(ReadyTask, "Propose the tasks"),
		Criteria: own(CriteriaTask, "Check the success criteria"), Source: &Source{},
	}
	ev.w.reindex()
	return nil
}

// workflowEvent applies an event of the workflow itself.
func (ev *evolution) workflowEvent(e Event) error {
	w := &ev.w
	switch data := e.Data.(type) {
	case StartedData:
		w.GitHead, w.Limits = data.GitHead, data.Limits
		if err := ev.source(data.Source); err != nil {
			return err
		}
		if err := ev.release(PlanTask); err != nil {
			return err
		}
		return ev.move("start")
	case LimitsData:
		w.Limits, w.Given = data.Limits, data.Given
		return nil
	case WaitData:
		if w.hold(data.Kind) != nil {
			return ErrNotAllowed
		}
		w.Holds = append(slices.Clone(w.Holds), Wait{
			Kind: data.Kind, Message: data.Message, Since: e.Time, Until: data.Until, Limit: data.Limit, Notified: data.Quiet,
		})
		return nil
	case WaitLeftData:
		if w.hold(data.Kind) == nil {
			return ErrNotAllowed
		}
		w.Holds = slices.DeleteFunc(slices.Clone(w.Holds), func(h Wait) bool { return h.Kind == data.Kind })
		if len(w.Holds) == 0 {
			w.Holds = nil
		}
		return nil
	case NotifiedData:
		if len(w.Holds) == 0 {
			return ErrNotAllowed
		}
		w.Holds = slices.Clone(w.Holds)
		for i := range w.Holds {
			w.Holds[i].Notified, w.Holds[i].Told = true, data.At
		}
		return nil
	case StateData:
		if e.Type == WorkflowResumed {
			w.Behind = ""
			return ev.move("resume_" + string(data.State))
		}
		w.Behind = w.State
		return ev.move("wait_" + string(data.State))
	}
	switch e.Type {
	case WorkflowRunning:
		return ev.move("run")
	case WorkflowVerifying:
		if err := ev.release(CriteriaTask); err != nil {
			return err
		}
		return ev.move("verify")
	case WorkflowDone:
		return ev.move("finish")
	case WorkflowFailed:
		w.Behind, w.Holds, w.Due, w.Undo = "", nil, nil, nil
		return ev.move("fail")
	case WorkflowCancelled:
		w.Behind, w.Holds, w.Due, w.Undo = "", nil, nil, nil
		return ev.move("cancel")
	}
	return ErrUnknownEvent
}

// taskEvent applies an event of a task that is not about an activity.
func (ev *evolution) taskEvent(t *Task, e Event) error {
	switch data := e.Data.(type) {
	case TasksData:
		return ev.planned(t, data)
	case SourceData:
		if err := ev.source(data.Source); err != nil {
			return err
		}
		if err := t.move("pass"); err != nil {
			return err
		}
		return ev.toPlanned()
	case WaitData:
		t.Wait = &Wait{Kind: data.Kind, Message: data.Message, Since: e.Time, Until: data.Until, Notified: data.Quiet}
		return nil
	case WaitLeftData:
		t.Wait = nil
		return nil
	case AnswerData:
		t.Answers = append(t.Answers, Answer{Question: data.Question, Text: data.Text, Time: e.Time})
		return t.move("answer")
	case RetriedData:
		if data.Forgiven {
			t.Failures = 0
		}
		return t.move("retry")
	case NotifiedData:
		if t.Wait == nil {
			return ErrNotAllowed
		}
		told := *t.Wait
		told.Notified, told.Told = true, data.At
		t.Wait = &told
		return nil
	case UndoData:
		if ev.w.Undo != nil {
			return ErrNotAllowed
		}
		ev.w.Undo = &Undoing{ID: AttemptID{Task: t.ID, Number: e.Attempt}, Snapshot: data.Snapshot, Before: data.Before, Since: e.Time}
		return nil
	case UndoneData:
		if ev.w.Undo == nil {
			return ErrNotAllowed
		}
		ev.w.Undo = nil
		return nil
	}
	switch e.Type {
	case PlanSkipped:
		if err := t.move("skip"); err != nil {
			return err
		}
		return ev.toPlanned()
	case TaskReleased:
		return t.move("release")
	case TaskVerified:
		t.Verified = new(bool)
		*t.Verified = true
		return t.move("pass")
	case TaskUnchecked:
		return t.move("pass")
	case TaskFailedEvent:
		return t.move("fail")
	case TaskStalled:
		return t.move("block")
	case TaskSkippedEvent:
		return t.move("skip")
	case TaskReopened:
		return ev.reopened(t)
	}
	return ErrUnknownEvent
}

// toPlanned moves the workflow on from its spec, and releases what follows.
func (ev *evolution) toPlanned() error {
	if err := ev.release(ReadyTask); err != nil {
		return err
	}
	return ev.move("plan")
}

// planned takes the task list.
func (ev *evolution) planned(t *Task, data TasksData) error {
	event := "skip"
	if data.From == "agent" {
		event = "pass"
	}
	if err := t.move(event); err != nil {
		return err
	}
	ev.w.Tasks, ev.copied = make([]*Task, len(data.Tasks)), true
	for i, p := range data.Tasks {
		ev.w.Tasks[i] = &Task{PlannedTask: p, State: TaskState(taskMachine.initial)}
	}
	ev.w.reindex()
	return ev.move("ready")
}

func (ev *evolution) source(s Source) error {
	criteria, err := ev.task(CriteriaTask)
	if err != nil {
		return err
	}
	// In the stored form an empty list is a missing one, and the replay must give the same.
	criteria.Checks = append([]string(nil), s.Criteria...)
	ev.w.Source, ev.w.SpecHash = &s, s.Hash
	return nil
}

func (ev *evolution) release(id TaskID) error {
	t, err := ev.task(id)
	if err != nil {
		return err
	}
	return t.move("release")
}

func (ev *evolution) move(event string) error {
	next, err := workflowMachine.fire(string(ev.w.State), event)
	if err == nil {
		ev.w.State = WorkflowState(next)
	}
	return err
}

func (t *Task) move(event string) error {
	next, err := taskMachine.fire(string(t.State), event)
	if err != nil {
		return fmt.Errorf("task %s: %w", t.ID, err)
	}
	t.State = TaskState(next)
	return nil
}
