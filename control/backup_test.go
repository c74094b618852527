package control

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/store"
)

// TestBackup copies the database of a store that is appended to all the while: the copy is whole and not younger than
// what was there before it was asked for.
func TestBackup(t *testing.T) {
	p := newProject(t)
	w := p.start(t, "w", 200)
	p.serve(t, nil)
	c := p.dial(t, nil)
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			if _, err := p.Do(testContext(t), "w", engine.SetLimits{Limits: engine.Limits{MaxIterations: i + 1}}); err != nil {
				stopped <- err
				return
			}
		}
	}()
	for range 5 {
		path := filepath.Join(t.TempDir(), "copy.db")
		_, err := store.SaveCopy(testContext(t), path, false, func(to io.Writer) error { return c.Backup(testContext(t), to) })
		if err != nil {
			t.Fatal(err)
		}
		s, err := store.Open(path, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		copied, err := s.Load(testContext(t), "w")
		if err != nil || copied.Seq < w.Seq {
			t.Errorf("the copy is at event %d, %v; it was at %d before", copied.Seq, err, w.Seq)
		}
		w = copied
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if err := c.Backup(testContext(t), failing{}); !errors.Is(err, errFailing) {
		t.Errorf("a writer that fails: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(p.folder, ".backup-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := p.Store.Close(); err != nil { // the backend fails
		t.Error(err)
	}
	if err := c.Backup(testContext(t), &bytes.Buffer{}); err == nil {
		t.Error("a copy of a closed store")
	}
	_ = os.Remove(p.folder)
}

var errFailing = errors.New("it fails")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFailing }
