package engine

// Command is something that is asked of a workflow. Each is decided in decide.go.
type Command interface {
	decide(d *decision) error
}

// Start makes a workflow of a spec. It is the only command for a workflow that does not exist yet.
type Start struct {
	ID       WorkflowID
	Label    string
	SpecPath string
	Source   Source
	GitHead  string
	Limits   Limits
	Config   string
}

// SkipPlan goes on without asking the agent for a spec, because the spec is complete.
type SkipPlan struct{}

// TakeTasks takes the tasks that the spec itself states.
type TakeTasks struct{}

// Intend announces the next activity of a task: its attempt, or the check of one.
type Intend struct{ Task TaskID }

// Finish records how an announced activity ended. It is refused when no such activity is open, so nothing is ever
// recorded twice.
type Finish struct {
	ID      AttemptID
	Outcome Outcome
	// PostStep says that a hook is to run when the step is at its end.
	PostStep bool
}

// Interrupt ends an announced activity of which no outcome exists.
type Interrupt struct {
	ID     AttemptID
	Reason string
	// Fault says that the host could not run it. Then the next one is not tried at once.
	Fault bool
	// Shut says that the agent's service takes no work at present: then none is begun before it does.
	Shut *ShutError
	// Session is the agent's own name for what it did, and Model what it says that it used.
	Session, Model string
	// Usage is what it used all the same, as far as it is known.
	Usage Usage
}

// Reply is a person's answer to a task's question, or a person's word on why it is blocked.
type Reply struct {
	Task TaskID
	Text string
	// Question is the one that was read, where that is known: the answer to it is none to another.
	Question string
}

// Retry makes a blocked or failed task ready again, with all its attempts.
type Retry struct{ Task TaskID }

// Skip does without a task. What comes after it goes on, and a running attempt of it is stopped.
type Skip struct{ Task TaskID }

// Pause lets what runs end and begins nothing new.
type Pause struct{}

// Unpause ends a pause.
type Unpause struct{}

// Wake ends the waits whose time has come.
type Wake struct{}

// Notified records that a person was told of a wait.
type Notified struct{ Task TaskID }

// Cancel ends the workflow for good.
type Cancel struct{ Reason string }
