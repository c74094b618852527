package engine

import "sync"

// tally counts the tasks by what the rules ask of all of them, so that a decision in a workflow of ten thousand tasks
// does not look at each. It follows from the tasks, and every event keeps it right.
type tally struct {
	open       int // run now
	waits      int // wait for something
	claimed    int // are to be verified
	ready      int // can be attempted
	unfinished int
	from       int // all tasks before this position are finished, and stay so
}

// count is the tally of one task.
func count(t *Task) tally {
	var c tally
	if t == nil {
		return c
	}
	switch actionOf(t).Kind {
	case InFlight:
		c.open = 1
	case RunCheck:
		c.claimed = 1
	case RunAttempt:
		c.ready = 1
	}
	if t.Wait != nil {
		c.waits = 1
	}
	if !t.State.Finished() {
		c.unfinished = 1
	}
	return c
}

func (c *tally) add(o tally, sign int) {
	c.open += sign * o.open
	c.waits += sign * o.waits
	c.claimed += sign * o.claimed
	c.ready += sign * o.ready
	c.unfinished += sign * o.unfinished
}

// advance finds the first task that is not finished.
func (c *tally) advance(tasks []*Task) {
	for c.from < len(tasks) && tasks[c.from].State.Finished() {
		c.from++
	}
}

// reindex is due when the list of tasks is another.
func (w *Workflow) reindex() {
	w.tally = tally{}
	for _, t := range w.Tasks {
		w.tally.add(count(t), 1)
	}
	w.tally.advance(w.Tasks)
	w.index = &taskIndex{tasks: w.Tasks}
}

// planned returns the spec's task of that id, or nil.
func (w Workflow) planned(id TaskID) *Task {
	if w.index == nil || id == "" || id.Reserved() {
		return nil
	}
	if i, ok := w.index.position(id); ok {
		return w.Tasks[i]
	}
	return nil
}

// taskIndex finds tasks by id. All versions of a workflow share it, because ids and dependencies never change; it is
// made when it is first asked.
type taskIndex struct {
	once       sync.Once
	tasks      []*Task
	positions  map[TaskID]int
	dependents map[TaskID][]int
}

func (ix *taskIndex) make() {
	ix.positions, ix.dependents = make(map[TaskID]int, len(ix.tasks)), make(map[TaskID][]int)
	for i, t := range ix.tasks {
		ix.positions[t.ID] = i
		for _, dep := range t.After {
			ix.dependents[dep] = append(ix.dependents[dep], i)
		}
	}
	ix.tasks = nil
}

func (ix *taskIndex) position(id TaskID) (int, bool) {
	ix.once.Do(ix.make)
	i, ok := ix.positions[id]
	return i, ok
}

// after returns the positions of the tasks that come after the given one.
func (ix *taskIndex) after(id TaskID) []int {
	ix.once.Do(ix.make)
	return ix.dependents[id]
}
