package steps

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/specs"
)

// Bounds on what an agent can put into the event log.
const (
	maxMessage  = 4 << 10
	maxEvidence = 8 << 10
)

// outcome makes the engine's outcome of what the guest vouches for.
func (s *Steps) outcome(w engine.Workflow, a engine.Activity, r sandbox.Result, t *transcript) engine.Outcome {
	o := engine.Outcome{
		Started: r.Started, Finished: r.Finished, Failed: failure(r),
		Transcript: engine.Transcript{Bytes: r.Stdout.Bytes, Cut: r.Stdout.Cut, SHA256: r.Stdout.SHA256},
	}
	if a.Phase == engine.PhaseVerify {
		o.Checks = checkResults(w.Task(a.ID.Task), r)
		o.Evidence = checkEvidence(o.Checks)
		return o
	}
	report := t.reader.Report()
	if o.Failed == "" {
		o.Failed = bounded(report.Failed, maxMessage)
	}
	if n := len(r.Exits); n > 0 {
		exit := r.Exits[n-1]
		o.ExitCode = exit.Code
		if o.Failed == "" && exit.Code != 0 && !ownStop(r, report) {
			o.Failed = fmt.Sprintf("the agent exited with code %d", exit.Code)
			if exit.Signal != "" {
				o.Failed = "the agent was ended by " + exit.Signal
			}
		}
		if o.Failed != "" {
			o.Evidence = bounded(exit.Output, maxEvidence)
		}
	}
	err := errors.Join(addResult(&o, r.Files[resultPath]), withReport(&o, report))
	if err != nil && o.Failed == "" {
		o.Failed = "the agent left a result that cannot be read: " + err.Error()
	}
	o.Message = bounded(o.Message, maxMessage)
	if o.Signal == engine.SignalComplete && o.Failed == "" {
		s.product(w, a, r, &o)
	}
	return o
}

// failure says why the activity as a whole does not count.
func failure(r sandbox.Result) string {
	switch r.Ended {
	case sandbox.EndedTimeout:
		return "timeout: " + bounded(r.Error, maxMessage)
	case sandbox.EndedTerminated:
		return "the sandbox was terminated, as by an agent that ends all processes whose command line has some word in it"
	case sandbox.EndedMemory:
		return "memory_limit: " + bounded(r.Error, maxMessage)
	case sandbox.EndedStartFailed:
		return "the command could not be started: " + bounded(r.Error, maxMessage)
	}
	return ""
}

// product reads what the phases plan and ready are for. That it is missing or wrong is for the engine to judge.
func (s *Steps) product(w engine.Workflow, a engine.Activity, r sandbox.Result, o *engine.Outcome) {
	switch a.Phase {
	case engine.PhasePlan:
		text, err := readInProject(s.o.Project, w.SpecPath)
		if err != nil {
			o.Evidence = err.Error()
			return
		}
		source, _ := s.source(w.SpecPath, text)
		o.Source = &source
	case engine.PhaseReady:
		tasks, err := parsePlan(r.Files[planPath])
		if err != nil {
			o.Failed = "the proposed plan cannot be read: " + err.Error()
		}
		o.Tasks = tasks
	}
}

// agentResult is what an agent may leave in $RALPH_RESULT; its form is a contract with agents.
type agentResult struct {
	Signal       string  `json:"signal"`
	Message      string  `json:"message"`
	CostUSD      float64 `json:"cost_usd"`
	InputTokens  int64   `json:"input_tokens"`
	OutputTokens int64   `json:"output_tokens"`
}

// What an attempt says to have used is added up to what limits are held against: no sum of it may overflow.
const (
	maxCost   = 1e6
	maxTokens = 1e12
)

// addResult adds the agent's own result file to the outcome. Its signal wins over the text's.
func addResult(o *engine.Outcome, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	var r agentResult
	if err := json.Unmarshal(b, &r); err != nil {
		return err
	}
	if err := checkUsage(r.CostUSD, r.InputTokens, r.OutputTokens); err != nil {
		return err
	}
	o.CostUSD, o.InputTokens, o.OutputTokens = r.CostUSD, r.InputTokens, r.OutputTokens
	switch name := strings.TrimPrefix(strings.ToLower(r.Signal), "ralph_"); name {
	case "":
		return nil
	case "complete", "blocked", "clarify":
		o.Signal, o.Message = engine.Signal(name), r.Message
		return nil
	}
	return fmt.Errorf("signal %q is none of complete, blocked, clarify", r.Signal)
}

func checkUsage(cost float64, input, output int64) error {
	switch {
	case cost < 0 || input < 0 || output < 0:
		return errors.New("cost and tokens cannot be negative")
	case cost > maxCost || input > maxTokens || output > maxTokens:
		return fmt.Errorf("cost and tokens are more than an attempt can use: %g USD, %d and %d tokens", cost, input, output)
	}
	return nil
}

// parsePlan reads what an agent leaves in $RALPH_PLAN; its form is a contract with agents.
func parsePlan(b []byte) ([]engine.PlannedTask, error) {
	if len(b) == 0 {
		return nil, errors.New("the file that RALPH_PLAN names is missing or empty")
	}
	var plan struct {
		Tasks []engine.PlannedTask `json:"tasks"`
	}
	if err := json.Unmarshal(b, &plan); err != nil {
		return nil, err
	}
	return plan.Tasks, nil
}

// checkResults pairs the checks with how they ended; one that did not come to run has not passed.
func checkResults(t *engine.Task, r sandbox.Result) []engine.CheckResult {
	var results []engine.CheckResult
	for i, command := range t.Checks {
		c := engine.CheckResult{Command: command, ExitCode: -1, Output: "(it did not run)"}
		if i < len(r.Exits) {
			exit := r.Exits[i]
			c.ExitCode, c.Output = exit.Code, bounded(exit.Output, maxEvidence)
			c.Passed = exit.Code == 0 && exit.Signal == ""
		}
		results = append(results, c)
	}
	return results
}

// checkEvidence is what the next prompt shows of the checks that failed.
func checkEvidence(results []engine.CheckResult) string {
	var b strings.Builder
	for _, c := range results {
		if !c.Passed {
			fmt.Fprintf(&b, "$ %s\n%s\n[exit code %d]\n\n", c.Command, strings.TrimRight(c.Output, "\n"), c.ExitCode)
		}
	}
	return bounded(strings.TrimRight(b.String(), "\n"), maxEvidence)
}

// bounded makes valid text of at most max bytes out of an agent's: head and tail are kept and the cut is named.
func bounded(text string, max int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if len(text) <= max {
		return text
	}
	half := (max - 64) / 2
	head, tail := text[:half], text[len(text)-half:]
	head = strings.ToValidUTF8(head, "")
	tail = strings.ToValidUTF8(tail, "")
	return fmt.Sprintf("%s\n[… %d bytes left out …]\n%s", head, len(text)-len(head)-len(tail), tail)
}

// source makes the engine's source of a spec's text, together with what is to be said about it.
func (s *Steps) source(path string, text []byte) (engine.Source, []specs.Diagnostic) {
	spec, diagnostics := specs.Parse(path, text)
	complete, reason := specs.Complete(spec, diagnostics)
	source := engine.Source{
		Text: string(text), Hash: specs.ContentHash(text), Complete: complete, Reason: reason, Profiles: s.o.Profiles,
		Checks: s.o.Checks,
	}
	for _, t := range spec.Tasks {
		source.Tasks = append(source.Tasks, engine.PlannedTask{
			ID: engine.TaskID(t.ID), Title: t.Title, Description: t.Description, Profile: t.Profile,
			After: taskIDs(t.After), Covers: t.Covers, Checks: t.Checks,
		})
	}
	for _, r := range spec.Requirements {
		source.Requirements = append(source.Requirements, r.ID)
	}
	for _, c := range spec.Criteria {
		source.Criteria = append(source.Criteria, c.Checks...)
	}
	return source, diagnostics
}

func taskIDs(names []string) []engine.TaskID {
	ids := make([]engine.TaskID, len(names))
	for i, name := range names {
		ids[i] = engine.TaskID(name)
	}
	return ids
}
