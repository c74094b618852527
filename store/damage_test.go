package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/wrapix/wrapix/engine"
)

// states are all that the workflows of a sample ever were.
type states map[string]bool

// sample is the content of a small store.
func sample(t testing.TB) (content []byte, all states) {
	t.Helper()
	path := filepath.Join(t.TempDir(), File)
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	all = states{}
	for _, id := range []engine.WorkflowID{"one", "two"} {
		w := begin(t, s, id, 12)
		all[whole(t, w)] = true
		for i := range 4 {
			w = attempt(t, s, w, "T2", i == 3)
			all[whole(t, w)] = true
		}
		w = do(t, s, w, engine.SetLimits{Limits: engine.Limits{MaxAttempts: 3}})
		all[whole(t, w)] = true
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	content, err = os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content, all
}

// survey opens a store file that may be damaged and reads all of it. It returns the first error, and fails the test
// where something was read that was never written. Where one of the two meta pages is damaged bbolt goes back by one
// transaction, as it must after a power cut; so older states are right too.
func survey(t testing.TB, path string, readOnly bool, all states) error {
	t.Helper()
	s, err := Open(path, Options{ReadOnly: readOnly, Wait: -1})
	if err != nil {
		return err
	}
	defer s.Close()
	ctx := context.Background()
	list, err := s.List(ctx)
	if err != nil {
		return err
	}
	for _, listed := range list {
		w, err := s.Load(ctx, listed.ID)
		if err != nil {
			return err
		}
		if _, err := s.Overview(ctx, listed.ID); err != nil {
			return err
		}
		if !all[whole(t, w)] {
			t.Errorf("read a workflow that never was: %s", whole(t, w))
		}
		last := uint64(0)
		if err := s.Events(ctx, listed.ID, 0, func(e engine.Event) error { last = e.Seq; return nil }); err != nil {
			return err
		}
		if last != w.Seq {
			t.Errorf("workflow %s has %d events of %d", w.ID, last, w.Seq)
		}
	}
	problems, err := s.Verify(ctx)
	if err != nil {
		t.Errorf("Verify: %v", err)
	}
	for _, p := range problems {
		if p.Workflow != "" {
			t.Errorf("Verify finds what reading did not: %v", p)
		}
	}
	return nil
}

// refused holds what must be so for every damaged file: an error that says which file and what to do, and not a byte
// changed.
func refused(t *testing.T, what string, content []byte, all states, must bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), File)
	for _, readOnly := range []bool{true, false} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		err := survey(t, path, readOnly, all)
		if err == nil && must {
			t.Errorf("%s: not noticed", what)
		}
		if err != nil {
			var hint *engine.Hint
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) || !errors.As(err, &hint) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if after, _ := os.ReadFile(path); !bytes.Equal(after, content) {
			t.Errorf("%s: the file was changed", what)
		}
	}
}

func TestEveryPageDamaged(t *testing.T) {
	content, all := sample(t)
	page := os.Getpagesize()
	for at := 0; at < len(content); at += page {
		zeroed := bytes.Clone(content)
		clear(zeroed[at : at+page])
		refused(t, fmt.Sprintf("page %d zeroed", at/page), zeroed, all, false)

		filled := bytes.Clone(content)
		copy(filled[at:at+page], bytes.Repeat([]byte{0xFF}, page))
		refused(t, fmt.Sprintf("page %d filled", at/page), filled, all, false)

		moved := bytes.Clone(content)
		copy(moved[at:at+page], content[(at+5*page)%len(content):])
		refused(t, fmt.Sprintf("page %d replaced", at/page), moved, all, false)
		if t.Failed() {
			break
		}
	}
}

func TestEveryHeaderFieldFlipped(t *testing.T) {
	content, all := sample(t)
	page := os.Getpagesize()
	random, stride := rand.New(rand.NewPCG(3, 4)), 30
	if soak() {
		stride = 1
	}
	for at := 0; at < len(content); at += page {
		for field := random.IntN(3); field < 96; field += 1 + random.IntN(stride) { // the page's header and first elements
			flipped := bytes.Clone(content)
			flipped[at+field] ^= 1 << random.IntN(8)
			refused(t, fmt.Sprintf("byte %d of page %d", field, at/page), flipped, all, false)
		}
		if t.Failed() {
			break
		}
	}
}

func TestFlippedBitInARecord(t *testing.T) {
	content, all := sample(t)
	for _, text := range []string{`"title":"a task"`, `"state":"done"`, `"verdict":"passed"`, "h-two"} {
		at := bytes.LastIndex(content, []byte(text))
		if at < 0 {
			t.Fatalf("no %s in the file", text)
		}
		// Old pages hold the text too, and a flip there does no harm: flip all.
		flipped := bytes.ReplaceAll(content, []byte(text), append([]byte(text[:len(text)-2]), 'x', text[len(text)-1]))
		refused(t, text, flipped, all, true)
	}
}

func TestCutOff(t *testing.T) {
	content, all := sample(t)
	page := os.Getpagesize()
	for size := 1; size < len(content); size += page/2 - 1 {
		// bbolt makes a file longer than its pages, so a cut at the very end may lose nothing.
		refused(t, fmt.Sprintf("%d of %d bytes", size, len(content)), content[:size], all, size <= 4*page)
	}
}

func TestForeignFiles(t *testing.T) {
	foreign := filepath.Join(t.TempDir(), "foreign")
	for _, synced := range []bool{false, true} {
		_ = os.Remove(foreign)
		db, err := bolt.Open(foreign, 0o600, &bolt.Options{NoFreelistSync: !synced})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 30 {
			err := db.Update(func(tx *bolt.Tx) error {
				b, err := tx.CreateBucketIfNotExists([]byte("people"))
				if err != nil {
					return err
				}
				return b.Put([]byte{byte(i)}, make([]byte, 9000))
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(foreign)
		if err != nil {
			t.Fatal(err)
		}
		refused(t, "another program's database", content, nil, true)
		_, err = Open(foreign, Options{})
		if err == nil || !strings.Contains(err.Error(), "not one of ralph") {
			t.Errorf("another program's database: %v", err)
		}
	}
	for _, text := range []string{"x", "# A note\n", "SQLite format 3\x00", strings.Repeat("text ", 30000)} {
		refused(t, fmt.Sprintf("%.15q", text), []byte(text), nil, true)
	}
}

// A page that leads back to itself would have bbolt recurse until the process dies.
func TestPagesInACircle(t *testing.T) {
	content, all := sample(t)
	page := os.Getpagesize()
	found := 0
	for at := 2 * page; at < len(content); at += page {
		if binary.NativeEndian.Uint16(content[at+8:]) != branchPage {
			continue
		}
		found++
		circle := bytes.Clone(content)
		binary.NativeEndian.PutUint64(circle[at+pageHeader+8:], uint64(at/page))
		refused(t, fmt.Sprintf("page %d", at/page), circle, all, false)
	}
	if found == 0 {
		t.Error("the sample has no branch page")
	}
}

// The file is taken away from under an open store, as by a broken disk or a careless hand.
func TestFileCutOffWhileOpen(t *testing.T) {
	content, _ := sample(t)
	path := filepath.Join(t.TempDir(), File)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	s := openTest(t, path, Options{})
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(context.Background(), "one"); !errors.Is(err, ErrDamaged) {
		t.Errorf("load: %v", err)
	}
	if _, err := s.List(context.Background()); !errors.Is(err, ErrDamaged) {
		t.Errorf("list: %v", err)
	}
	problems, err := s.Verify(context.Background())
	if len(problems) == 0 || err != nil {
		t.Errorf("verify: %v, %v", problems, err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	// The lock is free again.
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	verifyClean(t, openTest(t, path, Options{Wait: -1}))
}

// FuzzFile changes bytes of a store file: whatever they are, it is refused or reads as what was written.
func FuzzFile(f *testing.F) {
	content, all := sample(f)
	page := os.Getpagesize()
	for i := 0; i < len(content); i += page {
		f.Add(uint32(i+8), uint8(1), uint32(i+pageHeader), uint8(0xFF), uint32(i+pageHeader+8), uint8(7), uint32(len(content)))
	}
	f.Add(uint32(0), uint8(0), uint32(0), uint8(0), uint32(0), uint8(0), uint32(page))
	f.Fuzz(func(t *testing.T, a uint32, x uint8, b uint32, y uint8, c uint32, z uint8, size uint32) {
		changed := bytes.Clone(content)
		n := uint32(len(changed))
		changed[a%n] ^= x
		changed[b%n] ^= y
		changed[c%n] ^= z
		changed = changed[:min(size, n)]
		path := filepath.Join(t.TempDir(), File)
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if len(changed) > 0 {
			_ = survey(t, path, true, all)
		}
	})
}
