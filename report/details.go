package report

import (
	"context"
	"errors"
	"fmt"

	"github.com/wrapix/wrapix/engine"
)

// details is what is told of an attempt besides its events.
type details struct {
	Changes        []Change
	MoreChanges    int
	Diff           []fileDiff
	DiffNote       string
	Transcript     string
	TranscriptNote string
}

const maxChanges = 100

// reading fetches details while a page is written, as long as there is room for them.
type reading struct {
	r    *Report
	left int
}

func (r *Report) reading() *reading { return &reading{r: r, left: r.o.Bounds.Details} }

// details reads what an attempt left. What cannot be read is said and stops nothing.
func (d *reading) details(ctx context.Context, a *attempt) (v details, err error) {
	files := d.r.o.Files
	if files == nil || !a.Full || !a.Agent() {
		return v, ctx.Err()
	}
	b := d.r.o.Bounds
	if d.left <= 0 {
		v.DiffNote = fmt.Sprintf("the page is full: ralph diff-attempt %s and ralph logs %s tell the rest", a.ID, a.ID)
		return v, ctx.Err()
	}
	tail, size, err := files.Transcript(a.ID, min(b.Transcript, d.left))
	switch {
	case errors.Is(err, engine.ErrNotFound):
	case err != nil:
		v.TranscriptNote = "what it printed cannot be read: " + err.Error()
	default:
		v.Transcript = visible(string(tail))
		if left := size - int64(len(tail)); left > 0 {
			v.TranscriptNote = bytesWords(left) + " before this are left out: ralph logs " + a.ID.String()
		}
		d.left -= len(tail)
	}
	if err := d.diff(ctx, a, &v); err != nil {
		if ctx.Err() != nil {
			return v, ctx.Err()
		}
		if !errors.Is(err, engine.ErrNotFound) {
			v.DiffNote = "what it changed cannot be read: " + err.Error()
		}
	}
	return v, ctx.Err()
}

func (d *reading) diff(ctx context.Context, a *attempt, v *details) error {
	changes, err := d.r.o.Files.Changes(ctx, a.ID)
	if err != nil {
		return err
	}
	if len(changes) == 0 {
		v.DiffNote = "it changed no file"
		return nil
	}
	v.Changes, v.MoreChanges = changes[:min(len(changes), maxChanges)], max(0, len(changes)-maxChanges)
	b := d.r.o.Bounds
	room := min(b.Diff, d.left)
	c := &diffCutter{perFile: b.File, left: room}
	if err := d.r.o.Files.Diff(ctx, a.ID, c); err != nil && !errors.Is(err, errEnough) {
		return err
	}
	c.end()
	d.left -= room - c.left
	v.Diff = c.files
	switch {
	case c.cut:
		v.DiffNote = "the diff is too long to be read to its end: ralph diff-attempt " + a.ID.String()
	case c.more > 0:
		v.DiffNote = count(c.more, "more file") + " are left out: ralph diff-attempt " + a.ID.String()
	}
	return nil
}
