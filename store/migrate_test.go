package store

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/wrapix/wrapix/engine"
)

var (
	addBucket = migration{"add a bucket", func(tx *bolt.Tx) error {
		_, err := tx.CreateBucket([]byte("costs"))
		return err
	}}
	fillBucket = migration{"fill it", func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("costs")).Put([]byte("all"), []byte("1"))
	}}
	errBroken = errors.New("the step is broken")
	broken    = migration{"go wrong", func(tx *bolt.Tx) error {
		if err := tx.Bucket(taskBucket).Put([]byte("x"), nil); err != nil {
			return err
		}
		return errBroken
	}}
)

func TestNewerSchemaIsLeftUntouched(t *testing.T) {
	path := testPath(t)
	s := openTest(t, path, Options{})
	begin(t, s, "w", 3)
	_ = s.Close()
	s, err := open(path, Options{}.withDefaults(), []migration{addBucket, fillBucket}) // the newer program
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	content, _ := os.ReadFile(path)
	info, _ := os.Stat(path)

	for _, readOnly := range []bool{true, false} {
		_, err := Open(path, Options{ReadOnly: readOnly})
		var hint *engine.Hint
		if !errors.Is(err, ErrNewer) || !errors.As(err, &hint) || !strings.Contains(err.Error(), "schema 3") {
			t.Errorf("read only %t: %v", readOnly, err)
		}
	}
	after, _ := os.ReadFile(path)
	infoAfter, _ := os.Stat(path)
	if !bytes.Equal(after, content) || infoAfter.ModTime() != info.ModTime() {
		t.Error("the file was changed")
	}
}

func TestMigration(t *testing.T) {
	for _, readOnly := range []bool{true, false} {
		path := testPath(t)
		s := openTest(t, path, Options{})
		w := begin(t, s, "w", 3)
		id := s.ID()
		_ = s.Close()
		old, _ := os.ReadFile(path)

		told, copy := 0, ""
		opts := Options{ReadOnly: readOnly, Migrated: func(from, to int, copied string) {
			if told++; from != 1 || to != 3 {
				t.Errorf("told of a migration from %d to %d", from, to)
			}
			copy = copied
		}}.withDefaults()
		if _, err := open(path, opts, []migration{addBucket, broken}); !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "schema 3") {
			t.Fatalf("a broken step: %v", err)
		}
		s = openTest(t, path, Options{}) // still of schema 1
		verifyClean(t, s)
		_ = s.Close()

		for range 2 { // the second finds nothing to do
			s, err := open(path, opts, []migration{addBucket, fillBucket})
			if err != nil {
				t.Fatal(err)
			}
			if s.ID() != id || whole(t, load(t, s, "w")) != whole(t, w) {
				t.Error("the migration lost something")
			}
			err = s.view(func(tx *bolt.Tx) error {
				if string(tx.Bucket([]byte("costs")).Get([]byte("all"))) != "1" {
					t.Error("a step did not run")
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			_ = s.Close()
		}

		if told != 1 || !strings.HasPrefix(copy, path+".schema-1.20") {
			t.Errorf("a person was told %d times of the copy %q", told, copy)
		}
		copied, err := os.ReadFile(copy)
		if err != nil || !bytes.Equal(copied, old) {
			t.Errorf("the copy from before: %v", err)
		}
		restored := filepath.Join(t.TempDir(), File)
		if err := os.WriteFile(restored, copied, 0o600); err != nil {
			t.Fatal(err)
		}
		verifyClean(t, openTest(t, restored, Options{}))
		if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 3 {
			t.Errorf("the folder holds %v", entries)
		}
	}
}

func TestVerifyComparesWithTheEvents(t *testing.T) {
	path := testPath(t)
	s := openTest(t, path, Options{})
	begin(t, s, "good", 3)
	w := begin(t, s, "bad", 3)
	err := s.update(func(tx *bolt.Tx) error { // a projection that its events do not lead to
		t := *w.Tasks[1]
		t.Attempts = 7
		rw := writer{tx: tx}
		rw.put(taskBucket, partKey(2, 1), t)
		return rw.err
	})
	if err != nil {
		t.Fatal(err)
	}
	problems, err := s.Verify(context.Background())
	if err != nil || len(problems) != 1 || problems[0].Workflow != "bad" || !strings.Contains(problems[0].Text, "T2") {
		t.Errorf("found %v, %v", problems, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Verify(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}
