package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/sandbox/frame"
)

// output is the guest's own standard output, where the frames go.
type output struct {
	mu  sync.Mutex
	fd  int
	buf []byte
}

func newOutput(fd int) *output { return &output{fd: fd} }

// write writes one frame, and waits as long as the engine's monitor takes to read it. When nobody reads any more, what
// the commands do could never be known: they are ended, and we with them.
func (o *output) write(t frame.Type, payload []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf = frame.Append(o.buf[:0], t, payload)
	for rest := o.buf; len(rest) > 0; {
		n, err := syscall.Write(o.fd, rest)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			syscall.Kill(-1, syscall.SIGKILL)
			fail("write to my standard output: %v", err)
		}
		rest = rest[n:]
	}
}

// unread ends the commands, and us, as soon as nobody reads our standard output any more.
func (o *output) unread() {
	fds := []unix.PollFd{{Fd: int32(o.fd)}}
	for {
		n, err := unix.Poll(fds, -1)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n == 1 && fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0 {
			syscall.Kill(-1, syscall.SIGKILL)
			fail("nobody reads my standard output: %v", err)
		}
	}
}

func (o *output) writeJSON(t frame.Type, v any) {
	payload, err := json.Marshal(v)
	if err != nil {
		fail("encode a frame of type %q: %v", t, err) // cannot happen with our types
	}
	o.write(t, payload)
}

// maxTail bounds what is kept in memory of a stream that is longer than its limit.
const maxTail = 16 << 20

// stream passes one stream of the commands on: all of it up to the limit, else the head at once and a tail at the end.
type stream struct {
	out  *output
	typ  frame.Type
	head int64 // how much may still be passed on at once
	tail ring
	sum  hash.Hash
	all  int64
}

func newStream(out *output, typ frame.Type, limit int64) *stream {
	tail := min(maxTail, limit/4)
	return &stream{out: out, typ: typ, head: limit - tail, tail: ring{size: int(tail)}, sum: sha256.New()}
}

// pump passes everything on that can be read from f, without the secrets.
func (s *stream) pump(f *os.File, p *patterns, both *excerpt) {
	clean := redactor{patterns: p}
	buf := make([]byte, frame.MaxPayload)
	pass := func(b []byte) {
		both.add(b)
		s.write(b)
	}
	for {
		n, err := f.Read(buf)
		if n > 0 {
			pass(clean.write(buf[:n]))
		}
		if err != nil {
			pass(clean.end())
			return
		}
	}
}

func (s *stream) write(p []byte) {
	s.all += int64(len(p))
	if s.head > 0 {
		now := p[:min(s.head, int64(len(p)))]
		s.pass(now)
		s.head -= int64(len(now))
		p = p[len(now):]
	}
	s.tail.write(p)
}

func (s *stream) pass(p []byte) {
	for len(p) > 0 {
		part := p[:min(len(p), frame.MaxPayload)]
		s.sum.Write(part)
		s.out.write(s.typ, part)
		p = p[len(part):]
	}
}

// finish passes the tail on and sums up.
func (s *stream) finish() frame.Stream {
	if s.tail.lost > 0 {
		s.out.writeJSON(frame.Cut, frame.CutMark{Stream: s.typ, Bytes: s.tail.lost})
	}
	first, second := s.tail.parts()
	s.pass(first)
	s.pass(second)
	return frame.Stream{Bytes: s.all, Cut: s.tail.lost, SHA256: hex.EncodeToString(s.sum.Sum(nil))}
}

// ring keeps the last size bytes that are written to it, and counts the others. Its memory grows with need.
type ring struct {
	size int
	buf  []byte
	next int // where the next byte goes, once buf is full
	lost int64
}

func (r *ring) write(p []byte) {
	if over := len(p) - r.size; over > 0 {
		r.lost += int64(over)
		p = p[over:]
	}
	if room := r.size - len(r.buf); room > 0 {
		n := min(room, len(p))
		r.buf = append(r.buf, p[:n]...)
		p = p[n:]
	}
	r.lost += int64(len(p))
	for len(p) > 0 {
		n := copy(r.buf[r.next:], p)
		r.next = (r.next + n) % r.size
		p = p[n:]
	}
}

// parts returns what is kept, in order, in two parts.
func (r *ring) parts() (first, second []byte) { return r.buf[r.next:], r.buf[:r.next] }

// excerptSize is how much of a command's output its Exit keeps from the start, and from the end.
const excerptSize = 4 << 10

// excerpt keeps the head and the tail of both streams together.
type excerpt struct {
	mu   sync.Mutex
	head []byte
	tail ring
}

func (e *excerpt) add(p []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := min(excerptSize-len(e.head), len(p))
	e.head = append(e.head, p[:n]...)
	e.tail.size = excerptSize
	e.tail.write(p[n:])
}

func (e *excerpt) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	first, second := e.tail.parts()
	s := string(e.head)
	if e.tail.lost > 0 {
		s += fmt.Sprintf("\n[... %d bytes left out ...]\n", e.tail.lost)
	}
	return s + string(first) + string(second)
}
