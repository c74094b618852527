package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/store"
)

const transcriptBytes = 1 << 30

// lastLines measures `ralph logs -n 100` of an attempt that printed 1 GB, as a whole process.
func (b *bench) lastLines() measure {
	return func(ctx context.Context) (float64, error) {
		project, _, err := b.talkative(ctx)
		if err != nil {
			return 0, err
		}
		return command(20, project, b.bin("ralph"), "logs", "-n", "100", "T1/1")(ctx)
	}
}

// lastLinesAllowed is what the promise allows for it: twice what tail takes, and the start of our process.
func (b *bench) lastLinesAllowed() measure {
	return func(ctx context.Context) (float64, error) {
		project, transcript, err := b.talkative(ctx)
		if err != nil {
			return 0, err
		}
		tail, err := command(20, project, "tail", "-n", "100", transcript)(ctx)
		if err != nil {
			return 0, err
		}
		start, err := command(20, project, b.bin("ralph"), "--version")(ctx)
		return 2*tail + start, err
	}
}

// talkative makes a project once, with an attempt that printed much.
func (b *bench) talkative(ctx context.Context) (project, transcript string, err error) {
	if project, err = b.project("talkative"); err != nil {
		return "", "", err
	}
	state, err := config.OpenStateDir(project)
	if err != nil {
		return "", "", err
	}
	transcript = filepath.Join(state, "attempts", "w1", "T1", "1", "transcript.log")
	if _, err := os.Stat(transcript); err == nil {
		return project, transcript, nil
	}
	if err := fill(ctx, filepath.Join(state, store.File), 1, 1, 10); err != nil {
		return "", "", fmt.Errorf("make a store: %w", err)
	}
	return project, transcript, writeLines(transcript, transcriptBytes)
}

// writeLines writes a file of so many bytes, of lines as an agent prints them, and waits until it is on the disk: what is
// measured next would share the machine with that.
func writeLines(path string, size int) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	out := bufio.NewWriterSize(f, 1<<20)
	for n, written := 0, 0; written < size && err == nil; n++ {
		var k int
		k, err = fmt.Fprintf(out, "%8d {\"type\":\"assistant\",\"text\":\"I look at the greeting in greet.go and change it.\"}\n", n)
		written += k
	}
	if err == nil {
		err = out.Flush()
	}
	return errors.Join(err, f.Sync())
}
