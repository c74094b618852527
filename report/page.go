package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/wrapix/wrapix/engine"
)

// fact is a name and its value.
type fact struct{ Name, Value string }

// wait is one thing that somebody waits for.
type wait struct {
	Who, What, Message, Since, Until string
	Ways                             []string
}

// title names the workflow.
func (r *Report) title() string {
	if r.w.Label != "" {
		return oneLine(r.w.Label)
	}
	return oneLine(string(r.w.ID))
}

// state is the workflow's in words, and how good it is.
func (r *Report) state() (words, tone string) {
	switch s := r.w.State; {
	case s == engine.Done:
		return "done", "good"
	case s == engine.Failed:
		return "failed", "bad"
	case s == engine.Cancelled:
		return "cancelled", "plain"
	case s == engine.AwaitingAnswer:
		return "waits for an answer", "warn"
	case s == engine.AwaitingApproval:
		return "waits for approval", "warn"
	case s == engine.BudgetSpent:
		return "a limit is reached", "warn"
	case s == engine.RateLimited:
		return "waits to try again", "warn"
	case s.Waits():
		return string(s), "warn"
	}
	return "not finished", "plain"
}

// tally counts the tasks of the spec by what a person wants to know of them.
type tally struct{ All, Verified, Word, Skipped, Failed, Open int }

func (r *Report) tally() (n tally) {
	for _, t := range r.w.Tasks {
		n.All++
		switch {
		case t.State == engine.TaskDone && t.Verified != nil && *t.Verified:
			n.Verified++
		case t.State == engine.TaskDone:
			n.Word++
		case t.State == engine.TaskSkipped:
			n.Skipped++
		case t.State == engine.TaskFailed:
			n.Failed++
		default:
			n.Open++
		}
	}
	return n
}

// Done counts those that are done, verified or not.
func (n tally) Done() int { return n.Verified + n.Word }

// Sentence says it in words.
func (n tally) Sentence() string {
	if n.All == 0 {
		return "There are no tasks yet."
	}
	s := fmt.Sprintf("%d of %s done", n.Done(), count(n.All, "task"))
	var parts []string
	for _, p := range []struct {
		n     int
		words string
	}{
		{n.Verified, "verified"}, {n.Word, "on the agent’s word only"}, {n.Failed, "failed"}, {n.Skipped, "skipped"}, {n.Open, "not done"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.words))
		}
	}
	return s + ": " + strings.Join(parts, ", ") + "."
}

// facts are the figures, what a person looks for first.
func (r *Report) facts() []fact {
	w := r.w
	end, endName := r.o.Now, "last change"
	if w.State.Ended() {
		end, endName = w.Updated, "ended"
	}
	waited := r.waited
	if !r.since.IsZero() && !w.State.Ended() {
		waited += max(0, r.o.Now.Sub(r.since))
	}
	facts := []fact{{"cost", "not told by the agent"}}
	if w.CostUSD > 0 {
		facts[0].Value = usd(w.CostUSD)
	}
	if w.Tokens > 0 {
		facts = append(facts, fact{"tokens", tokensWords(w.Tokens)})
	}
	facts = append(facts, fact{"time in sandboxes", took(w.Spent)}, fact{"wall time", took(end.Sub(w.Created))})
	if waited >= time.Second {
		facts = append(facts, fact{"of that waiting", took(waited)})
	}
	attempts := count(r.attempts, "attempt")
	if r.failed > 0 {
		attempts += fmt.Sprintf(", %d failed", r.failed)
	}
	facts = append(facts, fact{"attempts", attempts})
	if r.lost > 0 {
		facts = append(facts, fact{"interrupted", count(r.lost, "run")})
	}
	if r.faults > 0 {
		facts = append(facts, fact{"faults of the host", fmt.Sprint(r.faults)})
	}
	return append(facts, fact{"started", clock(w.Created)}, fact{endName, clock(w.Updated)})
}

// origin is what the workflow was made of and may use.
func (r *Report) origin() []fact {
	w := r.w
	facts := []fact{{"workflow", oneLine(string(w.ID))}, {"spec", oneLine(w.SpecPath)}}
	if w.GitHead != "" {
		facts = append(facts, fact{"started at commit", oneLine(w.GitHead)})
	}
	var limits []string
	for _, key := range engine.LimitKeys() {
		if value := w.Limits.Text(key); value != (engine.Limits{}).Text(key) {
			limits = append(limits, fmt.Sprintf("%s %s", key, value))
		}
	}
	if len(limits) == 0 {
		limits = []string{"none"}
	}
	return append(facts, fact{"limits", strings.Join(limits, ", ")})
}

// forYou says whether anything waits that does not end by itself.
func (r *Report) forYou() bool {
	for _, o := range r.w.Waits() {
		if o.Until.IsZero() {
			return true
		}
	}
	return false
}

// waits lists what is waited for.
func (r *Report) waits() []wait {
	var all []wait
	for _, o := range r.w.Waits() {
		v := wait{Who: "The workflow", What: waitWords(o.Kind), Message: visible(clip(o.Message, 8<<10)), Since: clock(o.Since), Until: clock(o.Until)}
		if o.Task != "" {
			v.Who = oneLine(string(o.Task))
		}
		if r.o.Ways != nil {
			for _, way := range r.o.Ways(o) {
				v.Ways = append(v.Ways, oneLine(way))
			}
		}
		all = append(all, v)
		if len(all) == maxWaits {
			break
		}
	}
	return all
}

// maxWaits bounds what is shown of what waits; more than this nobody ends one by one.
const maxWaits = 100

func waitWords(kind engine.WorkflowState) string {
	switch kind {
	case engine.AwaitingAnswer:
		return "asks"
	case engine.Blocked:
		return "is blocked"
	case engine.BudgetSpent:
		return "has reached a limit"
	case engine.AwaitingApproval:
		return "waits for approval"
	case engine.RateLimited:
		return "waits to try again"
	case engine.Paused:
		return "is paused"
	}
	return string(kind)
}

// Words is a task's state as people say it, with its tone.
func (t *task) Words() (words, tone string) {
	switch {
	case t.State == engine.TaskDone && (t.Verified == nil || !*t.Verified) && t.ID.Reserved():
		return "done", "good"
	case t.State == engine.TaskDone && (t.Verified == nil || !*t.Verified):
		return "done, agent’s word only", "warn"
	case t.State == engine.TaskDone:
		return "verified", "good"
	case t.State == engine.TaskFailed:
		return "failed", "bad"
	case t.State == engine.TaskAwaitingAnswer:
		return "asks", "warn"
	case t.State == engine.TaskBlocked:
		return "blocked", "warn"
	case t.State == engine.TaskSkipped:
		return "skipped", "warn"
	}
	return string(t.State), "plain"
}

// Questions are the agent's, with the answers; the answers to what was no question are a person's words to a block.
func (t *task) Questions() []question {
	return t.asked[max(0, len(t.asked)-50):]
}

// LastWord is what the agent said at last, where that is no question told already.
func (t *task) LastWord() string {
	if n := len(t.asked); n > 0 && t.asked[n-1].Text == clip(t.Note, 4<<10) {
		return ""
	}
	return clip(t.Note, 1<<10)
}

// Name is its title.
func (t *task) Name() string { return clip(t.Title, 200) }

// Text is its description.
func (t *task) Text() string { return clip(t.Description, 2<<10) }

// Open says that a person should look at it.
func (t *task) Open() bool {
	_, tone := t.Words()
	return tone == "bad" || t.Wait != nil
}

// Cost is what its attempts cost, as far as the agent says so.
func (t *task) Cost() (usd float64) {
	for _, a := range t.Attempts {
		usd += a.Cost()
	}
	return usd
}

// leftOut says what the page does not have, in all.
func (r *Report) leftOut() []string {
	var all []string
	full, told := 0, 0
	for i, t := range r.tasks {
		if i >= r.o.Bounds.Tasks {
			break
		}
		for _, a := range t.Attempts {
			if told++; a.Full {
				full++
			}
		}
	}
	if over := len(r.tasks) - r.o.Bounds.Tasks; over > 0 {
		all = append(all, count(over, "task")+" at the end: ralph status")
	}
	if told > full {
		all = append(all, fmt.Sprintf("output, diff and transcript of %s: ralph logs and ralph diff-attempt show them", count(told-full, "older attempt")))
	}
	if _, before := r.happenings(); before > 0 {
		all = append(all, count(before, "earlier event")+": ralph history")
	}
	return all
}

// shown are the tasks that are told one by one.
func (r *Report) shown() []*task { return r.tasks[:min(len(r.tasks), r.o.Bounds.Tasks)] }
