package engine

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Limits bound what a workflow may use, and say what becomes of a task that nobody but a person can help. Zero is no
// limit.
type Limits struct {
	MaxIterations int           `json:"max_iterations,omitempty"` // agent attempts of the whole workflow
	MaxAttempts   int           `json:"max_attempts,omitempty"`   // failed attempts of one task
	MaxTime       time.Duration `json:"max_time,omitempty"`       // sandbox time of the whole workflow
	MaxCostUSD    float64       `json:"max_cost_usd,omitempty"`
	MaxTokens     int64         `json:"max_tokens,omitempty"`
	// The same within one day of UTC.
	MaxIterationsPerDay int           `json:"max_iterations_per_day,omitempty"`
	MaxTimePerDay       time.Duration `json:"max_time_per_day,omitempty"`
	MaxCostUSDPerDay    float64       `json:"max_cost_usd_per_day,omitempty"`
	MaxTokensPerDay     int64         `json:"max_tokens_per_day,omitempty"`

	OnBlocked OnBlocked `json:"on_blocked,omitempty"`
}

// OnBlocked says what happens when a task is blocked: the agent says so, or its attempts change nothing.
type OnBlocked string

// What can happen then. A task of the workflow's own cannot be skipped: it waits.
const (
	BlockedWaits OnBlocked = ""     // for a person
	BlockedSkips OnBlocked = "skip" // the work goes on without it
	BlockedFails OnBlocked = "fail" // the workflow ends
)

// LimitKey names one of the limits, as the configuration does.
type LimitKey string

// OnBlockedKey is the one key whose value is no amount.
const OnBlockedKey LimitKey = "on_blocked"

// LimitKeys lists all keys. They are the names of the JSON form too.
func LimitKeys() []LimitKey {
	return []LimitKey{
		"max_iterations", "max_attempts", "max_time", "max_cost_usd", "max_tokens",
		"max_iterations_per_day", "max_time_per_day", "max_cost_usd_per_day", "max_tokens_per_day", OnBlockedKey,
	}
}

// at is where the limit of a key lies, or nil.
func (l *Limits) at(key LimitKey) any {
	switch key {
	case "max_iterations":
		return &l.MaxIterations
	case "max_attempts":
		return &l.MaxAttempts
	case "max_time":
		return &l.MaxTime
	case "max_cost_usd":
		return &l.MaxCostUSD
	case "max_tokens":
		return &l.MaxTokens
	case "max_iterations_per_day":
		return &l.MaxIterationsPerDay
	case "max_time_per_day":
		return &l.MaxTimePerDay
	case "max_cost_usd_per_day":
		return &l.MaxCostUSDPerDay
	case "max_tokens_per_day":
		return &l.MaxTokensPerDay
	case OnBlockedKey:
		return &l.OnBlocked
	}
	return nil
}

// Set reads the limit of a key as a person writes it: 50, 8h, 2.5; wait, skip or fail.
func (l *Limits) Set(key LimitKey, text string) error {
	negative := errors.New("a limit cannot be negative")
	switch to := l.at(key).(type) {
	case *int:
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return fmt.Errorf("%q is no whole number", text)
		} else if n < 0 {
			return negative
		}
		*to = int(n)
	case *int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is no whole number", text)
		} else if n < 0 {
			return negative
		}
		*to = n
	case *float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return fmt.Errorf("%q is no amount", text)
		} else if n < 0 {
			return negative
		}
		*to = n
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf(`%q is no duration; write for example "8h" or "90m"`, text)
		} else if d < 0 {
			return negative
		}
		*to = d
	case *OnBlocked:
		switch text {
		case "wait":
			*to = BlockedWaits
		case string(BlockedSkips), string(BlockedFails):
			*to = OnBlocked(text)
		default:
			return fmt.Errorf("%q is none of wait, skip, fail", text)
		}
	default:
		return fmt.Errorf("there is no limit %q", text)
	}
	return nil
}

// Text is the limit of a key as Set reads it.
func (l Limits) Text(key LimitKey) string {
	switch v := l.at(key).(type) {
	case *int:
		return strconv.Itoa(*v)
	case *int64:
		return strconv.FormatInt(*v, 10)
	case *float64:
		return strconv.FormatFloat(*v, 'f', -1, 64)
	case *time.Duration:
		return v.String()
	case *OnBlocked:
		if *v == BlockedWaits {
			return "wait"
		}
		return string(*v)
	}
	return ""
}

// Check says what is wrong with limits that came from outside.
func (l Limits) Check() error {
	for _, key := range LimitKeys() {
		var again Limits
		if err := again.Set(key, l.Text(key)); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

// amount is the limit of a key as a number to compare, or 0.
func (l Limits) amount(key LimitKey) float64 {
	switch v := l.at(key).(type) {
	case *int:
		return float64(*v)
	case *int64:
		return float64(*v)
	case *float64:
		return *v
	case *time.Duration:
		return float64(*v)
	}
	return 0
}

// Enough is the text of a limit that leaves at least as much again, and is not used up at that time.
func (w Workflow) Enough(key LimitKey, now time.Time) string {
	for {
		switch v := w.Limits.at(key).(type) {
		case *int:
			*v *= 2
		case *int64:
			*v *= 2
		case *float64:
			*v *= 2
		case *time.Duration:
			*v *= 2
		}
		if full, _, _ := w.UsedUp(now); full != key || w.Limits.amount(key) <= 0 {
			return w.Limits.Text(key)
		}
	}
}

// take copies the limit of a key.
func (l *Limits) take(key LimitKey, from Limits) {
	_ = l.Set(key, from.Text(key)) // what Text writes Set reads
}

// Usage is what was used of what limits bound.
type Usage struct {
	Iterations int           `json:"iterations,omitempty"`
	CostUSD    float64       `json:"cost_usd,omitempty"`
	Tokens     int64         `json:"tokens,omitempty"`
	Spent      time.Duration `json:"spent,omitempty"` // sandbox time
}

// Day is what was used within one day of UTC, which begins at Start. What an activity used counts on the day on which
// its end was recorded.
type Day struct {
	Start time.Time `json:"start"`
	Usage
}

// dayOf is the beginning of the day, in UTC, so that a day is the same wherever the machine stands.
func dayOf(t time.Time) time.Time {
	y, m, d := t.UTC().Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// usage is what an outcome says that was used.
func (o Outcome) usage() Usage {
	return Usage{CostUSD: o.CostUSD, Tokens: o.InputTokens + o.OutputTokens, Spent: o.Finished.Sub(o.Started)}
}

// spend adds to the totals, and to those of the day where it is known.
func (ev *evolution) spend(day time.Time, u Usage) {
	w := &ev.w
	w.Iterations += u.Iterations
	w.CostUSD += u.CostUSD
	w.Tokens += u.Tokens
	w.Spent += u.Spent
	if day.IsZero() {
		return
	}
	if !w.Today.Start.Equal(day) {
		w.Today = Day{Start: day}
	}
	w.Today.Iterations += u.Iterations
	w.Today.CostUSD += u.CostUSD
	w.Today.Tokens += u.Tokens
	w.Today.Spent += u.Spent
}

// UsedUp says which limit of the workflow is used up at that time, in words too, and when it is free again by itself:
// for a limit per day at the end of the day in UTC, otherwise never. The key is empty where none is.
func (w Workflow) UsedUp(now time.Time) (key LimitKey, reason string, until time.Time) {
	total := Usage{w.Iterations, w.CostUSD, w.Tokens, w.Spent}
	if key, reason = w.Limits.usedUp(total, "", ""); key != "" {
		return key, reason, time.Time{}
	}
	if day := dayOf(now); w.Today.Start.Equal(day) {
		if key, reason = w.Limits.usedUp(w.Today.Usage, "_per_day", " on "+day.Format(time.DateOnly)+" UTC"); key != "" {
			return key, reason, day.AddDate(0, 0, 1)
		}
	}
	return "", "", time.Time{}
}

func (l Limits) usedUp(u Usage, suffix, when string) (LimitKey, string) {
	full := func(key LimitKey, used float64) bool { max := l.amount(key); return max > 0 && used >= max }
	switch key := LimitKey(""); {
	case full("max_iterations"+LimitKey(suffix), float64(u.Iterations)):
		key = "max_iterations" + LimitKey(suffix)
		return key, fmt.Sprintf("%d iterations done%s (%s = %s)", u.Iterations, when, key, l.Text(key))
	case full("max_cost_usd"+LimitKey(suffix), u.CostUSD):
		key = "max_cost_usd" + LimitKey(suffix)
		return key, fmt.Sprintf("%.2f USD spent%s (%s = %.2f)", u.CostUSD, when, key, l.amount(key))
	case full("max_tokens"+LimitKey(suffix), float64(u.Tokens)):
		key = "max_tokens" + LimitKey(suffix)
		return key, fmt.Sprintf("%d tokens used%s (%s = %s)", u.Tokens, when, key, l.Text(key))
	case full("max_time"+LimitKey(suffix), float64(u.Spent)):
		key = "max_time" + LimitKey(suffix)
		return key, fmt.Sprintf("%s of sandbox time used%s (%s = %s)", u.Spent.Round(time.Second), when, key, l.Text(key))
	}
	return "", ""
}
