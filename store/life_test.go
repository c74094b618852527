package store

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	bolt "go.etcd.io/bbolt"

	"github.com/wrapix/wrapix/engine"
)

// noRaceSleep keeps the race detector from letting each process sleep for a second at its end.
const noRaceSleep = "GORACE=atexit_sleep_ms=0"

// live is a database's life in one process: it is made where there is none, gets transactions small and large, is
// compacted, copied and brought to a newer schema. What was accepted it says twice: on standard output, and by making
// a folder of that name beside the file, which an order of file operations can be held against.
func live(path string) error {
	ctx := context.Background()
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	said := func(what any) {
		fmt.Println(what)
		_ = os.Mkdir(filepath.Join(filepath.Dir(path), fmt.Sprintf("said-%v", what)), 0o700)
	}
	w, err := s.Load(ctx, "w")
	if err != nil { // the first life
		if w, err = try(s, engine.Workflow{}, engine.Start{ID: "w", SpecPath: "a.md", Source: engine.Source{Text: strings.Repeat("x", 60_000)}}); err != nil {
			return err
		}
		said(w.Seq)
	}
	grow := func(n int) {
		for i := 0; i < n && err == nil; i++ {
			if w, err = try(s, w, engine.SetLimits{Limits: engine.Limits{MaxIterations: int(w.Seq)}}); err == nil {
				said(w.Seq)
			}
		}
	}
	if grow(3); err == nil {
		err = swellOnce(s)
	}
	if err == nil {
		_, err = s.Compact(ctx)
	}
	if err == nil {
		s, err = Open(path, Options{})
	}
	grow(1)
	if err == nil {
		_, err = SaveCopy(ctx, filepath.Join(filepath.Dir(path), "copy.db"), true, func(to io.Writer) error { return s.Backup(ctx, to) })
	}
	if err == nil {
		said("copied")
	}
	grow(1)
	return err
}

// swellOnce makes the file larger than what it holds.
func swellOnce(s *Store) error {
	name := []byte("scratch")
	err := s.update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(name)
		if err == nil {
			err = b.Put(name, make([]byte, 200_000))
		}
		return err
	})
	if err == nil {
		err = s.update(func(tx *bolt.Tx) error { return tx.DeleteBucket(name) })
	}
	return err
}
