package account

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/snapshot"
	"github.com/wrapix/wrapix/steps"
)

// Export says what to export. Snapshots is nil where none were taken.
type Export struct {
	Workflow  engine.Workflow // up to its last event
	Events    Events
	State     string // the project's state folder
	Temp      string // where there is room for what cannot be kept in memory; the system's folder when empty
	Snapshots *snapshot.Repo
	Program   string // its version
	Now       time.Time
}

// Exported says what an archive holds.
type Exported struct {
	Events    uint64
	Attempts  int // with their checks
	Snapshots int
	Open      []engine.AttemptID // what ran just then and is not in it
}

// errEnough ends a reading that has given what is wanted.
var errEnough = errors.New("that is enough")

// Write writes the archive.
func (x Export) Write(ctx context.Context, out io.Writer) (done Exported, err error) {
	if x.Workflow.Undo != nil {
		return done, &engine.Hint{Err: fmt.Errorf("export %s: the files are on their way back to before %s", x.Workflow.ID, x.Workflow.Undo.ID), Try: "ralph loop"}
	}
	h := head{
		Format: format, Version: version, Program: x.Program, Exported: x.Now.UTC(), Workflow: x.Workflow.ID, Seq: x.Workflow.Seq,
	}
	for _, a := range x.Workflow.OpenActivities() {
		h.Open = append(h.Open, a.ID)
	}
	zipped := gzip.NewWriter(out)
	a := &archive{ctx: ctx, temp: x.Temp, tar: tar.NewWriter(zipped)}
	if err := a.json(headName, h); err != nil {
		return done, err
	}
	ended, err := x.events(ctx, a)
	if err != nil {
		return done, err
	}
	for _, id := range ended {
		if err := x.attempt(a, id); err != nil {
			return done, fmt.Errorf("export %s: %w", id, err)
		}
	}
	if done.Snapshots, err = x.snapshots(ctx, a); err != nil {
		return done, err
	}
	done.Events, done.Attempts, done.Open = h.Seq, len(ended), h.Open
	if err := a.json(manifestName, manifest{a.members}); err != nil {
		return done, err
	}
	return done, errors.Join(a.tar.Close(), zipped.Close())
}

// events writes the events, and returns the activities that ended by the last of them.
func (x Export) events(ctx context.Context, a *archive) (ended []engine.AttemptID, err error) {
	err = a.spooled(eventsName, func(w io.Writer) error {
		seq := uint64(0)
		err := x.Events(ctx, func(e engine.Event) error {
			if e.Seq > x.Workflow.Seq {
				return errEnough
			}
			seq = e.Seq
			line, err := e.MarshalJSON()
			if err != nil {
				return err
			}
			switch data := e.Data.(type) {
			case engine.FinishedData:
				ended = append(ended, engine.AttemptID{Task: e.Task, Number: e.Attempt, Check: data.Check})
			case engine.InterruptedData:
				ended = append(ended, engine.AttemptID{Task: e.Task, Number: e.Attempt, Check: data.Check})
			}
			_, err = w.Write(append(line, '\n'))
			return err
		})
		if err == nil && seq != x.Workflow.Seq {
			err = fmt.Errorf("the events of %s end at %d, not at %d", x.Workflow.ID, seq, x.Workflow.Seq)
		}
		if errors.Is(err, errEnough) {
			err = nil
		}
		return err
	})
	return ended, err
}

// attempt writes the files in an activity's folder. What was pruned is not there, which is no error.
func (x Export) attempt(a *archive, id engine.AttemptID) error {
	dir := steps.AttemptDir(x.State, x.Workflow.ID, id)
	for _, folder := range []string{"", steps.InputName} {
		entries, err := os.ReadDir(filepath.Join(dir, folder))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			file := e.Name()
			if folder != "" {
				file = folder + "/" + file
			}
			if _, _, ok := place(memberName(id, file)); !ok || !e.Type().IsRegular() {
				continue
			}
			if err := a.file(memberName(id, file), filepath.Join(dir, file)); err != nil {
				return err
			}
		}
	}
	return nil
}

// snapshots writes those of the workflow's attempts that are known by its last event.
func (x Export) snapshots(ctx context.Context, a *archive) (int, error) {
	if x.Snapshots == nil {
		return 0, nil
	}
	records, err := x.Snapshots.Records(ctx, func(s snapshot.Snapshot) bool {
		id, ok := belongs(s.Message, x.Workflow.ID)
		t := x.Workflow.Task(id.Task)
		return ok && t != nil && id.Number <= t.Attempts && (t.Open == nil || t.Open.ID != id)
	})
	if err != nil || len(records) == 0 {
		return 0, err
	}
	if err := a.json(recordsName, records); err != nil {
		return 0, err
	}
	return len(records), a.spooled(packName, func(w io.Writer) error { return x.Snapshots.Pack(ctx, records, w) })
}

// archive writes members and notes them for the manifest.
type archive struct {
	ctx     context.Context // of the one Write that made it
	temp    string
	tar     *tar.Writer
	members []member
}

func (a *archive) json(name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("export %s: %w", name, err)
	}
	return a.member(name, int64(len(text)), bytes.NewReader(text))
}

// member writes one file of which the size is known.
func (a *archive) member(name string, size int64, content io.Reader) error {
	if err := a.ctx.Err(); err != nil {
		return err
	}
	if err := a.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600}); err != nil {
		return fmt.Errorf("export %s: %w", name, err)
	}
	sum := sha256.New()
	n, err := io.CopyBuffer(io.MultiWriter(a.tar, sum), io.LimitReader(content, size), make([]byte, min(size+1, copyBufferLen)))
	if err == nil && n < size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("export %s: %w", name, err)
	}
	a.members = append(a.members, member{name, size, hex.EncodeToString(sum.Sum(nil))})
	return nil
}

func (a *archive) file(name, path string) error {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // pruned just now
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return a.member(name, info.Size(), f)
}

// spooled writes one file of which the size is not known before: tar wants it first.
func (a *archive) spooled(name string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(a.temp, ".ralph-export-*")
	if err != nil {
		return fmt.Errorf("export %s: %w", name, err)
	}
	defer f.Close()
	if err := os.Remove(f.Name()); err != nil { // it stays as long as it is open
		return fmt.Errorf("export %s: %w", name, err)
	}
	b := bufio.NewWriterSize(f, copyBufferLen)
	if err = write(b); err == nil {
		err = b.Flush()
	}
	if err != nil {
		return fmt.Errorf("export %s: %w", name, err)
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("export %s: %w", name, err)
	}
	return a.member(name, size, f)
}
