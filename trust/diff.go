package trust

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/wrapix/wrapix/config"
)

// Difference is what stands between a list and the one that was approved.
type Difference struct {
	Project string
	// File is the name of the file that the settings are of; empty is wrapix.toml.
	File    string
	List    []Setting // of the configuration
	Added   []Setting // not approved
	Removed []Setting // approved, and not there any more
	// Narrower is a limit of the network that is not on the record and needs no approval.
	Narrower []Setting
	// Known says that something was approved before.
	Known bool
}

// between compares a list with the approved one.
func between(project string, approved, list []Setting) Difference {
	d := Difference{Project: project, List: list, Known: len(approved) > 0}
	has := func(in []Setting, s Setting) bool {
		return slices.ContainsFunc(in, func(o Setting) bool { return o.Key == s.Key && o.Value == s.Value })
	}
	list, limit := narrow(list)
	approved, was := narrow(approved)
	for _, s := range list {
		if !has(approved, s) {
			d.Added = append(d.Added, s)
		}
	}
	for _, s := range approved {
		if !has(list, s) {
			d.Removed = append(d.Removed, s)
		}
	}
	switch {
	case limit == was:
	case within(limit, was):
		d.Narrower = append(d.Narrower, limit)
	default:
		d.Added, d.Removed = append(d.Added, limit), append(d.Removed, was)
	}
	return d
}

// Trusted says whether the list may take effect: there is nothing on it, or all of it is as it was approved, or a network
// that reaches less.
func (d Difference) Trusted() bool {
	rest, limit := narrow(d.List)
	return len(rest) == 0 && !slices.Contains(d.Added, limit) || len(d.Added) == 0 && len(d.Removed) == 0
}

// Recorded says whether the record is of this very list.
func (d Difference) Recorded() bool {
	return d.Trusted() && len(d.Narrower) == 0 && (d.Known || len(d.List) == 0)
}

// Approved says whether a setting of the list is on the record as it is.
func (d Difference) Approved(s Setting) bool {
	return !slices.ContainsFunc(d.Added, func(o Setting) bool { return o.Key == s.Key && o.Value == s.Value })
}

// Of is the difference in the settings that begin with one of the words, as in "sandbox": to a program that acts on no
// others it is all.
func (d Difference) Of(begins ...string) Difference {
	other := func(s Setting) bool {
		return !slices.ContainsFunc(begins, func(b string) bool { return strings.HasPrefix(s.Key, b) })
	}
	d.List = slices.DeleteFunc(slices.Clone(d.List), other)
	d.Added = slices.DeleteFunc(slices.Clone(d.Added), other)
	d.Removed = slices.DeleteFunc(slices.Clone(d.Removed), other)
	return d
}

// Shown is the list with what stands for a network that has become open, which no setting says.
func (d Difference) Shown() []Setting {
	if slices.Contains(d.Added, open) {
		return append(slices.Clone(d.List), open)
	}
	return d.List
}

// Lines tells the difference in words, one setting a line.
func (d Difference) Lines() []string {
	var lines []string
	gone := slices.Clone(d.Removed)
	for _, s := range d.Added {
		at := slices.IndexFunc(gone, func(o Setting) bool { return o.Key == s.Key })
		if at < 0 {
			lines = append(lines, fmt.Sprintf("new: %s: %s", s.Key, s.Words))
			continue
		}
		lines = append(lines, fmt.Sprintf("changed: %s: %s", s.Key, s.Words), fmt.Sprintf("was: %s", gone[at].Words))
		gone = slices.Delete(gone, at, at+1)
	}
	for _, s := range d.Narrower {
		lines = append(lines, fmt.Sprintf("narrower, and so in force already: %s: %s", s.Key, s.Words))
	}
	for _, s := range gone {
		lines = append(lines, fmt.Sprintf("gone: %s: %s", s.Key, s.Words))
	}
	return lines
}

// FileName is the name of the file that the settings are of.
func (d Difference) FileName() string { return cmp.Or(d.File, config.FileName) }

// longestSummary bounds what a wait says; the whole is what `wrapix trust` shows.
const longestSummary = 300

// Summary is the difference in one line.
func (d Difference) Summary() string {
	d.Narrower = nil
	s := []rune(d.FileName() + " reaches the host in a way that nobody has approved: " + strings.Join(d.Lines(), "; "))
	if len(s) > longestSummary {
		return string(s[:longestSummary]) + " …"
	}
	return string(s)
}
