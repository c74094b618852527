package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/wrapix/wrapix/internal/failpoint"
	"github.com/wrapix/wrapix/internal/filesystem"
	"github.com/wrapix/wrapix/sandbox/frame"
)

// Sink takes what a sandbox reports while it runs. All of it comes from one goroutine; nil fields drop. An error of a
// writer ends Run.
type Sink struct {
	// Stdout and Stderr take the commands' output. Where some is missing because of Spec.TranscriptLimit, a line in
	// brackets says how much.
	Stdout, Stderr io.Writer
	// Begin and End are called around each command.
	Begin func(name string)
	End   func(Exit)
	// Denied is told of what the network's policy refused, now and then, from a goroutine of its own; the last time before
	// Run returns.
	Denied func([]Denial)
	// Unpublished is told by Resume of a port that the sandbox published and that cannot be had again; it is followed without.
	Unpublished func(port int, err error)
}

// record reads a record while it grows.
type record struct {
	file    *os.File
	watch   *watch
	decoder *frame.Decoder
	sink    Sink
	sums    map[frame.Type]hash.Hash
	buf     []byte
	failed  error // the sink's error
}

// openRecord watches the record, to be read from its start. It must not be opened for writing, which the end of the
// monitor could be mistaken for.
func openRecord(path string, sink Sink) (*record, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the record: %w", err)
	}
	w, err := watchFile(path)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("watch the record: %w", err)
	}
	r := &record{
		file:  f,
		watch: w,
		sink:  sink,
		sums:  map[frame.Type]hash.Hash{frame.Stdout: sha256.New(), frame.Stderr: sha256.New()},
		buf:   make([]byte, 256<<10),
	}
	r.decoder = frame.NewDecoder(r.frame)
	return r, nil
}

func (r *record) close() {
	r.watch.close()
	r.file.Close()
}

// follow reads until the result is there, or can not come any more.
func (r *record) follow(ctx context.Context, rt Runtime, name string) (Result, error) {
	stop := context.AfterFunc(ctx, r.watch.close)
	defer stop()
	for {
		if err := r.read(); err != nil {
			return Result{}, fmt.Errorf("sandbox %s: %w", name, err)
		}
		if r.decoder.Result() != nil {
			return r.finish(name)
		}
		closed, err := r.watch.next()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		if err != nil {
			return Result{}, fmt.Errorf("follow sandbox %s: %w", name, err)
		}
		// The engine's monitor alone has the record open for writing, and as long as it lives. So this was its end, and
		// whatever the sandbox did or does, nobody could report it any more.
		if closed {
			return r.finish(name)
		}
	}
}

// errNothing says that a sandbox has not begun any command, and never will.
var errNothing = errors.New("nothing was begun")

// monitorEnd bounds how long the monitor of a container that was removed may take to end.
const monitorEnd = 10 * time.Second

// settle finds out what became of a sandbox that the engine may have started, or not, before it died. One that has
// written something was started, and is followed. Any other is ended first, so that its record then is final.
func (r *record) settle(ctx context.Context, rt Runtime, name string) (Result, error) {
	info, err := r.file.Stat()
	if err != nil {
		return Result{}, fmt.Errorf("sandbox %s: look at the record: %w", name, err)
	}
	if info.Size() > 0 {
		return r.follow(ctx, rt, name)
	}
	if err := rt.Remove(ctx, name); err != nil {
		return Result{}, err
	}
	if err := rt.EndOrphans(ctx, name); err != nil {
		return Result{}, err
	}
	ending, cancel := context.WithTimeout(ctx, monitorEnd)
	defer cancel()
	defer context.AfterFunc(ending, r.watch.close)()
	for closed := false; !closed && !abandoned(r.file); {
		if closed, err = r.watch.next(); err != nil { // late, or on a file system that cannot tell
			break
		}
	}
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	result, err := r.finish(name)
	if info, errStat := r.file.Stat(); errors.Is(err, ErrLost) && errStat == nil && info.Size() == 0 {
		err = errNothing
	}
	return result, err
}

// read takes everything that is in the record by now.
func (r *record) read() error {
	for {
		n, err := r.file.Read(r.buf)
		if _, errDecode := r.decoder.Write(r.buf[:n]); r.failed != nil {
			return r.failed
		} else if errDecode != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, errDecode)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the record: %w", err)
		}
	}
}

// finish returns the result of a record that will not grow any more, once it is safe on disk.
func (r *record) finish(name string) (Result, error) {
	if err := r.read(); err != nil {
		return Result{}, fmt.Errorf("sandbox %s: %w", name, err)
	}
	result := r.decoder.Result()
	if result == nil {
		return Result{}, fmt.Errorf("sandbox %s: %w", name, r.lost())
	}
	for t, stream := range map[frame.Type]Stream{frame.Stdout: result.Stdout, frame.Stderr: result.Stderr} {
		if got := hex.EncodeToString(r.sums[t].Sum(nil)); got != stream.SHA256 {
			return Result{}, fmt.Errorf("sandbox %s: %w: the output is not what the result says", name, ErrDamaged)
		}
	}
	failpoint.Here("reported")
	if err := r.sync(); err != nil {
		return Result{}, fmt.Errorf("sandbox %s: %w", name, err)
	}
	failpoint.Here("synced")
	return *result, nil
}

// littleRoom is less than the monitor may need for the last frames of a sandbox.
const littleRoom = 64 << 10

// lost says why a record has no result.
func (r *record) lost() error {
	if on, err := filesystem.Of(r.file.Name()); err == nil && on.Free < littleRoom {
		return fmt.Errorf("%w: no room was left for it on %s", ErrDamaged, on)
	}
	if r.decoder.Partial() {
		return fmt.Errorf("%w: it ends in the middle of a line", ErrDamaged)
	}
	if said := r.decoder.Complaint(); said != "" {
		return fmt.Errorf("%w: %s", ErrLost, said)
	}
	return ErrLost
}

// sync makes the record survive a power cut, with its name.
func (r *record) sync() error {
	if err := r.file.Sync(); err != nil {
		return fmt.Errorf("sync the record: %w", err)
	}
	dir, err := os.Open(filepath.Dir(r.file.Name()))
	if err != nil {
		return fmt.Errorf("sync the record: %w", err)
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("sync the record: %w", err)
	}
	return nil
}

// frame passes one frame on to the sink.
func (r *record) frame(f frame.Frame) error {
	switch f.Type {
	case frame.Stdout, frame.Stderr:
		r.sums[f.Type].Write(f.Payload)
		return r.write(f.Type, f.Payload)
	case frame.Cut:
		var mark frame.CutMark
		if err := json.Unmarshal(f.Payload, &mark); err != nil {
			return fmt.Errorf("cut mark: %w", err)
		}
		return r.write(mark.Stream, fmt.Appendf(nil, "\n[... %d bytes left out ...]\n", mark.Bytes))
	case frame.Begin:
		if r.sink.Begin != nil {
			r.sink.Begin(string(f.Payload))
		}
	case frame.End:
		if r.sink.End != nil {
			var e Exit
			if err := json.Unmarshal(f.Payload, &e); err != nil {
				return fmt.Errorf("end of a command: %w", err)
			}
			r.sink.End(e)
		}
	}
	return nil
}

func (r *record) write(stream frame.Type, p []byte) error {
	w := r.sink.Stdout
	if stream == frame.Stderr {
		w = r.sink.Stderr
	}
	if w == nil {
		return nil
	}
	if _, err := w.Write(p); err != nil {
		r.failed = fmt.Errorf("write the transcript: %w", err)
	}
	return r.failed
}
