package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/wrapix/wrapix/sandbox/frame"
)

func TestRingKeepsTheEnd(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		r := ring{size: 1 + rng.IntN(50)}
		var all []byte
		for range rng.IntN(20) {
			p := make([]byte, rng.IntN(80))
			for i := range p {
				p[i] = byte(rng.Uint32())
			}
			r.write(p)
			all = append(all, p...)
		}
		first, second := r.parts()
		got := append(append([]byte{}, first...), second...)
		want := all[max(0, len(all)-r.size):]
		if !bytes.Equal(got, want) || r.lost != int64(len(all)-len(want)) {
			t.Fatalf("size %d, %d written: kept %d, lost %d", r.size, len(all), len(got), r.lost)
		}
	}
}

// Whatever the limit, what is passed on is the head and the tail, and the sums are of exactly that.
func TestStreamLimit(t *testing.T) {
	for _, limit := range []int64{1, 3, 4, 7, 100, 999, 1000, 1001, 5000} {
		file, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		s := newStream(newOutput(int(file.Fd())), frame.Stdout, limit)
		var all []byte
		for i := range 250 {
			p := fmt.Appendf(nil, "%03d\n", i)
			s.write(p)
			all = append(all, p...)
		}
		sum := s.finish()
		frames, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		var passed []byte
		for line := range bytes.Lines(frames) {
			typ, payload, err := frame.Parse(bytes.TrimSuffix(line, []byte("\n")))
			if err != nil {
				t.Fatal(err)
			}
			if typ == frame.Stdout {
				passed = append(passed, payload...)
			}
		}
		want := all
		if int64(len(all)) > limit {
			tail := limit / 4
			want = append(append([]byte{}, all[:limit-tail]...), all[int64(len(all))-tail:]...)
		}
		if !bytes.Equal(passed, want) || sum.Bytes != int64(len(all)) || sum.Cut != int64(len(all)-len(want)) || sum.SHA256 != fmt.Sprintf("%x", sha256.Sum256(want)) {
			t.Errorf("limit %d: passed %d of %d, %+v", limit, len(passed), len(all), sum)
		}
	}
}

func TestExcerpt(t *testing.T) {
	var e excerpt
	e.add([]byte(strings.Repeat("a", excerptSize-1)))
	e.add([]byte("bc"))
	if got := e.String(); got != strings.Repeat("a", excerptSize-1)+"bc" {
		t.Errorf("%d bytes", len(got))
	}
	e.add([]byte(strings.Repeat("d", 2*excerptSize)))
	want := strings.Repeat("a", excerptSize-1) + "b" + fmt.Sprintf("\n[... %d bytes left out ...]\n", excerptSize+1) + strings.Repeat("d", excerptSize)
	if got := e.String(); got != want {
		t.Errorf("%q", got)
	}
}
