package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/store"
)

// noRaceSleep keeps the race detector from letting each process sleep for a second at its end.
const noRaceSleep = "GORACE=atexit_sleep_ms=0"

// wholeAccount says what is wrong with a workflow that was interrupted and has come to its end. The file `witness` in
// the project has a line of each attempt that ran.
func wholeAccount(state string, id engine.WorkflowID, project string) error {
	ctx := context.Background()
	s, err := store.Open(filepath.Join(state, store.File), store.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer s.Close()
	var wrong []error
	problems, err := s.Verify(ctx)
	if err != nil || len(problems) > 0 {
		wrong = append(wrong, fmt.Errorf("the store is not whole: %v, %w", problems, err))
	}
	witness, err := os.ReadFile(filepath.Join(project, "witness"))
	if err != nil {
		return err
	}
	var seq uint64
	var last engine.EventType
	intended, ended := map[engine.AttemptID]int{}, map[engine.AttemptID]int{}
	err = s.Events(ctx, id, 0, func(e engine.Event) error {
		if seq++; e.Seq != seq {
			wrong = append(wrong, fmt.Errorf("event %d has the number %d", seq, e.Seq))
		}
		last = e.Type
		of := func(check int) engine.AttemptID {
			return engine.AttemptID{Task: e.Task, Number: e.Attempt, Check: check}
		}
		switch data := e.Data.(type) {
		case engine.IntendedData:
			intended[of(data.Check)]++
		case engine.InterruptedData:
			ended[of(data.Check)]++
		case engine.FinishedData:
			ended[of(data.Check)]++
			if n := strings.Count(string(witness), of(0).String()+"\n"); n != 1 {
				wrong = append(wrong, fmt.Errorf("%s finished and ran %d times", of(data.Check), n))
			}
		}
		return nil
	})
	for a, n := range intended {
		if n != 1 || ended[a] != 1 {
			wrong = append(wrong, fmt.Errorf("%s was announced %d times and ended %d times", a, n, ended[a]))
		}
	}
	if last != engine.WorkflowDone {
		wrong = append(wrong, fmt.Errorf("the last event is %s", last))
	}
	return errors.Join(append(wrong, err)...)
}

// containersOf says which containers of the project are left.
func containersOf(project string) error {
	left, err := exec.Command("podman", "ps", "-a", "-q", "--filter", "label=wrapix.project="+project).Output()
	if err != nil || len(left) > 0 {
		return fmt.Errorf("containers are left: %s, %w", left, err)
	}
	return nil
}
