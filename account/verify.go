package account

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/snapshot"
	"github.com/wrapix/wrapix/steps"
)

// verified is what the events of an archive say.
type verified struct {
	w       engine.Workflow
	ended   map[engine.AttemptID]engine.Transcript // what each activity printed, as far as it is known
	records []snapshot.Record
	batch   []engine.Event // not replayed yet
}

// verify replays the events by the engine's own rules and holds the rest of the archive against them.
func (u unpacked) verify(ctx context.Context) (v verified, err error) {
	v.ended = map[engine.AttemptID]engine.Transcript{}
	err = u.events(ctx, func(e engine.Event) error { return v.take(u.head.Workflow, e) })
	if err == nil {
		err = v.apply()
	}
	if err != nil {
		return v, err
	}
	if v.w.Seq != u.head.Seq {
		return v, foreign("its events end at %d, not at %d", v.w.Seq, u.head.Seq)
	}
	if v.w.Undo != nil { // the next loop would put the project's files to what somebody else says
		return v, foreign("an undo of it is not finished")
	}
	for _, m := range u.members {
		if err := v.holds(m); err != nil {
			return v, err
		}
	}
	return v, u.readRecords(&v)
}

// events reads the events, one a line.
func (u unpacked) events(ctx context.Context, yield func(engine.Event) error) error {
	f, err := os.Open(filepath.Join(u.dir, eventsName))
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewReaderSize(f, copyBufferLen)
	for n := 1; ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		line, err := readLine(lines)
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil {
			return foreign("event %d: %w", n, err)
		}
		var e engine.Event
		if err := json.Unmarshal(line, &e); errors.Is(err, engine.ErrUnknownEvent) {
			return newer("ralph %.40q made it: %w", u.head.Program, err)
		} else if err != nil {
			return foreign("event %d: %w", n, err)
		}
		if err := yield(e); err != nil {
			return err
		}
	}
}

// readLine reads one line that ends and is not too long.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, io.ErrUnexpectedEOF
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case len(line) > maxEvent:
			return nil, fmt.Errorf("it is longer than %d bytes", maxEvent)
		}
	}
}

// take takes one event. Evolve says whether it may follow; which names may be is for those who decide, so it is asked
// here.
func (v *verified) take(id engine.WorkflowID, e engine.Event) error {
	switch data := e.Data.(type) {
	case engine.CreatedData:
		if data.ID != id {
			return foreign("its events are those of %.100q", data.ID)
		}
	case engine.LimitsData:
		if err := data.Limits.Check(); err != nil {
			return foreign("event %d: %w", e.Seq, err)
		}
	case engine.StartedData:
		if err := data.Limits.Check(); err != nil {
			return foreign("event %d: %w", e.Seq, err)
		}
		if err := mayPlan(e.Seq, data.Source.Tasks, data.Source); err != nil {
			return err
		}
	case engine.SourceData:
		if err := mayPlan(e.Seq, data.Source.Tasks, data.Source); err != nil {
			return err
		}
	case engine.TasksData:
		if err := v.apply(); err != nil {
			return err
		}
		if v.w.Source == nil {
			return foreign("event %d plans what was not created", e.Seq)
		}
		if err := mayPlan(e.Seq, data.Tasks, *v.w.Source); err != nil {
			return err
		}
	case engine.FinishedData:
		v.ended[engine.AttemptID{Task: e.Task, Number: e.Attempt, Check: data.Check}] = data.Outcome.Transcript
	case engine.InterruptedData:
		v.ended[engine.AttemptID{Task: e.Task, Number: e.Attempt, Check: data.Check}] = engine.Transcript{}
	}
	if v.batch = append(v.batch, e); len(v.batch) < 512 {
		return nil
	}
	return v.apply()
}

// mayPlan wants tasks, where there are any, that the engine would have taken: their ids become names of folders.
func mayPlan(seq uint64, tasks []engine.PlannedTask, source engine.Source) error {
	if len(tasks) == 0 {
		return nil
	}
	if problems := engine.PlanProblems(tasks, source); len(problems) > 0 {
		return foreign("event %d: its tasks are no plan: %s", seq, problems[0])
	}
	return nil
}

// apply replays what was taken.
func (v *verified) apply() (err error) {
	if v.w, err = engine.Evolve(v.w, v.batch...); err != nil {
		return foreign("replay it: %w", err)
	}
	v.batch = v.batch[:0]
	return nil
}

// holds says whether a member belongs to what the events tell, and is what they tell.
func (v *verified) holds(m member) error {
	id, file, ok := place(m.Name)
	if !ok {
		return nil // one of those with names of their own
	}
	said, ended := v.ended[id]
	switch {
	case !ended:
		return foreign("%s belongs to no attempt that its events tell of", m.Name)
	case file == steps.TranscriptName && said.SHA256 != "" && said.Cut == 0 && said.Bytes == m.Size && said.SHA256 != m.SHA256:
		return foreign("%s is not what the attempt printed", m.Name)
	}
	return nil
}

// readRecords reads the list of snapshots, each of which must be one of an attempt.
func (u unpacked) readRecords(v *verified) error {
	_, list := u.members[recordsName]
	if _, pack := u.members[packName]; list != pack {
		return foreign("it has a list of snapshots without their files, or files without a list")
	}
	if !list {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(u.dir, recordsName))
	if err != nil {
		return err
	}
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&v.records); err != nil {
		return foreign("read %s: %w", recordsName, err)
	}
	if len(v.records) == 0 {
		return foreign("its list of snapshots is empty")
	}
	for _, r := range v.records {
		id, ok := belongs(r.Message, u.head.Workflow)
		if t := v.w.Task(id.Task); !ok || t == nil || id.Number > t.Attempts {
			return foreign("the snapshot %.100q belongs to no attempt that its events tell of", r.Message)
		}
	}
	return nil
}
