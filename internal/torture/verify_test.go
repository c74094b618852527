package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The witness, too, is shown each of the things that it is there to see.
func TestWitness(t *testing.T) {
	const finished = `{"type":"attempt.finished","task":"T1","attempt":1,"data":{"outcome":{"exit_code":0}}}`
	tests := map[string]struct {
		witness, events string
		gentle          bool
		problem         string
	}{
		"good":                  {"began T1/1\nended T1/1\n", finished, true, ""},
		"ran twice":             {"began T1/1\nbegan T1/1\nended T1/1\n", finished, false, "T1/1 ran twice"},
		"never ran":             {"", finished, false, "begin 0 and end 0 times"},
		"did not end":           {"began T1/1\n", finished, false, "begin 1 and end 0 times"},
		"killed, so no end":     {"began T1/1\n", strings.Replace(finished, `"exit_code":0`, `"exit_code":-1,"failed":"the sandbox was killed"`, 1), false, ""},
		"lost":                  {"began T1/1\nended T1/1\n", `{"type":"attempt.interrupted","task":"T1","attempt":1}`, true, "counts as interrupted"},
		"lost with its sandbox": {"began T1/1\nended T1/1\n", `{"type":"attempt.interrupted","task":"T1","attempt":1}`, false, ""},
		"half a line":           {"began T1/1\nended T1/1\nbeg", finished, true, `the witness says "beg"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, ".witness"), []byte(tt.witness), 0o600); err != nil {
				t.Fatal(err)
			}
			var h history
			if err := json.Unmarshal([]byte(`{"events":[`+tt.events+`]}`), &h); err != nil {
				t.Fatal(err)
			}
			r := &round{plan: plan{Gentle: tt.gentle}, project: &project{dir: dir}}
			problems, err := r.witness(t.Context(), h)
			got := strings.Join(problems, "; ")
			if err != nil || (tt.problem == "") != (got == "") || !strings.Contains(got, tt.problem) {
				t.Errorf("problems: %q, %v; want %q", got, err, tt.problem)
			}
		})
	}
}

func TestFirstGap(t *testing.T) {
	var whole strings.Builder
	for i := 1; i <= lines(1); i++ {
		fmt.Fprintf(&whole, "T1/1 %d\n", i)
	}
	good := whole.String()
	for name, tt := range map[string]struct{ transcript, gap string }{
		"whole":           {good + "RALPH_COMPLETE\n", ""},
		"cut":             {good[:len(good)-8], "line 40"},
		"a line twice":    {strings.Replace(good, "T1/1 9\n", "T1/1 9\nT1/1 9\n", 1), "line 10 is"},
		"a line left out": {strings.Replace(good, "T1/1 9\n", "", 1), "line 9 is"},
		"another's":       {strings.ReplaceAll(good, "T1/1", "T1/2"), "line 1 is"},
		"nothing":         {"", "before line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := firstGap(tt.transcript, "T1/1", 1); (tt.gap == "") != (got == "") || !strings.Contains(got, tt.gap) {
				t.Errorf("%q, want %q", got, tt.gap)
			}
		})
	}
}
