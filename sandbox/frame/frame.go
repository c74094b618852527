// Package frame is what host and guest say to each other: the [Job] that the guest is started with, and the frames in
// which it reports. Both sides are built from this package, always together.
//
// A frame is one line: a byte for its [Type], then the payload with newline and backslash escaped. Escaping leaves text
// readable in the engine's own log, and costs less than base64: a gigabyte has to pass in seconds. The last frame is the
// [Result].
//
// The guest is the only writer, but what it passes on comes from programs that want to deceive us. Their output is
// never more than the payload of a frame: a line of theirs cannot start one, because they have no newline that is ours.
package frame

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Type tells what a frame's payload is.
type Type byte

const (
	// Stdout and Stderr carry output of the running command.
	Stdout Type = 'o'
	Stderr Type = 'e'
	// Cut stands where output is missing; the payload is a CutMark in JSON.
	Cut Type = 'c'
	// Begin and End stand around a command's output; the payload is its name, or its Exit in JSON.
	Begin Type = 'b'
	End   Type = 'x'
	// Final is the last frame; the payload is the Result in JSON.
	Final Type = 'r'
)

const (
	// MaxPayload is the most that a frame of output carries.
	MaxPayload = 64 << 10
	// MaxLine is the longest line that a reader takes, of any type. Only results come near it: files that were
	// collected, at most MaxCollect in all, in base64.
	MaxLine = 32 << 20
	// MaxCollect bounds the collected files together, MaxFile each of them.
	MaxCollect = 16 << 20
	MaxFile    = 4 << 20
)

// CutMark says what is missing at its place.
type CutMark struct {
	Stream Type  `json:"stream"`
	Bytes  int64 `json:"bytes"`
}

// Writer writes frames. It is not safe for use by several goroutines.
type Writer struct {
	w   io.Writer
	buf []byte
}

// NewWriter returns a Writer to w. Each frame is one call of w.Write.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write writes one frame.
func (w *Writer) Write(t Type, payload []byte) error {
	w.buf = Append(w.buf[:0], t, payload)
	_, err := w.w.Write(w.buf)
	return err
}

// WriteJSON writes one frame whose payload is v in JSON.
func (w *Writer) WriteJSON(t Type, v any) error {
	payload, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode a frame of type %q: %w", t, err)
	}
	return w.Write(t, payload)
}

// Append appends the frame, with its newline, to dst.
func Append(dst []byte, t Type, payload []byte) []byte {
	dst = append(dst, byte(t))
	for {
		i := bytes.IndexByte(payload, '\n')
		line := payload
		if i >= 0 {
			line = payload[:i]
		}
		for {
			j := bytes.IndexByte(line, '\\')
			if j < 0 {
				break
			}
			dst = append(append(dst, line[:j]...), '\\', '\\')
			line = line[j+1:]
		}
		dst = append(dst, line...)
		if i < 0 {
			return append(dst, '\n')
		}
		dst = append(dst, '\\', 'n')
		payload = payload[i+1:]
	}
}

// errMalformed is what a line that no guest writes ends in.
var errMalformed = errors.New("malformed frame")

// Parse takes one line without its newline apart. It unescapes in place: line is changed, and payload lies in it.
func Parse(line []byte) (t Type, payload []byte, err error) {
	if len(line) == 0 {
		return 0, nil, fmt.Errorf("%w: empty line", errMalformed)
	}
	t = Type(line[0])
	switch t {
	case Stdout, Stderr, Cut, Begin, End, Final:
	default:
		return 0, nil, fmt.Errorf("%w: unknown type %q", errMalformed, line[0])
	}
	payload, err = unescape(line[1:])
	return t, payload, err
}

func unescape(b []byte) ([]byte, error) {
	from := bytes.IndexByte(b, '\\')
	if from < 0 {
		return b, nil
	}
	to := from
	for from < len(b) {
		// b[from] is a backslash.
		if from+1 == len(b) {
			return nil, fmt.Errorf("%w: ends in a backslash", errMalformed)
		}
		switch b[from+1] {
		case 'n':
			b[to] = '\n'
		case '\\':
			b[to] = '\\'
		default:
			return nil, fmt.Errorf("%w: unknown escape %q", errMalformed, b[from:from+2])
		}
		to, from = to+1, from+2
		next := bytes.IndexByte(b[from:], '\\')
		if next < 0 {
			next = len(b) - from
		}
		to += copy(b[to:], b[from:from+next])
		from += next
	}
	return b[:to], nil
}
