package control

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// message returns one server-sent event. The data is JSON of one line; an id of 0 is left out.
func message(kind string, id uint64, data []byte) []byte {
	b := make([]byte, 0, len(kind)+len(data)+48)
	if id > 0 {
		b = append(strconv.AppendUint(append(b, "id: "...), id, 10), '\n')
	}
	b = append(append(b, "event: "...), kind...)
	b = append(append(b, "\ndata: "...), data...)
	return append(b, "\n\n"...)
}

// beat is a comment, which readers skip: it says that the server is there.
var beat = []byte(": still here\n\n")

// maxLine bounds one line of a stream. An event may hold the text of a spec, of which JSON may make a multiple.
const maxLine = 256 << 20

var errLongLine = errors.New("a line of the stream is too long")

// lineReader reads lines of a stream, each bounded.
type lineReader struct {
	r    *bufio.Reader
	held []byte
}

func newLineReader(r io.Reader) *lineReader { return &lineReader{r: bufio.NewReaderSize(r, 16<<10)} }

// line returns the next line without its end; it is good until the next call. A last line without an end is cut off
// and so an error.
func (l *lineReader) line(limit int) ([]byte, error) {
	l.held = l.held[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		if err == nil && len(l.held) == 0 {
			return trimEnd(part), nil
		}
		if len(l.held)+len(part) > limit {
			return nil, errLongLine
		}
		l.held = append(l.held, part...)
		switch {
		case err == nil:
			return trimEnd(l.held), nil
		case errors.Is(err, io.EOF) && len(l.held) > 0:
			return nil, io.ErrUnexpectedEOF
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

func trimEnd(line []byte) []byte { return bytes.TrimSuffix(line[:len(line)-1], []byte{'\r'}) }

// readMessage returns the next message's kind and data; alive is called for every line, so that a reader sees more of
// a stream's life than its messages. The data is good until the next call.
func (l *lineReader) readMessage(alive func()) (kind string, data []byte, err error) {
	kind = "message"
	for {
		line, err := l.line(maxLine)
		if err != nil {
			return "", nil, err
		}
		alive()
		name, value, _ := bytes.Cut(line, []byte{':'})
		value = bytes.TrimPrefix(value, []byte{' '})
		switch {
		case len(line) == 0 && data != nil:
			return kind, data, nil
		case len(line) == 0:
			kind = "message"
		case string(name) == "event":
			kind = string(value)
		case string(name) == "data" && data != nil:
			return "", nil, fmt.Errorf("a message has two lines of data")
		case string(name) == "data":
			data = append([]byte{}, value...)
		}
	}
}
