package frame

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseUndoesAppend(t *testing.T) {
	for _, payload := range []string{"", "a", "\n", "\\", "\\n", "\n\n", "a\nb\\c\n", "\\\\\n\\", "\x00\xff\r\n", strings.Repeat("\\\n", 1000)} {
		line := Append(nil, Stdout, []byte(payload))
		if n := bytes.Count(line, []byte("\n")); n != 1 || line[len(line)-1] != '\n' {
			t.Errorf("%q: encoded as %q", payload, line)
		}
		typ, got, err := Parse(line[:len(line)-1])
		if err != nil || typ != Stdout || string(got) != payload {
			t.Errorf("%q: got %q %q %v", payload, typ, got, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, line := range []string{"", "z", "\x00", "o\\", "o\\x", "oabc\\n\\", "R{}"} {
		if _, _, err := Parse([]byte(line)); err == nil {
			t.Errorf("%q: no error", line)
		}
	}
}

// record lays lines out as conmon does with a buffer of the size.
func record(size int, stream string, output []byte) []byte {
	var b bytes.Buffer
	for len(output) > 0 {
		part := output[:min(size, len(output))]
		output = output[len(part):]
		for len(part) > 0 {
			line, rest, whole := bytes.Cut(part, []byte("\n"))
			mark := "P"
			if whole {
				mark = "F"
			}
			fmt.Fprintf(&b, "2026-11-24T02:13:42.123456789+00:00 %s %s %s\n", stream, mark, line)
			part = rest
		}
	}
	return b.Bytes()
}

func TestDecoderReassembles(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var frames, want []byte
	for range 200 {
		payload := make([]byte, rng.IntN(5000))
		for i := range payload {
			payload[i] = "ab\n\\ \x00or"[rng.IntN(8)]
		}
		frames = Append(frames, Stdout, payload)
		want = append(want, payload...)
	}
	result, _ := json.Marshal(Result{Ended: EndedExited, Stdout: Stream{Bytes: int64(len(want))}})
	frames = Append(frames, Final, result)
	for _, size := range []int{1, 7, 100, 8191, 1 << 20} {
		log := record(size, "stdout", frames)
		for _, chunk := range []int{1, 1000, 64 << 10} {
			if size == 1 && chunk == 1 {
				continue
			}
			var got []byte
			d := NewDecoder(func(f Frame) error {
				if f.Type == Stdout {
					got = append(got, f.Payload...)
				}
				return nil
			})
			for rest := log; len(rest) > 0; {
				n := min(chunk, len(rest))
				if _, err := d.Write(rest[:n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("buffer %d, chunk %d: other bytes came out", size, chunk)
			}
			if r := d.Result(); r == nil || r.Stdout.Bytes != int64(len(want)) {
				t.Fatalf("buffer %d, chunk %d: result %+v", size, chunk, r)
			}
		}
	}
}

// A record cut anywhere decodes without an error, and has no result before its last byte.
func TestDecoderTornEnd(t *testing.T) {
	frames := Append(nil, Begin, []byte("agent"))
	frames = Append(frames, Stdout, []byte("one\ntwo\n"))
	frames = Append(frames, Final, []byte(`{"ended":"exited"}`))
	log := record(9, "stdout", frames)
	for n := range log {
		d := NewDecoder(func(Frame) error { return nil })
		if _, err := d.Write(log[:n]); err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if d.Result() != nil {
			t.Fatalf("%d bytes: a result", n)
		}
	}
}

// Every file of testdata/damaged is a record that must be refused at the offset that its name ends in.
func TestDecoderDamaged(t *testing.T) {
	files, err := filepath.Glob("testdata/damaged/*")
	if err != nil || len(files) == 0 {
		t.Fatal("no test data", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d := NewDecoder(func(Frame) error { return nil })
		_, err = d.Write(data)
		at := file[strings.LastIndexByte(file, '-')+1:]
		if err == nil || !strings.Contains(err.Error(), "byte "+at+":") {
			t.Errorf("%s: %v", file, err)
		}
		if _, again := d.Write([]byte("x")); again == nil || again.Error() != err.Error() {
			t.Errorf("%s: then %v", file, again)
		}
	}
}

func TestDecoderBoundsLines(t *testing.T) {
	d := NewDecoder(func(Frame) error { return nil })
	chunk := bytes.Repeat([]byte("x"), 64<<10)
	var err error
	for n := 0; err == nil && n < 2*maxLogLine; n += len(chunk) {
		_, err = d.Write(chunk)
	}
	if err == nil {
		t.Error("an endless log line is taken")
	}
	d = NewDecoder(func(Frame) error { return nil })
	part := append([]byte("t stdout P "), append(chunk, '\n')...)
	err = nil
	for n := 0; err == nil && n < 2*MaxLine; n += len(part) {
		_, err = d.Write(part)
	}
	if err == nil {
		t.Error("an endless frame is taken")
	}
}

func TestComplaint(t *testing.T) {
	d := NewDecoder(func(Frame) error { return nil })
	d.Write(record(100, "stderr", []byte("panic: of the guest\n"+strings.Repeat("x", 3*maxSaid)+"\nend\n")))
	if c := d.Complaint(); !strings.HasSuffix(c, "\nend\n") || len(c) > maxSaid {
		t.Errorf("kept %d bytes, %q", len(c), c[max(0, len(c)-20):])
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add(record(9, "stdout", Append(Append(nil, Stdout, []byte("a\nb")), Final, []byte(`{"ended":"exited"}`))), 3)
	f.Add([]byte("t stdout F o\\\n"), 1)
	f.Fuzz(func(t *testing.T, data []byte, chunk int) {
		if chunk <= 0 {
			chunk = 1
		}
		decode := func(chunk int) (out string, err error) {
			d := NewDecoder(func(f Frame) error {
				out += fmt.Sprintf("%c%q", f.Type, f.Payload)
				return nil
			})
			for rest := data; len(rest) > 0 && err == nil; {
				n := min(chunk, len(rest))
				_, err = d.Write(rest[:n])
				rest = rest[n:]
			}
			return out, err
		}
		whole, err1 := decode(len(data) + 1)
		parts, err2 := decode(chunk)
		if whole != parts || fmt.Sprint(err1) != fmt.Sprint(err2) {
			t.Errorf("whole: %s %v\nparts: %s %v", whole, err1, parts, err2)
		}
	})
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte("a\nb\\n"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		line := Append(nil, Stderr, payload)
		typ, got, err := Parse(line[:len(line)-1])
		if err != nil || typ != Stderr || !bytes.Equal(got, payload) {
			t.Errorf("%q: %q %v", payload, got, err)
		}
	})
}

func BenchmarkEncodeDecode(b *testing.B) {
	payload := []byte(strings.Repeat("a line of output as programs print them, some 60 bytes\n", 1000))
	frames := record(8191, "stdout", Append(nil, Stdout, payload))
	b.SetBytes(int64(len(payload)))
	d := NewDecoder(func(Frame) error { return nil })
	var buf []byte
	for b.Loop() {
		buf = Append(buf[:0], Stdout, payload)
		if _, err := d.Write(frames); err != nil {
			b.Fatal(err)
		}
	}
}
