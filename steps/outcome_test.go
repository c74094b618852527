package steps

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/steps/agent"
)

func outcomeOf(t *testing.T, phase engine.Phase, r sandbox.Result, printed string) engine.Outcome {
	t.Helper()
	s := New(Options{Project: t.TempDir()})
	w := workflowOf(t, s, demoSpec)
	tr := &transcript{reader: agent.Command{}.Reader(func([]byte) {})}
	tr.reader.Write([]byte(printed))
	if r.Ended == "" {
		r.Ended = sandbox.EndedExited
	}
	return s.outcome(w, engine.Activity{ID: engine.AttemptID{Task: "T1", Number: 1}, Phase: phase}, r, tr)
}

func exits(codes ...int) []sandbox.Exit {
	var list []sandbox.Exit
	for _, c := range codes {
		list = append(list, sandbox.Exit{Code: c, Output: "some output"})
	}
	return list
}

func TestOutcomeOfAnAgent(t *testing.T) {
	file := func(text string) map[string][]byte { return map[string][]byte{resultPath: []byte(text)} }
	tests := []struct {
		name    string
		r       sandbox.Result
		printed string
		signal  engine.Signal
		message string
		failed  string // a part of it
	}{
		{"complete", sandbox.Result{Exits: exits(0)}, "RALPH_COMPLETE\n", engine.SignalComplete, "", ""},
		{"exit code counts more than words", sandbox.Result{Exits: exits(3)}, "RALPH_COMPLETE\n", engine.SignalComplete, "", "exited with code 3"},
		{"timeout", sandbox.Result{Ended: sandbox.EndedTimeout, Error: "it took longer than 2h0m0s", Exits: exits(137)}, "", "", "", "timeout: it took longer than 2h0m0s"},
		{"not started", sandbox.Result{Ended: sandbox.EndedStartFailed, Error: "no such file"}, "", "", "", "no such file"},
		{"stopped", sandbox.Result{Ended: sandbox.EndedTerminated, Exits: exits(143)}, "", "", "", "terminated"},
		{"the file wins over text", sandbox.Result{Exits: exits(0), Files: file(`{"signal":"clarify","message":"why?"}`)}, "RALPH_COMPLETE\n", engine.SignalClarify, "why?", ""},
		{"the file without a signal", sandbox.Result{Exits: exits(0), Files: file(`{"cost_usd":0.5}`)}, "RALPH_COMPLETE\n", engine.SignalComplete, "", ""},
		{"a damaged file", sandbox.Result{Exits: exits(0), Files: file(`{"signal":`)}, "RALPH_COMPLETE\n", engine.SignalComplete, "", "cannot be read"},
		{"an unknown signal", sandbox.Result{Exits: exits(0), Files: file(`{"signal":"won"}`)}, "", "", "", "is none of"},
		{"cost without bounds", sandbox.Result{Exits: exits(0), Files: file(`{"signal":"complete","cost_usd":1e308}`)}, "", "", "", "more than an attempt can use"},
		{"tokens without bounds", sandbox.Result{Exits: exits(0), Files: file(`{"signal":"complete","output_tokens":9223372036854775807}`)}, "", "", "", "more than an attempt can use"},
		{"negative cost", sandbox.Result{Exits: exits(0), Files: file(`{"signal":"complete","cost_usd":-1}`)}, "", "", "", "negative"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := outcomeOf(t, engine.PhaseStep, tt.r, tt.printed)
			if o.Signal != tt.signal || o.Message != tt.message {
				t.Errorf("signal %q %q, want %q %q", o.Signal, o.Message, tt.signal, tt.message)
			}
			if tt.failed == "" && o.Failed != "" || !strings.Contains(o.Failed, tt.failed) {
				t.Errorf("failed %q, want %q", o.Failed, tt.failed)
			}
		})
	}
}

func TestOutcomeOfChecks(t *testing.T) {
	if o := outcomeOf(t, engine.PhaseVerify, sandbox.Result{Exits: exits(0)}, ""); !o.Passed() {
		t.Errorf("a check that exits 0 has not passed: %+v", o)
	}
	o := outcomeOf(t, engine.PhaseVerify, sandbox.Result{Exits: exits(2)}, "")
	if o.Passed() || !strings.Contains(o.Evidence, "$ sh greet.sh\nsome output\n[exit code 2]") {
		t.Errorf("evidence %q", o.Evidence)
	}
	if o := outcomeOf(t, engine.PhaseVerify, sandbox.Result{Ended: sandbox.EndedTimeout}, ""); o.Passed() {
		t.Error("checks that did not run have passed")
	}
}

func TestBounded(t *testing.T) {
	for _, text := range []string{"", "ä\x00\x1b[31mred\xff", strings.Repeat("ä", 20000)} {
		got := bounded(text, 1024)
		if len(got) > 1024 || !utf8.ValidString(got) || strings.ContainsAny(got, "\x00\x1b") {
			t.Errorf("%d bytes become %d: %.80q", len(text), len(got), got)
		}
	}
}

func TestParsePlan(t *testing.T) {
	tasks, err := parsePlan([]byte(`{"tasks":[{"id":"T1","title":"a","after":["T0"],"checks":["true"]}]}`))
	if err != nil || len(tasks) != 1 || tasks[0].After[0] != "T0" {
		t.Errorf("%+v, %v", tasks, err)
	}
	for _, bad := range []string{"", "[]", "{", `{"tasks":"x"}`} {
		if _, err := parsePlan([]byte(bad)); err == nil {
			t.Errorf("%q is taken as a plan", bad)
		}
	}
}
