package engine

import (
	"fmt"
	"slices"
)

// Configure brings the limits in line with the configuration, at the beginning of a run. What a person gave before
// stays in its place, and Given, of which Over has the values, from now on too.
type Configure struct {
	Limits Limits
	Over   Limits
	Given  []LimitKey
}

// SetLimits changes the limits. Those that differ from the present ones stay until they are changed again, whatever
// the configuration says.
type SetLimits struct{ Limits Limits }

// RaiseLimits raises single limits, given as a person writes them. It is refused where one is unknown, or not more than
// the present one; then none is raised.
type RaiseLimits struct{ To map[LimitKey]string }

func (c Configure) decide(d *decision) error {
	limits, given := c.Limits, d.ev.w.Given
	for _, key := range given {
		limits.take(key, d.ev.w.Limits)
	}
	for _, key := range c.Given {
		limits.take(key, c.Over)
	}
	return d.setLimits(limits, append(slices.Clone(given), c.Given...))
}

func (c SetLimits) decide(d *decision) error {
	if err := c.Limits.Check(); err != nil {
		return fmt.Errorf("change the limits: %w: %w", err, ErrNotAllowed)
	}
	given := slices.Clone(d.ev.w.Given)
	for _, key := range LimitKeys() {
		if c.Limits.Text(key) != d.ev.w.Limits.Text(key) {
			given = append(given, key)
		}
	}
	return d.setLimits(c.Limits, given)
}

func (c RaiseLimits) decide(d *decision) error {
	limits, given := d.ev.w.Limits, slices.Clone(d.ev.w.Given)
	for key, text := range c.To {
		if limits.at(key) == nil || key == OnBlockedKey {
			return fmt.Errorf("raise %q: there is no such limit: %w", key, ErrNotAllowed)
		}
		was, present := limits.amount(key), limits.Text(key)
		if err := limits.Set(key, text); err != nil {
			return fmt.Errorf("raise %s: %w: %w", key, err, ErrNotAllowed)
		}
		if was == 0 {
			return fmt.Errorf("raise %s: there is no such limit on this workflow: %w", key, ErrNotAllowed)
		}
		if limits.amount(key) <= was {
			return fmt.Errorf("raise %s to %s: it is %s already: %w", key, text, present, ErrNotAllowed)
		}
		given = append(given, key)
	}
	return d.setLimits(limits, given)
}

// setLimits says what applies from now on, where that is something else.
func (d *decision) setLimits(limits Limits, given []LimitKey) error {
	slices.Sort(given)
	given = slices.Compact(given)
	if limits != d.ev.w.Limits || !slices.Equal(given, d.ev.w.Given) {
		d.emit(LimitsChanged, "", 0, LimitsData{Limits: limits, Given: given})
	}
	return nil
}
