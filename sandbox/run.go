package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/wrapix/wrapix/internal/failpoint"
)

// Run creates and starts the sandbox, passes its output on to sink as it comes, and returns the result when the guest
// has reported it and the record is safe on disk. An error means that there is no result: with ErrLost there will never
// be one, with ErrUnfinished the sandbox may still run, and Resume finds out; with any other it was not started.
//
// With ErrNoImage nothing was made, and Run can be called again with another image.
//
// The caller first notes the outcome, and then removes the container, also after an error; Run itself removes only one
// that could not be started. When ctx is cancelled Run returns, and the container goes on; to end it, call Stop, and Run
// returns its result.
func Run(ctx context.Context, rt Runtime, spec Spec, sink Sink) (Result, error) {
	spec, err := spec.complete()
	if err != nil {
		return Result{}, err
	}
	if spec.Attached {
		return Result{}, fmt.Errorf("sandbox %s: an attached sandbox has no record: use RunAttached", spec.Name)
	}
	// The monitor would make the file, too, but append to one that exists: an attempt's record is its own.
	f, err := os.OpenFile(spec.Record, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Result{}, fmt.Errorf("make the record of sandbox %s: %w", spec.Name, err)
	}
	if err := f.Close(); err != nil {
		return Result{}, fmt.Errorf("make the record of sandbox %s: %w", spec.Name, err)
	}
	closeGateway, err := spec.openGateway(sink.Denied)
	if err != nil {
		return Result{}, err
	}
	defer closeGateway()
	if err := rt.Create(ctx, spec); err != nil {
		if errors.Is(err, ErrNoImage) { // the caller may come again with another
			err = errors.Join(err, os.Remove(spec.Record))
		}
		return Result{}, err
	}
	failpoint.Here("created")
	rec, err := openRecord(spec.Record, sink)
	if err != nil {
		return Result{}, fmt.Errorf("sandbox %s: %w", spec.Name, err)
	}
	defer rec.close()
	if err := rt.Start(ctx, spec.Name); err != nil {
		if ctx.Err() != nil {
			return Result{}, err
		}
		result, found := rec.settle(ctx, rt, spec.Name)
		switch {
		case errors.Is(found, errNothing):
			found = err
		case found != nil && !errors.Is(found, ErrLost):
			found = fmt.Errorf("%w: %w", ErrUnfinished, errors.Join(err, found))
		}
		return result, found
	}
	failpoint.Here("started")
	result, err := rec.follow(ctx, rt, spec.Name)
	if err != nil && !errors.Is(err, ErrLost) {
		err = fmt.Errorf("%w: %w", ErrUnfinished, err)
	}
	return result, loss(ctx, rt, spec.Name, err)
}

// loss says how a sandbox was lost, as far as that can be seen: a person removed it, or killed it or its monitor, or the
// host did not keep its report. The guest ends by itself, with 0, only after it has reported.
func loss(ctx context.Context, rt Runtime, name string, err error) error {
	if !errors.Is(err, ErrLost) || errors.Is(err, ErrDamaged) {
		return err
	}
	c, errInspect := rt.Inspect(ctx, name)
	switch {
	case errors.Is(errInspect, ErrNotFound):
		return fmt.Errorf("%w; somebody removed it", err)
	case errInspect != nil:
		return err
	case c.State == StateExited && c.ExitCode == 0:
		return fmt.Errorf("sandbox %s: %w: it ended in order, and its last words were not kept, as on a full disk", name, ErrDamaged)
	case c.State == StateExited && c.ExitCode > 0:
		return fmt.Errorf("%w; its exit code is %d, so it was killed", err, c.ExitCode)
	}
	return fmt.Errorf("%w; nothing watched over it any more", err)
}

// Resume takes up a sandbox that an earlier process ran: it passes all of its output on, from the first byte, and
// returns its result as Run does. A sandbox that has ended, or is gone, gives the result that its record holds. ErrLost
// means that there is none and none will come: also for one that was created and never started.
func Resume(ctx context.Context, rt Runtime, spec Spec, sink Sink) (Result, error) {
	rec, err := openRecord(spec.Record, sink)
	if errors.Is(err, fs.ErrNotExist) {
		return Result{}, fmt.Errorf("sandbox %s: %w: it has no record", spec.Name, ErrLost)
	}
	if err != nil {
		return Result{}, fmt.Errorf("sandbox %s: %w", spec.Name, err)
	}
	defer rec.close()
	// Looked at while the record is watched already, so no end can fall between the two.
	c, err := rt.Inspect(ctx, spec.Name)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Result{}, err
	}
	// A monitor that was killed leaves a container that counts as running for ever.
	if err != nil || c.State == StateExited || abandoned(rec.file) {
		result, err := rec.finish(spec.Name)
		return result, loss(ctx, rt, spec.Name, err)
	}
	closeGateway, err := spec.resumeGateway(sink)
	if err != nil {
		return Result{}, err
	}
	defer closeGateway()
	if c.State == StateRunning {
		return rec.follow(ctx, rt, spec.Name)
	}
	// The engine may have died when it had started it, and had not written that down yet.
	result, err := rec.settle(ctx, rt, spec.Name)
	if errors.Is(err, errNothing) {
		return Result{}, fmt.Errorf("sandbox %s: %w: it was never started", spec.Name, ErrLost)
	}
	return result, loss(ctx, rt, spec.Name, err)
}

// defaultGrace is Spec.Grace when it is zero.
const defaultGrace = 5 * time.Second

// complete fills the defaults in, and refuses what no runtime could make.
func (s Spec) complete() (Spec, error) {
	bad := func(format string, args ...any) (Spec, error) {
		return s, fmt.Errorf("sandbox %q: "+format, append([]any{s.Name}, args...)...)
	}
	if s.Name == "" || s.Image == "" || len(s.Commands) == 0 {
		return bad("a name, an image and a command are needed")
	}
	for _, c := range s.Commands {
		if len(c.Args) == 0 {
			return bad("command %q is empty", c.Name)
		}
	}
	if s.Attached && len(s.Commands) != 1 {
		return bad("attached, it runs one command, not %d", len(s.Commands))
	}
	if s.Attached && (s.Timeout != 0 || len(s.Collect) > 0) {
		return bad("attached, it has no time limit and collects nothing")
	}
	if s.Keep && (!s.Attached || !s.policy().Empty()) {
		return bad("to be kept it must be attached, and have no gateway")
	}
	if s.Attached && !s.Keep && s.Record != "" {
		return bad("attached, it has no record")
	}
	if (!s.Attached || s.Record != "") && !filepath.IsAbs(s.Record) {
		return bad("the record needs an absolute path, not %q", s.Record)
	}
	hosts := []string{s.Workspace.Source, s.Input, s.Gateway}
	for _, m := range s.Mounts {
		hosts = append(hosts, m.Source)
		if m.Source == "" || !filepath.IsAbs(m.Dest) {
			return bad("a mount of %q at %q", m.Source, m.Dest)
		}
	}
	for _, p := range hosts {
		if p != "" && !filepath.IsAbs(p) {
			return bad("the host path %q is not absolute", p)
		}
	}
	if err := s.completeVolumes(); err != nil {
		return bad("%w", err)
	}
	if err := s.checkSecrets(); err != nil {
		return bad("%w", err)
	}
	switch s.Workspace.Access {
	case "", ReadWrite, ReadOnly, Discard:
	default:
		return bad("unknown access %q", s.Workspace.Access)
	}
	switch s.Network {
	case "", NetworkOpen, NetworkNone, NetworkAllowlist:
	default:
		return bad("unknown network %q", s.Network)
	}
	if err := s.checkNetwork(); err != nil {
		return bad("%w", err)
	}
	git, err := s.gitMounts()
	if err != nil {
		return bad("%w", err)
	}
	s.Mounts = slices.Concat(s.Mounts, git)
	if s.TranscriptLimit <= 0 {
		s.TranscriptLimit = DefaultTranscriptLimit
	}
	if s.Grace <= 0 {
		s.Grace = defaultGrace
	}
	return s, nil
}
