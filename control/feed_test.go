package control

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/wrapix/wrapix/engine"
)

func observed(f *Feed, seqs ...uint64) {
	for _, seq := range seqs {
		f.Observe(engine.Workflow{ID: "w", Seq: seq}, []engine.Event{{Seq: seq, Type: engine.WaitNotified, Data: engine.NoData{}}})
	}
}

func numbers(n news) (seqs []uint64) {
	for _, f := range n.frames {
		seqs = append(seqs, f.seq)
	}
	return seqs
}

func TestFeedKeepsNothingForNobody(t *testing.T) {
	var f Feed
	observed(&f, 1, 2, 3)
	f.Output("w", engine.AttemptID{Task: "T1", Number: 1})
	if len(f.topics) != 0 {
		t.Error("it keeps what nobody follows")
	}
	s := f.subscribe("w", false)
	observed(&f, 4)
	if n := s.next(3); len(n.frames) != 1 || n.behind {
		t.Errorf("after 3: %+v", n)
	}
	if n := s.next(2); !n.behind {
		t.Error("event 3 came before the subscription, and nothing says so")
	}
	s.close()
	if len(f.topics) != 0 || f.followers.Load() != 0 {
		t.Error("it keeps what nobody follows any more")
	}
}

func TestFeedIsBounded(t *testing.T) {
	for name, f := range map[string]*Feed{
		"events": {MaxEvents: 3},
		"bytes":  {MaxBytes: 3*len(mustFrame(1)) + 2},
	} {
		s := f.subscribe("w", false)
		observed(f, 1, 2, 3, 4, 5)
		if got := numbers(s.next(2)); len(got) != 3 || got[0] != 3 || got[2] != 5 {
			t.Errorf("%s: kept %v", name, got)
		}
		if !s.next(1).behind {
			t.Errorf("%s: event 2 is gone, and nothing says so", name)
		}
		s.close()
	}
	f := &Feed{MaxBytes: 1}
	s := f.subscribe("w", false)
	defer s.close()
	observed(f, 1, 2)
	if got := numbers(s.next(1)); len(got) != 1 {
		t.Errorf("the latest event is not kept: %v", got)
	}
}

func TestFeedForgetsWhatAllReadersHave(t *testing.T) {
	var f Feed
	fast, slow := f.subscribe("w", false), f.subscribe("w", false)
	defer slow.close()
	observed(&f, 1, 2, 3, 4, 5)
	fast.next(0)
	fast.next(5)
	if got := numbers(slow.next(2)); len(got) != 3 {
		t.Errorf("the slow reader gets %v", got)
	}
	if kept := f.topics["w"]; len(kept.frames) != 3 {
		t.Errorf("%d events are kept for the slow reader", len(kept.frames))
	}
	fast.close()
	slow.next(5)
	if kept := f.topics["w"]; len(kept.frames) != 0 || kept.bytes != 0 {
		t.Errorf("%d events of %d bytes are kept for nobody", len(kept.frames), kept.bytes)
	}
	observed(&f, 6)
	if got := numbers(slow.next(5)); len(got) != 1 || got[0] != 6 {
		t.Errorf("after all was forgotten: %v", got)
	}
}

func mustFrame(seq uint64) []byte {
	f, err := newFrame(engine.Event{Seq: seq, Type: engine.WaitNotified, Data: engine.NoData{}})
	if err != nil {
		panic(err)
	}
	return f.text
}

// TestFeedOrder holds the feed against a store in its simplest form: whatever is told twice, late or not at all, a
// reader that asks the store where the feed tells it to gets every event once.
func TestFeedOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := &Feed{MaxEvents: rapid.IntRange(1, 5).Draw(t, "kept")}
		s := f.subscribe("w", false)
		defer s.close()
		var stored, told, read uint64
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0: // two appends that are told in the wrong order
				stored += 2
				observed(f, stored, stored-1)
				told = stored
			case 1:
				stored++
				observed(f, stored)
				told = stored
			case 2: // told again
				if stored > 0 {
					observed(f, rapid.Uint64Range(1, stored).Draw(t, "again"))
				}
			case 3:
				n := s.next(read)
				if n.behind {
					read = stored
					continue
				}
				for _, seq := range numbers(n) {
					if seq != read+1 {
						t.Fatalf("event %d after event %d", seq, read)
					}
					read = seq
				}
				if read < told {
					t.Fatalf("read to %d of %d that were told", read, told)
				}
			}
		}
	})
}

func TestFeedWakes(t *testing.T) {
	var f Feed
	plain, output := f.subscribe("w", false), f.subscribe("w", true)
	defer plain.close()
	defer output.close()
	woken := func(s *subscription) bool {
		select {
		case <-s.wake:
			return true
		default:
			return false
		}
	}
	f.Output("w", engine.AttemptID{Task: "T1", Number: 1})
	if woken(plain) || !woken(output) {
		t.Error("output wakes those who asked for it, and no others")
	}
	observed(&f, 1, 2, 3)
	if !woken(plain) || !woken(output) || woken(plain) {
		t.Error("events wake every reader, once")
	}
	f.Observe(engine.Workflow{ID: "other"}, []engine.Event{{Seq: 1}})
	if woken(plain) {
		t.Error("another workflow's events wake")
	}
}

func TestFeedFromManySides(t *testing.T) {
	f := &Feed{MaxEvents: 4}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 200 {
				s := f.subscribe("w", true)
				s.next(0)
				s.close()
			}
		})
	}
	for i := range 2 {
		all.Go(func() {
			for seq := range uint64(400) {
				observed(f, seq+uint64(i))
				f.Output("w", engine.AttemptID{Task: "T1", Number: i})
			}
		})
	}
	all.Wait()
}

func TestMessagesComeBack(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 100_000)
	text := append(message("event", 7, []byte(`{"a":1}`)), beat...)
	text = append(text, message("end", 0, long)...)
	lines := newLineReader(iotestHalf{bytes.NewReader(text)})
	alive := 0
	for _, want := range []struct {
		kind string
		data []byte
	}{{"event", []byte(`{"a":1}`)}, {"end", long}} {
		kind, data, err := lines.readMessage(func() { alive++ })
		if err != nil || kind != want.kind || !bytes.Equal(data, want.data) {
			t.Errorf("%s %.20s, %v", kind, data, err)
		}
	}
	if _, _, err := lines.readMessage(func() {}); err != io.EOF || alive != 9 {
		t.Errorf("%v after %d lines", err, alive)
	}
}

// iotestHalf gives a few bytes at a time.
type iotestHalf struct{ r io.Reader }

func (h iotestHalf) Read(b []byte) (int, error) { return h.r.Read(b[:min(len(b), 1+len(b)/3)]) }

func TestLinesAreBounded(t *testing.T) {
	l := newLineReader(strings.NewReader(strings.Repeat("x", 1<<20)))
	if _, err := l.line(1 << 17); !errors.Is(err, errLongLine) || cap(l.held) > 1<<19 {
		t.Errorf("%v, holding %d bytes", err, cap(l.held))
	}
}
