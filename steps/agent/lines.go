package agent

import "bytes"

// maxRecord is the longest record that is read: a model's last message is far shorter. What a tool returned may be longer.
const maxRecord = 4 << 20

// lines cuts a stream into lines of bounded length. Memory stays flat whatever comes.
type lines struct {
	line []byte
	long bool
	each func(line []byte) // the line is valid during the call
	// left is told of each line that was too long.
	left func()
}

func (l *lines) write(b []byte) {
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			l.keep(b)
			return
		}
		if len(l.line) == 0 && !l.long && end <= maxRecord { // the usual case is not copied
			l.each(b[:end])
		} else {
			l.keep(b[:end])
			l.end()
		}
		b = b[end+1:]
	}
}

func (l *lines) keep(b []byte) {
	if l.long || len(l.line)+len(b) > maxRecord {
		l.line, l.long = l.line[:0], true
		return
	}
	l.line = append(l.line, b...)
}

func (l *lines) end() {
	if l.long {
		l.left()
	} else {
		l.each(l.line)
	}
	l.line, l.long = l.line[:0], false
	if cap(l.line) > 64<<10 {
		l.line = nil
	}
}
