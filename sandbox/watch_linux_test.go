package sandbox

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "record")
	writer, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := watchFile(path)
	if err != nil {
		t.Fatal(err)
	}
	next := func(want bool) {
		t.Helper()
		if closed, err := w.next(); err != nil || closed != want {
			t.Fatalf("closed %v, %v", closed, err)
		}
	}
	if _, err := writer.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	next(false)
	writer.Close()
	next(true)
	done := make(chan error)
	go func() {
		_, err := w.next()
		done <- err
	}()
	w.close()
	if err := <-done; err == nil {
		t.Error("next goes on after close")
	}
	w.close()
	if _, err := watchFile(path + "x"); err == nil {
		t.Error("a file that is not there is watched")
	}
}

func TestAbandoned(t *testing.T) {
	path := filepath.Join(t.TempDir(), "record")
	writer, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if abandoned(reader) {
		t.Error("abandoned while somebody writes")
	}
	writer.Close()
	for range 2 {
		if !abandoned(reader) {
			t.Error("not abandoned, and nobody writes")
		}
	}
	again, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if abandoned(reader) {
		t.Error("abandoned while somebody writes again")
	}
}

func TestAnotherReaderIsNoEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "record")
	writer, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	w, err := watchFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	other, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	other.Close()
	if _, err := writer.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	if closed, err := w.next(); err != nil || closed {
		t.Errorf("closed %v, %v", closed, err)
	}
}
