package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// A checker that sees nothing would pass everything, so it is shown each of the things it looks for.
func TestHistory(t *testing.T) {
	const good = `{"seq":1,"type":"attempt.intended","task":"T1","attempt":1},
		{"seq":2,"type":"attempt.interrupted","task":"T1","attempt":1},
		{"seq":3,"type":"attempt.intended","task":"T1","attempt":2},
		{"seq":4,"type":"attempt.finished","task":"T1","attempt":2},
		{"seq":5,"type":"task.verified","task":"T1","attempt":null}`
	tests := map[string]struct{ events, problem string }{
		"good":             {good + `,{"seq":6,"type":"workflow.done","task":null}`, ""},
		"not done":         {good, "not done"},
		"number again":     {good + `,{"seq":6,"type":"attempt.intended","task":"T1","attempt":2}`, "T1/2 after T1/2"},
		"verified already": {good + `,{"seq":6,"type":"attempt.intended","task":"T1","attempt":3}`, "was verified"},
		"two results":      {good + `,{"seq":6,"type":"attempt.finished","task":"T1","attempt":2}`, `after "attempt.finished"`},
		"no end":           {`{"seq":1,"type":"attempt.intended","task":"T1","attempt":1}`, "has no end"},
		"gap":              {`{"seq":2,"type":"workflow.done"}`, "has the number 2"},
		"after the end":    {good + `,{"seq":6,"type":"workflow.done"},{"seq":7,"type":"wait.left"}`, "after the workflow was done"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var h history
			if err := json.Unmarshal([]byte(`{"events":[`+tt.events+`]}`), &h); err != nil {
				t.Fatal(err)
			}
			problems := h.check()
			got := strings.Join(problems, "; ")
			if (tt.problem == "") != (got == "") || !strings.Contains(got, tt.problem) {
				t.Errorf("problems: %q, want %q", got, tt.problem)
			}
		})
	}
}
