package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"time"

	"github.com/wrapix/wrapix/sandbox/profile"
)

// epoch is the time that everything in an image has, so that the same inputs give the same digest: that of the pinned
// bases.
var epoch = time.Date(2026, 10, 5, 0, 0, 0, 0, time.UTC)

// make makes what the host does not have yet of the image, from the root upwards. With Force all of it is made anew.
func (r recipe) make(ctx context.Context, eng Engine, opts Options) error {
	began := time.Now()
	rootRef, refs, whole := r.refs()
	last, err := r.part(ctx, eng, opts, rootRef, func() error { return r.makeRoot(ctx, eng, opts, rootRef) })
	for i, p := range r.pieces {
		if err != nil {
			break
		}
		before := last
		last, err = r.part(ctx, eng, opts, refs[i], func() error { return p.make(ctx, eng, opts, before, refs[i]) })
	}
	if err == nil {
		labels := partLabels(last)
		labels[LabelProfile] = r.profile.Name
		err = build(ctx, eng, opts, Build{Containerfile: from(last, ""), Ref: whole, Labels: labels})
	}
	if err != nil {
		return fmt.Errorf("make the image of profile %s: %w", r.profile.Name, err)
	}
	for _, left := range leftOut(last.Labels) { // of the layers that were there, too
		fmt.Fprintf(opts.Progress, "image: %s\n", left)
	}
	fmt.Fprintf(opts.Progress, "image: made %s (%s) in %s\n", whole, last.Labels[LabelSource], time.Since(began).Round(time.Second))
	return nil
}

// part returns a part of the image, and makes it where that is needed.
func (r recipe) part(ctx context.Context, eng Engine, opts Options, ref string, make func() error) (Stored, error) {
	old, err := eng.Image(ctx, ref)
	if err == nil && !opts.Force || err != nil && !errors.Is(err, ErrNotFound) {
		return old, err
	}
	if err := make(); err != nil {
		return Stored{}, err
	}
	return eng.Image(ctx, ref)
}

// make makes one layer on top of another image. An optional one that cannot be made is left out, and the image says so.
func (p piece) make(ctx context.Context, eng Engine, opts Options, on Stored, ref string) error {
	labels := partLabels(on)
	what := "packages"
	switch {
	case p.program != nil:
		return p.addProgram(ctx, eng, opts, on, ref)
	case p.optional != nil:
		what = p.optional.Name
	case len(p.run) > 0:
		what = "run lines"
	}
	fmt.Fprintf(opts.Progress, "image: %s of profile %s\n", what, p.from)
	err := build(ctx, eng, opts, Build{Containerfile: from(on, p.script()), Ref: ref, Labels: labels})
	if err == nil || p.optional == nil || ctx.Err() != nil || ofHost(err) {
		return err
	}
	left := LeftOut{Name: p.optional.Name, Profile: p.from, Source: p.optional.Source, Instead: p.optional.Instead}
	all := append(leftOut(on.Labels), left)
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	labels[LabelLeftOut] = string(text)
	script := ""
	if other := p.instead(); other != nil {
		script = other.script()
	}
	return build(ctx, eng, opts, Build{Containerfile: from(on, script), Ref: ref, Labels: labels})
}

// ofHost tells if a build failed on a full disk, or by the end of the engine's service, and not by what it ran.
func ofHost(err error) bool {
	for _, fault := range []error{syscall.ENOSPC, syscall.EDQUOT, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, fault) {
			return true
		}
	}
	return false
}

// LeftOut is an optional part that an image lacks, because its source could not be reached when it was made.
type LeftOut struct {
	Name    string   `json:"name"`
	Profile string   `json:"profile"`
	Source  string   `json:"source"`
	Instead []string `json:"instead,omitempty"` // packages of Debian in its place
}

// String says so to a person.
func (l LeftOut) String() string {
	s := fmt.Sprintf("left out: %s of profile %s, because it could not be had from %s", l.Name, l.Profile, l.Source)
	if len(l.Instead) > 0 {
		s += "; Debian's packages are in its place: " + strings.Join(l.Instead, ", ")
	}
	return s
}

// leftOut reads the label; one that cannot be read says nothing.
func leftOut(labels map[string]string) []LeftOut {
	var list []LeftOut
	_ = json.Unmarshal([]byte(labels[LabelLeftOut]), &list)
	return list
}

// partLabels are what a part passes on to the next.
func partLabels(s Stored) map[string]string {
	labels := map[string]string{LabelOurs: "1", LabelSource: s.Labels[LabelSource]}
	if left := s.Labels[LabelLeftOut]; left != "" {
		labels[LabelLeftOut] = left
	}
	return labels
}

// from is the Containerfile of one layer on top of an image; without a script there is none.
func from(on Stored, script string) string {
	if script == "" {
		return "FROM " + on.ID + "\n"
	}
	// As a list of arguments no shell and no parser of Containerfiles can take a part of it for something else.
	args, _ := json.Marshal([]string{"/bin/sh", "-c", script}) // of strings, which have no error
	return "FROM " + on.ID + "\nRUN " + string(args) + "\n"
}

// build has the engine build, with what it said where that fails.
func build(ctx context.Context, eng Engine, opts Options, b Build) (err error) {
	b.Created = epoch
	if b.Mark, err = opts.mark(); err != nil {
		return err
	}
	said := &tail{each: func(line string) {
		if at := step.FindString(line); at != "" && b.Pull { // ours have one step each
			fmt.Fprintln(opts.Progress, "  "+at)
		}
	}}
	if err := eng.BuildImage(ctx, b, said); err != nil {
		return fmt.Errorf("%w\n%s", err, said)
	}
	return nil
}

// makeRoot makes the root file system by the first way that works here, and says which it is.
func (r recipe) makeRoot(ctx context.Context, eng Engine, opts Options, ref string) error {
	fmt.Fprintf(opts.Progress, "image: asking a container registry for %s\n", r.base)
	id, err := pull(ctx, eng, r.base)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
		fmt.Fprintf(opts.Progress, "image: pulled the base; installing packages of profile %s\n", profile.Base)
		script := clock + "printf '%s\\n' " + quoteAll(excluded) + " >/etc/dpkg/dpkg.cfg.d/wrapix && " + install(r.root) + " && " + tidy
		return build(ctx, eng, opts, Build{
			Containerfile: from(Stored{ID: id}, script), Ref: ref, Labels: map[string]string{LabelOurs: "1", LabelSource: string(SourceRegistry)},
		})
	}
	fmt.Fprintf(opts.Progress, "image: no registry gave it (%s)\n", whyNot(err, r.base))
	fmt.Fprintf(opts.Progress, "image: bootstrapping %s from this host's package sources; takes about a minute\n", r.suite)
	return r.bootstrap(ctx, eng, opts, ref)
}

func quoteAll(words []string) string { return "'" + strings.Join(words, "' '") + "'" }
