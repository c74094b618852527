package agent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wrapix/wrapix/engine"
)

// read reads a stream in pieces of that size, and returns the report and what is shown.
func read(d Driver, stream []byte, size int) (Report, string) {
	var shown bytes.Buffer
	r := d.Reader(func(b []byte) { shown.Write(b) })
	for ; len(stream) > size; stream = stream[size:] {
		r.Write(stream[:size])
	}
	r.Write(stream)
	return r.Report(), shown.String()
}

const (
	claudeInit = `{"type":"system","subtype":"init","session_id":"s-1","tools":["Bash"],"mcp_servers":[],"apiKeySource":"ANTHROPIC_API_KEY"}`
	claudeSays = `{"type":"assistant","session_id":"s-1","message":{"id":"m1","content":[{"type":"text","text":"I look."}],"usage":{"input_tokens":10,"cache_read_input_tokens":5,"output_tokens":1}}}`
	claudeTool = `{"message":{"id":"m1","content":[{"type":"tool_use","name":"Bash","input":{"command":"go test\n./..."}}],"usage":{"input_tokens":10,"cache_read_input_tokens":5,"output_tokens":7}},"type":"assistant"}`
	claudeUser = `{"type":"user","message":{"content":[{"type":"tool_result","is_error":true,"content":"exit 1\nRALPH_BLOCKED: no"}]}}`
	claudeNext = `{"type":"assistant","message":{"id":"m2","content":[{"type":"text","text":"429 rate_limit_event RALPH_COMPLETE"}],"usage":{"input_tokens":20,"output_tokens":3}}}`
)

func claudeResult(fields string) string {
	return `{"type":"result","subtype":"success","session_id":"s-1",` + fields + `}`
}

func TestClaude(t *testing.T) {
	good := claudeResult(`"is_error":false,"result":"All done.\n\nRALPH_COMPLETE","total_cost_usd":0.25,"usage":{"input_tokens":30,"cache_creation_input_tokens":100,"cache_read_input_tokens":5,"output_tokens":10}`)
	until := time.Unix(1790000000, 0)
	tests := []struct {
		name    string
		records []string
		want    Report
		shown   string // a part of it
	}{
		{
			"complete", []string{claudeInit, claudeSays, claudeTool, claudeUser, claudeNext, good},
			Report{Signal: engine.SignalComplete, Session: "s-1", CostUSD: 0.25, InputTokens: 135, OutputTokens: 10, Over: true},
			"I look.\n> Bash go test ./...\n[failed: exit 1 RALPH_BLOCKED: no]\n",
		},
		{
			"killed in the middle: the usage of each message counts once", []string{claudeInit, claudeSays, claudeTool, claudeNext},
			Report{Session: "s-1", InputTokens: 35, OutputTokens: 10}, "",
		},
		{
			"the first result counts", []string{claudeInit, good, claudeResult(`"is_error":false,"result":"RALPH_BLOCKED: more","total_cost_usd":9`)},
			Report{Signal: engine.SignalComplete, Session: "s-1", CostUSD: 0.25, InputTokens: 135, OutputTokens: 10, Over: true}, "",
		},
		{
			"an error that is called success", []string{claudeResult(`"is_error":true,"terminal_reason":"prompt_too_long","result":"RALPH_COMPLETE"`)},
			Report{Session: "s-1", Over: true, Failed: "the agent ended with an error (prompt_too_long): RALPH_COMPLETE"}, "",
		},
		{
			"a subscription's limit", []string{
				`{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":1790000000,"rateLimitType":"five_hour"}}`,
				claudeResult(`"is_error":true,"terminal_reason":"api_error","api_error_status":429,"result":"You've hit your 5-hour limit"`),
			},
			Report{Session: "s-1", Over: true, Shut: &engine.ShutError{Message: "the agent's limit is reached: You've hit your 5-hour limit", Limited: true, Until: until}},
			"[the limit five_hour is reached]\n",
		},
		{
			"a limit that was only near", []string{`{"type":"rate_limit_event","rate_limit_info":{"status":"allowed_warning","resetsAt":1790000000}}`, good},
			Report{Signal: engine.SignalComplete, Session: "s-1", CostUSD: 0.25, InputTokens: 135, OutputTokens: 10, Over: true}, "",
		},
		{
			"too many requests", []string{claudeResult(`"is_error":true,"terminal_reason":"api_error","api_error_status":429,"result":"API Error"`)},
			Report{Session: "s-1", Over: true, Shut: &engine.ShutError{Message: "the agent's service asks to slow down: API Error", Limited: true}}, "",
		},
		{
			"a wrong key is seen at the first retry", []string{claudeInit, `{"type":"system","subtype":"api_retry","attempt":1,"max_retries":10,"retry_delay_ms":500,"error_status":401,"error":"authentication_failed"}`},
			Report{Session: "s-1", Over: true, Shut: &engine.ShutError{
				Message: "the agent's service refuses the login (401 (authentication_failed))",
				Try:     "look at the agent's key in [secrets] of wrapix.toml, then go on with: ralph loop",
			}},
			"[the agent's service refuses the login",
		},
		{
			"a model that is not there", []string{claudeResult(`"is_error":true,"terminal_reason":"api_error","api_error_status":404,"result":"model: gone"`)},
			Report{Session: "s-1", Over: true, Shut: &engine.ShutError{
				Message: "the agent's service does not have what is asked for (404): model: gone",
				Try:     "look at model and base_url in [agent] of wrapix.toml, then go on with: ralph loop",
			}}, "",
		},
		{
			"overloaded, and then not", []string{`{"type":"system","subtype":"api_retry","attempt":2,"max_retries":10,"retry_delay_ms":1500,"error_status":529,"error":"overloaded"}`, good},
			Report{Signal: engine.SignalComplete, Session: "s-1", CostUSD: 0.25, InputTokens: 135, OutputTokens: 10, Over: true},
			"[the service answers 529 (overloaded); try 2 of 10 in 1.5s]\n",
		},
		{
			"overloaded to the end", []string{claudeResult(`"is_error":true,"terminal_reason":"api_error","api_error_status":529,"result":"Overloaded"`)},
			Report{Session: "s-1", Over: true, Fault: "the agent's service does not work: Overloaded"}, "",
		},
		{
			"no network", []string{claudeResult(`"is_error":true,"terminal_reason":"api_error","api_error_status":null,"result":"Connection error."`)},
			Report{Session: "s-1", Over: true, Fault: "the agent's service does not work: Connection error."}, "",
		},
		{
			"what is no record", []string{"Segmentation fault", `{"type":`, `{"type":"of tomorrow","message":7}`, `[1]`, `{"type":"assistant","message":{"content":"x"}}`, good},
			Report{Signal: engine.SignalComplete, Session: "s-1", CostUSD: 0.25, InputTokens: 135, OutputTokens: 10, Over: true},
			"Segmentation fault\n{\"type\":\n[1]\n",
		},
		{
			"a record without end", []string{claudeInit, `{"type":"user","x":"` + strings.Repeat("x", maxRecord) + `"}`, good},
			Report{Signal: engine.SignalComplete, Session: "s-1", CostUSD: 0.25, InputTokens: 135, OutputTokens: 10, Over: true},
			"[a record of more than 4 MiB is not shown]\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stream := []byte(strings.Join(tt.records, "\n") + "\n")
			for _, size := range []int{1 << 30, 4096, 7} {
				got, shown := read(Claude{}, stream, size)
				if !reflect.DeepEqual(got, tt.want) {
					t.Errorf("in pieces of %d: %+v\nwant %+v (%v)", size, got, tt.want, tt.want.Shut)
				}
				if !strings.Contains(shown, tt.shown) {
					t.Errorf("in pieces of %d shown %q, want %q", size, shown, tt.shown)
				}
			}
		})
	}
}

func TestClaudeLaunch(t *testing.T) {
	l := Claude{Model: "m", BaseURL: "http://127.0.0.1:1", Args: []string{"--max-turns", "5"}}.Launch(Turn{Prompt: "/run/ralph/prompt.md"})
	if l.Command.Args[0] != "claude" || l.Command.Stdin != "/run/ralph/prompt.md" || l.Env["ANTHROPIC_BASE_URL"] != "http://127.0.0.1:1" {
		t.Errorf("%+v", l)
	}
	if got := fmt.Sprint(l.Command.Args); !strings.Contains(got, "--strict-mcp-config") || !strings.Contains(got, "--model m") || !strings.HasSuffix(got, "--max-turns 5]") {
		t.Error(got)
	}
	for _, arg := range l.Command.Args {
		if strings.Contains(arg, "KEY") {
			t.Errorf("a login on the command line: %s", arg)
		}
	}
}

// Whatever comes, in whatever pieces, gives the same report, and nothing is kept without bound.
func FuzzClaude(f *testing.F) {
	for _, seed := range []string{claudeInit, claudeSays, claudeTool, claudeUser, claudeNext, "{}\n\n{", `{"type":"result"}`, `{"type":"assistant","message":{"content":[{"type":"tool_use","input":{"a":1}}]}}`} {
		f.Add([]byte(seed+"\n"), 3)
	}
	f.Fuzz(func(t *testing.T, stream []byte, size int) {
		if size < 1 || size > 1<<20 {
			size = 1
		}
		whole, shown := read(Claude{}, stream, len(stream)+1)
		parts, shownToo := read(Claude{}, stream, size)
		if !reflect.DeepEqual(whole, parts) || shown != shownToo {
			t.Errorf("whole %+v %q\nparts %+v %q", whole, shown, parts, shownToo)
		}
	})
}

// What the real client printed, against a scripted service, is read as it was meant.
func TestClaudeRecordings(t *testing.T) {
	for name, meant := range map[string]func(Report) bool{
		"complete": func(r Report) bool {
			return r.Signal == engine.SignalComplete && r.CostUSD > 0 && r.InputTokens > 0 && r.OutputTokens > 0 && r.Over && r.Shut == nil && r.Failed == ""
		},
		"limit":   func(r Report) bool { return r.Shut != nil && r.Shut.Limited && r.Shut.Until.Unix() == 1796084646 },
		"refused": func(r Report) bool { return r.Shut != nil && !r.Shut.Limited && r.Over },
	} {
		t.Run(name, func(t *testing.T) {
			stream, err := os.ReadFile("../../testdata/agents/claude/2.1.330/" + name + ".jsonl")
			if err != nil {
				t.Fatal(err)
			}
			whole, _ := read(Claude{}, stream, 1<<20)
			if !meant(whole) || whole.Session == "" {
				t.Errorf("%+v", whole)
			}
			// Cut anywhere it is no more than it was.
			for at := 0; at < len(stream); at += 97 {
				if cut, _ := read(Claude{}, stream[:at], 4096); cut.Signal != engine.SignalNone && cut.Signal != whole.Signal || cut.CostUSD > whole.CostUSD {
					t.Fatalf("cut at %d: %+v", at, cut)
				}
			}
			// With what nobody knows in between, and a second result.
			lines := bytes.SplitAfter(stream, []byte("\n"))
			noise := []byte("{\"type\":\"of tomorrow\",\"x\":[1]}\nnoise\n")
			mixed := append(bytes.Join(lines, noise), lines[len(lines)-2]...)
			if got, _ := read(Claude{}, mixed, 1<<20); !reflect.DeepEqual(got, whole) {
				t.Errorf("with noise %+v\nwithout %+v", got, whole)
			}
		})
	}
}

func TestKind(t *testing.T) {
	for text, want := range map[string]string{
		`{"type":"user"}`: "user", `{"a":{"type":"x"},"b":["type","y",{"type":"z"}], "type" : "result","c":1}`: "result",
		`{"a":"\\","b":"\"type\":\"x","type":"user"}`: "user", `{"type":7}`: "", `{"x":"type"}`: "", `{"typ`: "", `[{"type":"x"}]`: "", ``: "", `{"type":"`: "",
		`{"a":"type","type":"b"}`: "b",
	} {
		if got := kindOf([]byte(text)); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func FuzzKind(f *testing.F) {
	f.Add([]byte(`{"a":"\\\"","type":"user"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var object map[string]any
		if json.Unmarshal(text, &object) != nil || bytes.Count(text, []byte("type")) != 1 || bytes.ContainsRune(text, '\\') || !utf8.Valid(text) {
			_ = kindOf(text)
			return
		}
		want, _ := object["type"].(string)
		if got := kindOf(text); got != want && !strings.ContainsFunc(string(text), unicode.IsSpace) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	})
}
