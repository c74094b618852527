package frame

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Frame is one decoded frame. The payload is only valid until the handler returns.
type Frame struct {
	Type    Type
	Payload []byte
}

// Decoder reads a record: the guest's frames as the engine's monitor (conmon, log driver k8s-file) wrote them, line by
// line with a time, the name of the stream, and F, or P for a part of a longer line:
//
//	2026-11-24T02:13:42.123456789+00:00 stdout P osome out
//	2026-11-24T02:13:42.123501234+00:00 stdout F put\n
//
// It is written to as bytes of the record come in, however they are cut. A record that ends in the middle of a line or
// of a frame is no error: more may come, or the power went.
type Decoder struct {
	handle func(Frame) error
	line   []byte // of the log, incomplete
	frame  []byte // of the guest, incomplete
	offset int64  // in the record, of the byte after those consumed
	said   []byte // the last of the guest's standard error
	final  *Result
	err    error
}

// maxLogLine bounds a line of the log. Conmon's buffer is 8 KiB in old versions and 32 KiB in later ones.
const maxLogLine = 1 << 20

// maxSaid bounds what is kept of the guest's own complaints.
const maxSaid = 4 << 10

// NewDecoder returns a Decoder that calls handle for each frame, the final one included.
func NewDecoder(handle func(Frame) error) *Decoder { return &Decoder{handle: handle} }

// Result returns the result if its frame has come, else nil.
func (d *Decoder) Result() *Result { return d.final }

// Complaint returns the end of what the guest wrote to its own standard error: nothing, unless it crashed.
func (d *Decoder) Complaint() string { return string(bytes.ToValidUTF8(d.said, []byte("?"))) }

// Partial says whether the last line is not whole. The monitor never stops there by itself.
func (d *Decoder) Partial() bool { return len(d.line) > 0 }

// Write takes the next bytes of the record. After an error, which names the offset of the line it is about, every
// further call returns the same error.
func (d *Decoder) Write(p []byte) (int, error) {
	if d.err != nil {
		return 0, d.err
	}
	n := len(p)
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			if len(d.line)+len(p) > maxLogLine {
				return 0, d.fail(fmt.Errorf("a line is longer than %d bytes", maxLogLine))
			}
			d.line = append(d.line, p...)
			break
		}
		line := p[:i]
		if len(d.line) > 0 {
			d.line = append(d.line, line...)
			line = d.line
		}
		if len(line) > maxLogLine {
			return 0, d.fail(fmt.Errorf("a line is longer than %d bytes", maxLogLine))
		}
		if err := d.logLine(line); err != nil {
			return 0, d.fail(err)
		}
		d.offset += int64(len(line)) + 1
		d.line = d.line[:0]
		p = p[i+1:]
	}
	return n, nil
}

func (d *Decoder) fail(err error) error {
	d.err = fmt.Errorf("record, byte %d: %w", d.offset, err)
	return d.err
}

// LogLine takes one line of the monitor's log apart, given without its newline: the stream's name, what was written to it,
// and whether a line of the stream ends there.
func LogLine(line []byte) (stream string, content []byte, whole bool, err error) {
	_, rest, ok := bytes.Cut(line, []byte{' '})
	name, rest, ok2 := bytes.Cut(rest, []byte{' '})
	if !ok || !ok2 || len(rest) < 2 || (rest[0] != 'P' && rest[0] != 'F') || rest[1] != ' ' {
		return "", nil, false, fmt.Errorf("not a line of the log: %.40q", line)
	}
	if stream = string(name); stream != "stdout" && stream != "stderr" {
		return "", nil, false, fmt.Errorf("unknown stream %.20q", name)
	}
	return stream, rest[2:], rest[0] == 'F', nil
}

// logLine takes one whole line of the log apart.
func (d *Decoder) logLine(line []byte) error {
	stream, content, whole, err := LogLine(line)
	if err != nil {
		return err
	}
	if stream == "stderr" {
		d.complain(content, whole)
		return nil
	}
	if len(d.frame)+len(content) > MaxLine {
		return fmt.Errorf("a frame is longer than %d bytes", MaxLine)
	}
	// Always a copy: Parse changes what it is given, and a writer's argument is not ours to change.
	d.frame = append(d.frame, content...)
	if !whole {
		return nil
	}
	err = d.deliver(d.frame)
	if d.frame = d.frame[:0]; cap(d.frame) > 8*MaxPayload {
		d.frame = nil // a result passed; do not keep its size
	}
	return err
}

func (d *Decoder) complain(content []byte, whole bool) {
	d.said = append(d.said, content...)
	if whole {
		d.said = append(d.said, '\n')
	}
	if over := len(d.said) - maxSaid; over > 0 {
		d.said = append(d.said[:0], d.said[over:]...)
	}
}

func (d *Decoder) deliver(line []byte) error {
	if d.final != nil {
		return fmt.Errorf("%w: a frame after the result", errMalformed)
	}
	t, payload, err := Parse(line)
	if err != nil {
		return err
	}
	if t == Final {
		var r Result
		if err := json.Unmarshal(payload, &r); err != nil {
			return fmt.Errorf("%w: result: %w", errMalformed, err)
		}
		d.final = &r
	}
	return d.handle(Frame{Type: t, Payload: payload})
}
