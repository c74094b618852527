package store

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wrapix/wrapix/engine"
)

// decodeTask must give what json.Unmarshal gives, for every task there can be.
func TestDecodeTask(t *testing.T) {
	texts := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"", "a\nb\t\"c\"\\", "<b>&amp;</b>", "\u2028\u2029", "\x00\x1f\x7f", "naïve 漢字 😀", "\xff\xfe", `\u0041`, `\`, `"`, "\b\f\r",
		strings.Repeat("x", 5000),
	}))
	ids := rapid.Map(texts, func(s string) engine.TaskID { return engine.TaskID(s) })
	lists := rapid.SliceOfN(texts, 0, 3)
	rapid.Check(t, func(t *rapid.T) {
		task := engine.Task{
			PlannedTask: engine.PlannedTask{
				ID: ids.Draw(t, "id"), Title: texts.Draw(t, "title"), Description: texts.Draw(t, "description"), Profile: texts.Draw(t, "profile"),
				After: rapid.SliceOfN(ids, 0, 3).Draw(t, "after"), Covers: lists.Draw(t, "covers"), Checks: lists.Draw(t, "checks"),
			},
			State: engine.TaskState(texts.Draw(t, "state")), Attempts: rapid.Int().Draw(t, "attempts"),
			CheckRuns: rapid.IntRange(0, 2).Draw(t, "check runs"), Failures: rapid.IntRange(-1, 2).Draw(t, "failures"),
			Verified: rapid.Ptr(rapid.Bool(), true).Draw(t, "verified"), Tree: texts.Draw(t, "tree"), Head: texts.Draw(t, "head"), Note: texts.Draw(t, "note"),
		}
		if rapid.Bool().Draw(t, "failed") {
			task.LastFailure = &engine.Failure{Attempt: 3, Reason: texts.Draw(t, "reason"), Evidence: texts.Draw(t, "evidence"), Tree: texts.Draw(t, "failed tree"), Head: texts.Draw(t, "failed head"), Same: 2}
		}
		if rapid.Bool().Draw(t, "no lists") {
			task.After, task.Covers, task.Checks = nil, nil, nil
		}
		if rapid.IntRange(0, 3).Draw(t, "more") == 0 {
			task.Open = &engine.Activity{ID: engine.AttemptID{Task: task.ID, Number: 1}, Since: time.Unix(1e9, 0).UTC()}
			task.Wait = &engine.Wait{Kind: engine.Blocked, Message: texts.Draw(t, "message")}
			task.Answers = []engine.Answer{{Question: texts.Draw(t, "question"), Text: "x"}}
		}
		text, err := json.Marshal(task)
		if err != nil {
			t.Fatal(err)
		}
		var want, got engine.Task
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		if err := decodeTask(string(text), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\nis read as %+v, %v\ninstead of  %+v", text, got, err, want)
		}
		var over engine.Task
		err = overTask(string(text), &over, &engine.Task{PlannedTask: engine.PlannedTask{Checks: task.Covers}, State: task.State})
		want.Description, want.Covers, want.LastFailure, want.Answers, want.Tree, want.Head, want.Note = "", nil, nil, nil, "", "", ""
		if err != nil || !reflect.DeepEqual(over, want) {
			t.Fatalf("%s\nis overlooked as %+v, %v\ninstead of        %+v", text, over, err, want)
		}
		cut := rapid.IntRange(0, len(text)-1).Draw(t, "cut")
		if err := decodeTask(string(text[:cut]), &got); err == nil {
			t.Fatalf("%s is read as a task", text[:cut])
		}
	})
}

// Every field that many tasks have is read the fast way. One that is new here belongs into decodeTask.
func TestDecodeTaskKnowsAllFields(t *testing.T) {
	fields := map[string]bool{}
	var note func(reflect.Type)
	note = func(typ reflect.Type) {
		for i := range typ.NumField() {
			f := typ.Field(i)
			if f.Anonymous {
				note(f.Type)
				continue
			}
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			fields[name] = true
		}
	}
	note(reflect.TypeFor[engine.Task]())
	note(reflect.TypeFor[engine.Failure]())
	for _, slow := range []string{"open", "wait", "answers"} {
		delete(fields, slow)
	}
	for _, fast := range []string{
		"id", "title", "description", "profile", "after", "covers", "checks", "state", "attempts", "check_runs", "failures",
		"verified", "last_failure", "tree", "head", "note",
		"attempt", "reason", "evidence", "same", // of the last failure
	} {
		delete(fields, fast)
	}
	if len(fields) > 0 {
		t.Errorf("decodeTask does not know %v", fields)
	}
}
