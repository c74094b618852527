package agent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/wrapix/wrapix/engine"
)

// Reader reads the stream of JSON records.
func (c Claude) Reader(show func([]byte)) Reader {
	r := &claudeReader{show: show}
	r.lines = lines{each: r.record, left: func() { r.note("a record of more than %d MiB is not shown", maxRecord>>20) }}
	return r
}

// claudeReader makes one report of many records. Of results the first counts: what follows is of a turn that nobody asked
// for.
type claudeReader struct {
	lines  lines
	show   func([]byte)
	report Report
	// counted is the usage of the messages that are complete, counting that of the one whose records still come: each record
	// of a message repeats its usage as far as it goes.
	counted, counting claudeUsage
	message           string
	limit             *claudeLimit
	result            bool
}

type claudeRecord struct {
	Type    string `json:"type"`
	Subtype string `json:"subtype"`
	Session string `json:"session_id"`
	Model   string `json:"model"` // of the first record
	Message *struct {
		ID      string          `json:"id"`
		Content json.RawMessage `json:"content"`
		Usage   claudeUsage     `json:"usage"`
	} `json:"message"`
	Parent *string `json:"parent_tool_use_id"`

	// api_retry
	Attempt    int     `json:"attempt"`
	MaxRetries int     `json:"max_retries"`
	Delay      float64 `json:"retry_delay_ms"`
	Status     int     `json:"error_status"`
	Error      any     `json:"error"`

	Limit *claudeLimit `json:"rate_limit_info"`

	// result
	IsError        bool        `json:"is_error"`
	TerminalReason string      `json:"terminal_reason"`
	APIStatus      int         `json:"api_error_status"`
	Cost           float64     `json:"total_cost_usd"`
	Usage          claudeUsage `json:"usage"`
	Result         string      `json:"result"`
}

type claudeUsage struct {
	Input    int64 `json:"input_tokens"`
	Created  int64 `json:"cache_creation_input_tokens"`
	FromThat int64 `json:"cache_read_input_tokens"`
	Output   int64 `json:"output_tokens"`
}

func (u claudeUsage) input() int64 { return u.Input + u.Created + u.FromThat }

func (u claudeUsage) add(other claudeUsage) claudeUsage {
	return claudeUsage{u.Input + other.Input, u.Created + other.Created, u.FromThat + other.FromThat, u.Output + other.Output}
}

type claudeLimit struct {
	Status string `json:"status"` // allowed, allowed_warning, rejected
	Resets int64  `json:"resetsAt"`
	// Overage says that the work goes on beyond the limit, and is paid for.
	Overage bool   `json:"isUsingOverage"`
	Type    string `json:"rateLimitType"`
}

// until is when a limit that was reached ends.
func (l claudeLimit) until() time.Time {
	if l.Resets <= 0 {
		return time.Time{}
	}
	return time.Unix(l.Resets, 0)
}

func (r *claudeReader) Write(b []byte) { r.lines.write(b) }

func (r *claudeReader) Report() Report {
	report := r.report
	if !r.result {
		used := r.counted.add(r.counting)
		report.InputTokens, report.OutputTokens = used.input(), used.Output
	}
	return report
}

// record reads one line. What is no record is shown as it is, because then it is a message of the client's.
func (r *claudeReader) record(line []byte) {
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return
	}
	if kindOf(line) == "user" && !bytes.Contains(line, []byte(`"is_error"`)) { // of these only failures are wanted
		return
	}
	var rec claudeRecord
	if line[0] != '{' || json.Unmarshal(line, &rec) != nil && rec.Type == "" {
		r.show(append(bytes.Clone(line), '\n'))
		return
	}
	if r.report.Session == "" && len(rec.Session) <= maxSession {
		r.report.Session = rec.Session
	}
	if r.result {
		return
	}
	switch rec.Type {
	case "system":
		if r.report.Model == "" && len(rec.Model) <= maxSession {
			r.report.Model = rec.Model
		}
		if rec.Subtype == "api_retry" {
			r.retry(rec)
		}
	case "assistant":
		r.assistant(rec)
	case "user":
		r.toolResults(rec)
	case "rate_limit_event":
		r.limited(rec.Limit)
	case "result":
		r.end(rec)
	}
}

// maxSession bounds the name of a session or model.
const maxSession = 128

func (r *claudeReader) note(format string, args ...any) {
	r.show(fmt.Appendf(nil, "["+format+"]\n", args...))
}

// retry is told when the service refused a request and the client is going to ask again.
func (r *claudeReader) retry(rec claudeRecord) {
	why, _ := rec.Error.(string)
	if refused := refusal(rec.Status, why); refused != nil { // asking again for two minutes gives the same answer
		r.report.Over, r.report.Shut = true, refused
		r.note("%s", refused.Message)
		return
	}
	r.note("the service answers %s; try %d of %d in %s", answer(rec.Status, why), rec.Attempt, rec.MaxRetries,
		(time.Duration(rec.Delay) * time.Millisecond).Round(100*time.Millisecond))
}

func answer(status int, why string) string {
	switch {
	case status == 0:
		return "nothing (" + oneLine(why, 100) + ")"
	case why == "":
		return fmt.Sprint(status)
	}
	return fmt.Sprintf("%d (%s)", status, oneLine(why, 100))
}

// refusal is the end of what a client can do about an answer of its service; nil where trying again can help.
func refusal(status int, why string) *engine.ShutError {
	switch {
	case status == 401 || status == 403 || why == "authentication_failed":
		return &engine.ShutError{
			Message: fmt.Sprintf("the agent's service refuses the login (%s)", answer(status, why)),
			Try:     "look at the agent's key in [secrets] of wrapix.toml, then go on with: ralph loop",
		}
	case status == 402 || why == "billing_error":
		return &engine.ShutError{
			Message: fmt.Sprintf("the agent's service wants to be paid (%s)", answer(status, why)),
			Try:     "look at the account of the agent's key, then go on with: ralph loop",
		}
	case status == 404:
		return &engine.ShutError{
			Message: fmt.Sprintf("the agent's service does not have what is asked for (%s)", answer(status, why)),
			Try:     "look at model and base_url in [agent] of wrapix.toml, then go on with: ralph loop",
		}
	}
	return nil
}

// limited takes what the service says of a subscription's limits.
func (r *claudeReader) limited(limit *claudeLimit) {
	if limit == nil {
		return
	}
	r.limit = limit
	if limit.Status == "rejected" {
		r.note("the limit %s is reached", oneLine(limit.Type, 40))
	}
}

// assistant shows what the model said and did.
func (r *claudeReader) assistant(rec claudeRecord) {
	if rec.Message == nil {
		return
	}
	if rec.Message.ID != r.message || r.message == "" {
		r.counted, r.message = r.counted.add(r.counting), rec.Message.ID
	}
	r.counting = rec.Message.Usage
	var content []struct {
		Type  string         `json:"type"`
		Text  string         `json:"text"`
		Name  string         `json:"name"`
		Input map[string]any `json:"input"`
	}
	if json.Unmarshal(rec.Message.Content, &content) != nil {
		return
	}
	for _, part := range content {
		switch part.Type {
		case "text":
			r.show([]byte(strings.TrimRight(part.Text, "\n") + "\n"))
		case "tool_use":
			r.show([]byte("> " + oneLine(part.Name, 60) + " " + oneLine(toolInput(part.Input), 160) + "\n"))
		}
	}
}

// toolInput is the one argument of a tool that says most.
func toolInput(input map[string]any) string {
	for _, name := range []string{"command", "file_path", "path", "pattern", "url", "query", "description", "prompt"} {
		if text, ok := input[name].(string); ok {
			return text
		}
	}
	text, err := json.Marshal(input)
	if err != nil || len(input) == 0 {
		return ""
	}
	return string(text)
}

// toolResults shows what went wrong; what went well is long, and the model says what came of it.
func (r *claudeReader) toolResults(rec claudeRecord) {
	if rec.Message == nil {
		return
	}
	var content []struct {
		Type    string          `json:"type"`
		IsError bool            `json:"is_error"`
		Content json.RawMessage `json:"content"`
	}
	if json.Unmarshal(rec.Message.Content, &content) != nil {
		return
	}
	for _, part := range content {
		var text string
		if part.Type == "tool_result" && part.IsError && json.Unmarshal(part.Content, &text) == nil {
			r.note("failed: %s", oneLine(text, 200))
		}
	}
}

// end takes the result. Its subtype says "success" of failures too.
func (r *claudeReader) end(rec claudeRecord) {
	r.result = true
	r.report.Over = true
	r.report.CostUSD, r.report.InputTokens, r.report.OutputTokens = rec.Cost, rec.Usage.input(), rec.Usage.Output
	var said signals
	said.write([]byte(rec.Result))
	r.report.Signal, r.report.Message = said.result()
	if !rec.IsError {
		return
	}
	r.report.Signal, r.report.Message = engine.SignalNone, ""
	text := oneLine(rec.Result, 200)
	why := refusal(rec.APIStatus, "")
	switch {
	case r.limit != nil && r.limit.Status == "rejected" && !r.limit.Overage && rec.APIStatus == 429:
		r.report.Shut = &engine.ShutError{Message: "the agent's limit is reached: " + text, Limited: true, Until: r.limit.until()}
	case rec.APIStatus == 429:
		r.report.Shut = &engine.ShutError{Message: "the agent's service asks to slow down: " + text, Limited: true}
	case why != nil:
		why.Message += ": " + text
		r.report.Shut = why
	case rec.APIStatus >= 500 || rec.APIStatus == 0 && rec.TerminalReason == "api_error":
		r.report.Fault = "the agent's service does not work: " + text
	default:
		reason := rec.TerminalReason
		if reason == "" || reason == "completed" {
			reason = rec.Subtype
		}
		r.report.Failed = fmt.Sprintf("the agent ended with an error (%s): %s", oneLine(reason, 60), text)
	}
}

// oneLine makes a short line of a text of any kind.
func oneLine(text string, max int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= max {
		return text
	}
	return strings.ToValidUTF8(text[:max], "") + "…"
}
